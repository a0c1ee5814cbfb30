/* What the client sends: heads that are checked and rewritten, bodies that go through. */
#include "http_exchange_private.h"
#include "http_target.h"

#include <string.h>

static void refuse(struct http_exchange *x, const struct http_fault *fault)
{
    enum session_reason reason = REASON_BAD_REQUEST;

    if (fault->code == 431)
        reason = REASON_TOO_LONG;
    else if (fault->code == 413)
        reason = REASON_REFUSED;
    http_exchange_give_up(x, fault->code, reason, fault->why);
}

static void copy_slice(char *out, size_t size, const uint8_t *bytes, struct http_slice slice)
{
    size_t len = slice.len < size ? slice.len : size - 1;

    memcpy(out, bytes + slice.at, len);
    out[len] = 0;
}

static bool check_expect(const struct http_head *head, const uint8_t *bytes, struct http_fault *fault)
{
    const struct http_field *expect = http_head_field(head, HTTP_NAME_EXPECT);

    if (!expect || head->version_1_0)
        return true;
    if (head->count[HTTP_NAME_EXPECT] > 1 || !http_slice_is(bytes, expect->value, "100-continue"))
        return http_refuse(fault, 417, "an expectation other than 100-continue");
    return true;
}

/* It is well-formed: may it go on? */
static bool admit(struct http_exchange *x, const uint8_t *bytes)
{
    struct http_permit permit = {.reason = REASON_REFUSED};
    struct http_fault fault = {0};

    if (x->outlet->admit && !x->outlet->admit(x->owner, &x->head, bytes, &permit, &fault)) {
        x->allowed = permit.allowed;
        http_exchange_give_up(x, fault.code, permit.reason, fault.why);
        return false;
    }
    if (!http_body_limit(&x->request, permit.max_body_bytes)) {
        refuse(x, &(struct http_fault){413, "a Content-Length above max-body"});
        return false;
    }
    x->forwarded.identity = permit.identity;
    x->forwarded.identity_len = permit.identity_len;
    return true;
}

/* The head is whole: sends it on, or refuses it. */
static void take_request(struct http_exchange *x, const uint8_t *bytes)
{
    struct http_options options;
    struct http_fault fault;

    /* Methods know their case (RFC 9110 9.1): to a backend, "head" is another one, and its answer has a body.
     */
    x->to_head = x->head.method.len == 4 && memcmp(bytes + x->head.method.at, "HEAD", 4) == 0;
    x->to_1_0 = x->head.version_1_0;
    if (!http_target_check(&x->head, bytes, &fault) ||
        !http_options_read(&options, &x->head, bytes, &fault) ||
        !http_body_of_request(&x->request, &x->head, bytes, &fault) ||
        !check_expect(&x->head, bytes, &fault)) {
        refuse(x, &fault);
        return;
    }
    if (!admit(x, bytes))
        return;
    x->expects = x->head.count[HTTP_NAME_EXPECT] > 0 && !x->to_1_0;
    x->last = options.close || x->to_1_0 || x->draining || x->retiring;
    x->out_to_client = false;
    if (!http_fields_request(&x->out, &x->head, bytes, &x->request, &options, &x->forwarded, x->last)) {
        http_exchange_no_memory(x);
        return;
    }
    x->settled = false;
    x->phase = http_body_is_over(&x->request) ? HTTP_PHASE_ANSWER : HTTP_PHASE_REQUEST;
    http_head_begin(&x->head, HTTP_HEAD_ANSWER);
}

/* Returns the length of the head, 0 while it is not whole or when it was refused. */
static size_t client_head(struct http_exchange *x, const uint8_t *data, size_t len)
{
    struct http_fault fault;
    enum http_progress progress = http_head_parse(&x->head, data, len, &fault);
    size_t head_len = x->head.len;

    x->phase = HTTP_PHASE_HEAD;
    if (progress == HTTP_MORE)
        return 0;
    x->bytes_in = head_len;
    if (x->head.has_start_line) {
        copy_slice(x->method, sizeof x->method, data, x->head.method);
        copy_slice(x->target, sizeof x->target, data, x->head.target);
    }
    if (progress == HTTP_REFUSED) {
        refuse(x, &fault);
        return 0;
    }
    take_request(x, data);
    return head_len;
}

static void refuse_body(struct http_exchange *x)
{
    if (x->request.too_large)
        refuse(x, &(struct http_fault){413, "a chunked body above max-body"});
    else
        refuse(x, &(struct http_fault){400, "a chunked body with broken framing"});
}

static size_t client_body(struct http_exchange *x, const uint8_t *data, size_t len)
{
    enum http_progress progress = HTTP_MORE;
    size_t taken = 0;

    x->out_to_client = false;
    x->expects = x->expects && !len;
    while (taken < len && progress == HTTP_MORE) {
        struct http_run run;

        progress = http_body_next(&x->request, data + taken, len - taken, &run);
        http_exchange_pass(x, data + taken + run.drop, run.pass);
        taken += run.drop + run.pass;
    }
    x->bytes_in += taken;
    if (progress == HTTP_DONE)
        x->phase = HTTP_PHASE_ANSWER;
    else if (progress == HTTP_REFUSED)
        refuse_body(x);
    return taken;
}

size_t http_exchange_client_data(struct http_exchange *x, const uint8_t *data, size_t len)
{
    size_t taken = 0;

    if (!len || x->phase == HTTP_PHASE_OVER)
        return len;
    if (x->phase == HTTP_PHASE_IDLE || x->phase == HTTP_PHASE_HEAD)
        taken = client_head(x, data, len);
    if (x->phase == HTTP_PHASE_REQUEST)
        taken += client_body(x, data + taken, len - taken);
    http_exchange_flush(x);
    return taken;
}

void http_exchange_client_ended(struct http_exchange *x)
{
    if (x->phase == HTTP_PHASE_IDLE) {
        http_exchange_over(x, REASON_CLIENT_CLOSED, NULL, false);
    } else if (x->phase == HTTP_PHASE_ANSWER || (x->phase == HTTP_PHASE_REQUEST && x->answer_begun)) {
        /* It may have shut down its sending side only: it still gets the answer. */
        x->client_ended = x->last = true;
    } else if (x->phase != HTTP_PHASE_OVER) {
        http_exchange_give_up(x, 400, REASON_CLIENT_CLOSED, "the request is incomplete");
    }
}

void http_exchange_client_cut(struct http_exchange *x)
{
    if (x->phase == HTTP_PHASE_OVER)
        return;
    if (http_exchange_is_exchanging(x))
        http_exchange_report(x, REASON_CLIENT_CUT, NULL);
    http_exchange_over(x, REASON_CLIENT_CUT, NULL, false);
}
