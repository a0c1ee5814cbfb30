/* What the backend sends: interim answers, the final one, its body; and how its connection ends. */
#include "http_exchange_private.h"

enum { ANSWER_INTERIM_MAX = 8 };

static void backend_broke(struct http_exchange *x, const char *why)
{
    http_exchange_give_up(x, 502, REASON_BACKEND_PROTOCOL, why);
}

/* At most 8, none to HTTP/1.0 (H10); 101 would take the connection out of our hands. */
static void take_interim(struct http_exchange *x, const uint8_t *bytes, const struct http_options *options)
{
    if (x->head.status == 101)
        backend_broke(x, "an upgrade that was not asked for");
    else if (++x->interim > ANSWER_INTERIM_MAX)
        backend_broke(x, "too many interim answers");
    else if (!x->to_1_0 && !http_fields_answer(&x->out, &x->head, bytes, &x->answer, options, false))
        http_exchange_no_memory(x);
    x->expects = false;
    http_head_begin(&x->head, HTTP_HEAD_ANSWER);
}

static void take_final(struct http_exchange *x, const uint8_t *bytes, const struct http_options *options)
{
    bool early = x->phase == HTTP_PHASE_REQUEST;

    x->last = x->last || early || x->draining || x->retiring || options->close || x->head.version_1_0 ||
              x->answer.framing == HTTP_FRAMING_CLOSE;
    if (!http_fields_answer(&x->out, &x->head, bytes, &x->answer, options, x->last)) {
        http_exchange_no_memory(x);
        return;
    }
    x->code = x->head.status;
    x->answer_begun = true;
}

/* Returns the length of the head, 0 while it is not whole. */
static size_t backend_head(struct http_exchange *x, const uint8_t *data, size_t len)
{
    struct http_fault fault;
    struct http_options options;
    enum http_progress progress = http_head_parse(&x->head, data, len, &fault);
    size_t head_len = x->head.len;

    if (progress == HTTP_MORE)
        return 0;
    if (progress == HTTP_REFUSED || !http_options_read(&options, &x->head, data, &fault) ||
        !http_body_of_answer(&x->answer, &x->head, data, x->to_head, x->to_1_0, &fault)) {
        backend_broke(x, fault.why);
        return 0;
    }
    if (x->head.status < 200)
        take_interim(x, data, &options);
    else
        take_final(x, data, &options);
    return head_len;
}

static size_t backend_body(struct http_exchange *x, const uint8_t *data, size_t len)
{
    enum http_progress progress = HTTP_MORE;
    size_t taken = 0;

    while (taken < len && progress == HTTP_MORE) {
        struct http_run run;

        progress = http_body_next(&x->answer, data + taken, len - taken, &run);
        http_exchange_pass(x, data + taken + run.drop, run.pass);
        taken += run.drop + run.pass;
    }
    if (progress == HTTP_REFUSED)
        backend_broke(x, "a chunked answer with broken framing");
    return taken;
}

size_t http_exchange_backend_data(struct http_exchange *x, const uint8_t *data, size_t len)
{
    size_t taken = 0, head_len = 1;

    if (!len || x->phase == HTTP_PHASE_OVER)
        return len;
    if (!http_exchange_is_exchanging(x)) {
        http_exchange_over(x, REASON_BACKEND_PROTOCOL, "bytes that no request asked for", false);
        return len;
    }
    x->out_to_client = true;
    while (head_len && taken < len && !x->answer_begun && x->phase != HTTP_PHASE_OVER) {
        head_len = backend_head(x, data + taken, len - taken);
        taken += head_len;
    }
    if (x->answer_begun && x->phase != HTTP_PHASE_OVER)
        taken += backend_body(x, data + taken, len - taken);
    if (x->answer_begun && x->phase != HTTP_PHASE_OVER && http_body_is_over(&x->answer))
        http_exchange_complete(x, taken < len);
    if (x->phase == HTTP_PHASE_OVER)
        return len;
    http_exchange_flush(x);
    return taken;
}

void http_exchange_backend_ended(struct http_exchange *x)
{
    if (x->phase == HTTP_PHASE_OVER)
        return;
    x->out_to_client = true;
    if (!http_exchange_is_exchanging(x))
        http_exchange_over(x, REASON_BACKEND_CLOSED, NULL, false);
    else if (x->answer_begun && x->answer.framing == HTTP_FRAMING_CLOSE)
        http_exchange_complete(x, false);
    else
        http_exchange_give_up(x, 502, REASON_BACKEND_CLOSED,
                              "the backend closed before its answer was complete");
}

void http_exchange_backend_unreachable(struct http_exchange *x)
{
    if (http_exchange_is_exchanging(x))
        http_exchange_give_up(x, 503, REASON_BACKEND_UNREACHABLE, NULL);
}

void http_exchange_backend_failed(struct http_exchange *x)
{
    if (http_exchange_is_exchanging(x))
        http_exchange_give_up(x, 502, REASON_BACKEND_FAILED, NULL);
    else if (x->phase != HTTP_PHASE_OVER)
        http_exchange_over(x, REASON_BACKEND_FAILED, NULL, false);
}
