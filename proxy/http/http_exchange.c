#include "http_exchange_private.h"
#include "http_refusal.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* a head, and what we add to it */
    EXCHANGE_OUT_BYTES_MAX = HTTP_HEAD_BYTES_MAX + HTTP_IDENTITY_BYTES_MAX + 4096,
    EXCHANGE_OUT_BYTES_KEPT = 8192,
    EXCHANGE_GATHERED_BYTES = 4096, /* runs up to this length are copied together and sent as one */
};

static void exchange_begin(struct http_exchange *x)
{
    x->phase = HTTP_PHASE_IDLE;
    x->to_head = x->to_1_0 = x->expects = x->last = x->answer_begun = false;
    x->interim = x->code = 0;
    x->bytes_in = x->bytes_out = 0;
    x->method[0] = x->target[0] = 0;
    memset(&x->request, 0, sizeof x->request);
    memset(&x->answer, 0, sizeof x->answer);
    http_head_begin(&x->head, HTTP_HEAD_REQUEST);
}

struct http_exchange *http_exchange_new(const struct http_outlet *outlet, void *owner,
                                        const struct addr *client, bool secure)
{
    struct http_exchange *x = calloc(1, sizeof *x);

    if (!x)
        return NULL;
    x->outlet = outlet;
    x->owner = owner;
    buf_init(&x->out, EXCHANGE_OUT_BYTES_MAX);
    http_forwarded_init(&x->forwarded, client, secure);
    x->settled = true;
    exchange_begin(x);
    return x;
}

void http_exchange_free(struct http_exchange *x)
{
    if (!x)
        return;
    buf_free(&x->out);
    free(x);
}

enum http_phase http_exchange_phase(const struct http_exchange *x)
{
    return x->phase;
}

struct http_end http_exchange_end(const struct http_exchange *x)
{
    return x->end;
}

bool http_exchange_is_exchanging(const struct http_exchange *x)
{
    return x->phase == HTTP_PHASE_REQUEST || x->phase == HTTP_PHASE_ANSWER;
}

/* Bytes on their way out */

static void deliver(struct http_exchange *x, const uint8_t *data, size_t len)
{
    if (!len)
        return;
    if (x->out_to_client) {
        x->bytes_out += len;
        x->outlet->to_client(x->owner, data, len);
    } else {
        x->outlet->to_backend(x->owner, data, len);
    }
}

void http_exchange_flush(struct http_exchange *x)
{
    size_t len = buf_len(&x->out);

    if (!len)
        return;
    deliver(x, buf_data(&x->out), len);
    buf_take(&x->out, len);
    if (len > EXCHANGE_OUT_BYTES_KEPT)
        buf_free(&x->out);
}

/* A long run goes out where it stands; short ones are gathered, so that a body in crumbs does not become a
 * system call a crumb, and a short body travels with its head. */
void http_exchange_pass(struct http_exchange *x, const uint8_t *data, size_t len)
{
    if (!len)
        return;
    if (len > EXCHANGE_GATHERED_BYTES || buf_len(&x->out) + len > EXCHANGE_OUT_BYTES_KEPT)
        http_exchange_flush(x);
    if (len > EXCHANGE_GATHERED_BYTES || !buf_add(&x->out, data, len)) {
        http_exchange_flush(x);
        deliver(x, data, len);
    }
}

/* Ends */

void http_exchange_over(struct http_exchange *x, enum session_reason reason, const char *detail, bool cut)
{
    x->phase = HTTP_PHASE_OVER;
    x->end = (struct http_end){.reason = reason, .detail = detail, .cut = cut};
}

void http_exchange_report(struct http_exchange *x, enum session_reason reason, const char *detail)
{
    struct http_record record = {.method = x->method,
                                 .target = x->target,
                                 .code = x->code,
                                 .bytes_in = x->bytes_in,
                                 .bytes_out = x->bytes_out,
                                 .reason = reason,
                                 .detail = detail};

    x->outlet->finished(x->owner, &record);
}

/* The request cannot be answered as it should be: our own answer when none has begun, else a cut. */
void http_exchange_give_up(struct http_exchange *x, unsigned code, enum session_reason reason,
                           const char *detail)
{
    bool cut = x->answer_begun;

    if (x->out_to_client)
        http_exchange_flush(x);
    else
        buf_take(&x->out, buf_len(&x->out));
    if (!cut) {
        x->out_to_client = true;
        x->code = code;
        (void)http_refusal(&x->out, code, x->to_head, &x->allowed);
        http_exchange_flush(x);
    }
    http_exchange_report(x, reason, detail);
    http_exchange_over(x, reason, detail, cut);
}

void http_exchange_complete(struct http_exchange *x, bool more_bytes)
{
    http_exchange_flush(x);
    http_exchange_report(x, REASON_DONE, NULL);
    x->settled = x->phase == HTTP_PHASE_ANSWER;
    if (more_bytes)
        http_exchange_over(x, REASON_BACKEND_PROTOCOL, "bytes behind the answer", false);
    else if (x->draining || (x->retiring && x->last))
        http_exchange_over(x, REASON_STOPPING, NULL, false);
    else if (x->client_ended)
        http_exchange_over(x, REASON_CLIENT_CLOSED, NULL, false);
    else if (x->last)
        http_exchange_over(x, REASON_QUIT,
                           x->phase == HTTP_PHASE_REQUEST ? "answered before the request was complete" : NULL,
                           false);
    else
        exchange_begin(x);
}

/* A head could not be built, and half of it may stand in out. */
void http_exchange_no_memory(struct http_exchange *x)
{
    buf_take(&x->out, buf_len(&x->out));
    http_exchange_report(x, REASON_NO_MEMORY, NULL);
    http_exchange_over(x, REASON_NO_MEMORY, NULL, true);
}

bool http_exchange_is_settled(const struct http_exchange *x)
{
    return x->settled;
}

/* What the owner decides */

void http_exchange_head_late(struct http_exchange *x)
{
    if (x->phase == HTTP_PHASE_IDLE)
        http_exchange_over(x, REASON_HEAD_TIMEOUT, NULL, false);
    else if (x->phase == HTTP_PHASE_HEAD)
        http_exchange_give_up(x, 408, REASON_HEAD_TIMEOUT, NULL);
}

bool http_exchange_awaits_body(const struct http_exchange *x)
{
    return x->phase == HTTP_PHASE_REQUEST && !x->answer_begun && !x->expects;
}

void http_exchange_body_slow(struct http_exchange *x)
{
    if (x->phase == HTTP_PHASE_REQUEST)
        http_exchange_give_up(x, 408, REASON_TOO_SLOW, NULL);
}

void http_exchange_answer_late(struct http_exchange *x)
{
    if (http_exchange_is_exchanging(x))
        http_exchange_give_up(x, 504, REASON_RESPONSE_TIMEOUT, NULL);
}

void http_exchange_retire(struct http_exchange *x)
{
    /* An answer whose head has left without Connection: close is not the last. */
    x->retiring = true;
}

void http_exchange_drain(struct http_exchange *x)
{
    x->draining = true;
    if (x->phase == HTTP_PHASE_IDLE)
        http_exchange_over(x, REASON_STOPPING, NULL, false);
    else
        x->last = true;
}

void http_exchange_stop(struct http_exchange *x, enum session_reason reason)
{
    if (x->phase == HTTP_PHASE_IDLE)
        http_exchange_over(x, reason, NULL, false);
    else if (x->phase != HTTP_PHASE_OVER)
        http_exchange_give_up(x, reason == REASON_IDLE_TIMEOUT ? 408 : 503, reason, NULL);
}
