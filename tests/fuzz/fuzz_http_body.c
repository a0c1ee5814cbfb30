/*
 * A chunked body: the same bytes go on in pieces as at once; and what goes on of a whole body is a body to
 * which the filter has nothing to do. The first byte: the size of a piece.
 */
#include "buf.h"
#include "http_body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct result {
    enum http_progress progress;
    size_t taken, dropped;
    struct buf out;
};

static void filter_piece(struct http_body *body, const uint8_t *data, size_t len, struct result *result)
{
    size_t at = 0;

    while (at < len && result->progress == HTTP_MORE) {
        struct http_run run;

        result->progress = http_body_next(body, data + at, len - at, &run);
        must(run.drop + run.pass <= len - at);
        must(run.drop + run.pass > 0 || result->progress != HTTP_MORE);
        must(buf_add(&result->out, data + at + run.drop, run.pass));
        at += run.drop + run.pass;
        result->dropped += run.drop;
    }
    result->taken += at;
}

static void filter(const uint8_t *data, size_t len, size_t piece, struct result *result)
{
    struct http_body body = {.framing = HTTP_FRAMING_CHUNKED, .announced = HTTP_FRAMING_CHUNKED};
    size_t at = 0;

    memset(result, 0, sizeof *result);
    buf_init(&result->out, len ? len : 1);
    result->progress = HTTP_MORE;
    while (at < len && result->progress == HTTP_MORE) {
        size_t part = piece && piece < len - at ? piece : len - at;

        filter_piece(&body, data + at, part, result);
        at += part;
    }
    must(http_body_is_over(&body) == (result->progress == HTTP_DONE));
    must(result->progress == HTTP_REFUSED || result->taken == result->dropped + buf_len(&result->out));
}

static bool same_bytes(const struct buf *a, const struct buf *b)
{
    return buf_len(a) == buf_len(b) && (!buf_len(a) || memcmp(buf_data(a), buf_data(b), buf_len(a)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, pieces, again;

    if (size < 2)
        return 0;
    filter(data + 1, size - 1, 0, &whole);
    filter(data + 1, size - 1, (size_t)data[0] + 1, &pieces);
    must(whole.progress == pieces.progress && whole.taken == pieces.taken);
    must(same_bytes(&whole.out, &pieces.out));
    if (whole.progress == HTTP_DONE) {
        filter(buf_data(&whole.out), buf_len(&whole.out), 0, &again);
        must(again.progress == HTTP_DONE && !again.dropped && same_bytes(&again.out, &whole.out));
        buf_free(&again.out);
    }
    buf_free(&whole.out);
    buf_free(&pieces.out);
    return 0;
}
