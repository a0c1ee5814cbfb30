/*
 * A head of a request or an answer: the same verdict in pieces as at once; and what was accepted goes on as a
 * head that is accepted again and goes on unchanged, so nothing is hidden in it from the next reader. The
 * first byte: bit 0 an answer, the others the size of a piece.
 */
#include "http_body.h"
#include "http_fields.h"
#include "http_target.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* piece 0: at once. */
static enum http_progress parse(struct http_head *head, enum http_head_kind kind, const uint8_t *data,
                                size_t len, size_t piece, struct http_fault *fault)
{
    enum http_progress progress = HTTP_MORE;
    size_t have = 0;

    http_head_begin(head, kind);
    while (have < len && progress == HTTP_MORE) {
        have = piece && piece < len - have ? have + piece : len;
        progress = http_head_parse(head, data, have, fault);
    }
    must(head->len <= have);
    return progress;
}

/* Appends what goes on; false when the head is refused. */
static bool rewrite(struct buf *out, struct http_head *head, const uint8_t *data)
{
    struct http_forwarded forwarded;
    struct http_options options;
    struct http_fault fault = {0};
    struct http_body body;
    struct addr client;
    struct err err;
    bool fine;

    must(addr_parse_host("2001:db8::9", &client, &err));
    http_forwarded_init(&forwarded, &client, true);
    if (head->kind == HTTP_HEAD_ANSWER) {
        fine = http_options_read(&options, head, data, &fault) &&
               http_body_of_answer(&body, head, data, false, false, &fault);
        must(!fine || http_fields_answer(out, head, data, &body, &options, true));
    } else {
        fine = http_target_check(head, data, &fault) && http_options_read(&options, head, data, &fault) &&
               http_body_of_request(&body, head, data, &fault);
        must(!fine || http_fields_request(out, head, data, &body, &options, &forwarded, true));
    }
    must(fine || (fault.code >= 400 && fault.why));
    return fine;
}

static void check_rewritten(struct http_head *head, const uint8_t *data)
{
    struct buf once, twice;
    struct http_fault fault = {0};

    buf_init(&once, HTTP_HEAD_BYTES_MAX + 4096);
    buf_init(&twice, HTTP_HEAD_BYTES_MAX + 4096);
    if (rewrite(&once, head, data) && buf_len(&once) <= HTTP_HEAD_BYTES_MAX &&
        head->field_count + 6 <= HTTP_FIELDS_MAX) {
        must(parse(head, head->kind, buf_data(&once), buf_len(&once), 0, &fault) == HTTP_DONE);
        must(head->len == buf_len(&once));
        must(rewrite(&twice, head, buf_data(&once)));
        must(buf_len(&once) == buf_len(&twice));
        must(memcmp(buf_data(&once), buf_data(&twice), buf_len(&once)) == 0);
    }
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head whole, pieces;
    struct http_fault whole_fault = {0}, pieces_fault = {0};
    enum http_head_kind kind;
    enum http_progress progress;

    if (size < 2)
        return 0;
    kind = data[0] & 1 ? HTTP_HEAD_ANSWER : HTTP_HEAD_REQUEST;
    progress = parse(&whole, kind, data + 1, size - 1, 0, &whole_fault);
    must(parse(&pieces, kind, data + 1, size - 1, (size_t)(data[0] >> 1) + 1, &pieces_fault) == progress);
    must(whole_fault.code == pieces_fault.code);
    must(whole.len == pieces.len && whole.field_count == pieces.field_count);
    if (progress == HTTP_DONE)
        check_rewritten(&whole, data + 1);
    return 0;
}
