/*
 * An exchange on two streams: what the streams tell goes into the exchange, what comes out goes to the other
 * stream, and after each event http_settle() looks at the phase and sets timers and reading accordingly.
 */
#include "http.h"

#include "addr.h"
#include "conf.h"
#include "counters.h"
#include "http_exchange.h"
#include "http_head.h"
#include "loop.h"
#include "reason.h"
#include "stream.h"
#include "timer.h"

#include <stdlib.h>

enum { HTTP_BODY_READ_BYTES = 256 * 1024 };

struct http {
    struct session *session;
    struct http_exchange *exchange;
    struct stream *backend; /* from the first request on */
    bool backend_refused, backend_connected;
    bool paused;     /* the client sent more than its request while the answer is awaited */
    bool holds_idle; /* response-timeout counts instead */
    bool client_gone;
    bool client_full; /* bytes for the client wait: it is the client that is slow */
    size_t client_unsent;
    size_t read_limit;
    const char *cause; /* of the event at hand, borrowed */
    uint64_t started_ms;
    struct timer head, answer;
};

static size_t http_backend_data(void *owner, struct stream *stream, const uint8_t *data, size_t len);
static void http_backend_event(void *owner, struct stream *stream, enum stream_event event);

static const struct stream_user http_backend_user = {.data = http_backend_data, .event = http_backend_event};

/* --- what the exchange gives out --- */

static void http_to_client(void *owner, const uint8_t *data, size_t len)
{
    struct http *http = owner;

    stream_write(session_client(http->session), data, len);
}

/* A backend that cannot even be tried is told to the exchange after this call: it is not to be called from
 * here. */
static void http_connect(struct http *http)
{
    struct stream *client = session_client(http->session);
    struct err err;

    http->backend = session_connect_backend(http->session, &http_backend_user, http, &err);
    if (!http->backend) {
        http->backend_refused = true;
        return;
    }
    stream_set_sink(client, http->backend);
    stream_set_sink(http->backend, client);
}

static void http_to_backend(void *owner, const uint8_t *data, size_t len)
{
    struct http *http = owner;

    if (!http->backend && !http->backend_refused)
        http_connect(http);
    if (http->backend)
        stream_write(http->backend, data, len);
}

static void http_finished(void *owner, const struct http_record *record)
{
    struct http *http = owner;
    char backend[ADDR_TEXT_LEN];
    struct log_line line;

    counter_add(&session_counters(http->session)->requests, 1);
    addr_text(&session_conf(http->session)->backend, backend);
    session_log(http->session, &line, LOG_LEVEL_INFO, "request");
    log_text(&line, "command", record->method);
    log_text(&line, "path", record->target);
    if (record->code)
        log_number(&line, "code", record->code);
    log_number(&line, "bytes_in", (int64_t)record->bytes_in);
    log_number(&line, "bytes_out", (int64_t)record->bytes_out);
    log_number(&line, "ms", (int64_t)(loop_now_ms(session_loop(http->session)) - http->started_ms));
    if (http->backend)
        log_text(&line, "backend", backend);
    log_text(&line, "reason", reason_name(record->reason));
    log_text(&line, "detail", record->detail ? record->detail : http->cause);
    log_end(&line);
}

static const struct http_outlet http_outlet = {
    .to_client = http_to_client, .to_backend = http_to_backend, .finished = http_finished};

/* --- after each event --- */

static void http_hold_idle(struct http *http, bool hold)
{
    if (hold == http->holds_idle)
        return;
    http->holds_idle = hold;
    if (hold)
        session_hold_idle(http->session);
    else
        session_release_idle(http->session);
}

/* The first head must end within head-timeout of the connection, a later one of its first byte: between
 * requests idle-timeout rules. */
static void http_time_head(struct http *http, enum http_phase phase)
{
    if (phase == HTTP_PHASE_HEAD && !http->head.armed)
        timer_start(&http->head, session_conf(http->session)->head_timeout_ms);
    else if (phase != HTTP_PHASE_HEAD && phase != HTTP_PHASE_IDLE && http->head.armed)
        timer_stop(&http->head);
}

/* From the last byte of the request on, silence of the backend counts against response-timeout. While the
 * client does not take what there is, its idle-timeout counts instead. The timer is left to run out between
 * requests: touching is cheaper. */
static void http_time_answer(struct http *http, bool awaited)
{
    const struct conf_listener *conf = session_conf(http->session);
    size_t unsent = stream_unsent(session_client(http->session));
    bool full = unsent > 0;

    http->client_unsent = unsent;
    if (!awaited)
        return;
    if (full == http->client_full && http->answer.armed) {
        timer_touch(&http->answer);
        return;
    }
    http->client_full = full;
    timer_start(&http->answer, full ? conf->idle_timeout_ms : conf->response_timeout_ms);
}

/* Waiting for a head, bytes are bounded by the head's limit; a body may flow in large pieces. */
static void http_time_reading(struct http *http, enum http_phase phase)
{
    struct stream *client = session_client(http->session);
    size_t limit = phase == HTTP_PHASE_REQUEST ? (size_t)HTTP_BODY_READ_BYTES : (size_t)HTTP_HEAD_BYTES_MAX;

    if (limit != http->read_limit) {
        http->read_limit = limit;
        stream_set_read_limit(client, limit);
    }
    if (http->paused && phase != HTTP_PHASE_ANSWER) {
        http->paused = false;
        stream_resume(client);
    }
}

static void http_drop_backend(struct http *http)
{
    if (http->backend && http_exchange_is_settled(http->exchange))
        stream_close(http->backend);
    else if (http->backend)
        stream_abort(http->backend);
    http->backend = NULL;
}

/* The exchange is over, and so is the session: nothing of it may be touched afterwards. Closing gives the
 * client a few seconds only, so a slow one is waited for, under idle-timeout, until it has taken the answer.
 */
static void http_end(struct http *http)
{
    struct http_end end = http_exchange_end(http->exchange);
    const char *detail = end.detail ? end.detail : http->cause;

    if (end.cut) {
        session_abort(http->session, end.reason, detail);
    } else if (http->client_gone || !stream_unsent(session_client(http->session))) {
        session_end(http->session, end.reason, detail);
    } else {
        timer_stop(&http->head);
        timer_stop(&http->answer);
        http_hold_idle(http, false);
        http_drop_backend(http);
    }
}

/* The last call of every event: http may be gone afterwards. */
static void http_settle(struct http *http)
{
    enum http_phase phase;

    if (http->backend_refused)
        http_exchange_backend_unreachable(http->exchange);
    phase = http_exchange_phase(http->exchange);
    if (phase == HTTP_PHASE_OVER) {
        http_end(http);
        return;
    }
    http_hold_idle(http, phase == HTTP_PHASE_ANSWER);
    http_time_head(http, phase);
    http_time_answer(http, phase == HTTP_PHASE_ANSWER);
    http_time_reading(http, phase);
    session_touch(http->session);
}

/* --- what the streams tell --- */

static size_t http_client_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct http *http = owner;
    size_t taken;

    if (http_exchange_phase(http->exchange) == HTTP_PHASE_IDLE)
        http->started_ms = loop_now_ms(session_loop(http->session));
    taken = http_exchange_client_data(http->exchange, data, len);
    if (taken < len && http_exchange_phase(http->exchange) == HTTP_PHASE_ANSWER) {
        http->paused = true;
        stream_pause(stream);
    }
    http_settle(http);
    return taken;
}

static void http_client_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct http *http = owner;

    switch (event) {
    case STREAM_ENDED:
        http_exchange_client_ended(http->exchange);
        break;
    case STREAM_CUT:
    case STREAM_FAILED:
        http->cause = stream_error(stream)->text;
        http->client_gone = true;
        http_exchange_client_cut(http->exchange);
        break;
    case STREAM_CONNECTED:
    case STREAM_SECURE:
    case STREAM_DRAINED:
        break;
    }
    http_settle(http);
}

static size_t http_backend_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct http *http = owner;
    size_t taken = http_exchange_backend_data(http->exchange, data, len);

    (void)stream;
    http_settle(http);
    return taken;
}

static void http_backend_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct http *http = owner;

    switch (event) {
    case STREAM_CONNECTED:
        http->backend_connected = true;
        break;
    case STREAM_ENDED:
        http_exchange_backend_ended(http->exchange);
        break;
    case STREAM_CUT:
    case STREAM_FAILED:
        http->cause = stream_error(stream)->text;
        if (http->backend_connected)
            http_exchange_backend_failed(http->exchange);
        else
            http_exchange_backend_unreachable(http->exchange);
        break;
    case STREAM_SECURE:
    case STREAM_DRAINED:
        break;
    }
    http_settle(http);
}

static const struct stream_user http_client_user = {.data = http_client_data, .event = http_client_event};

static void http_head_expired(void *owner)
{
    struct http *http = owner;

    http_exchange_head_late(http->exchange);
    http_settle(http);
}

static void http_answer_expired(void *owner)
{
    struct http *http = owner;
    size_t unsent = stream_unsent(session_client(http->session));

    if (http_exchange_phase(http->exchange) != HTTP_PHASE_ANSWER)
        return;
    /* A slow client that has taken something meanwhile is not a dead one. */
    if (http->client_full && unsent < http->client_unsent) {
        http_time_answer(http, true);
        return;
    }
    if (http->client_full)
        http_exchange_stop(http->exchange, REASON_IDLE_TIMEOUT);
    else
        http_exchange_answer_late(http->exchange);
    http_settle(http);
}

/* --- the protocol --- */

static void *http_open(struct session *session)
{
    struct http *http = calloc(1, sizeof *http);
    struct stream *client = session_client(session);
    struct addr peer;

    if (!http)
        return NULL;
    stream_peer(client, &peer);
    http->session = session;
    http->exchange = http_exchange_new(&http_outlet, http, &peer);
    if (!http->exchange) {
        free(http);
        return NULL;
    }
    http->started_ms = loop_now_ms(session_loop(session));
    http->read_limit = HTTP_HEAD_BYTES_MAX;
    timer_init(&http->head, session_loop(session), http_head_expired, http);
    timer_init(&http->answer, session_loop(session), http_answer_expired, http);
    timer_start(&http->head, session_conf(session)->head_timeout_ms);
    stream_set_read_limit(client, http->read_limit);
    stream_set_user(client, &http_client_user, http);
    stream_resume(client);
    return http;
}

static void http_retire(void *state)
{
    struct http *http = state;

    http_exchange_retire(http->exchange);
}

static void http_drain(void *state)
{
    struct http *http = state;

    http_exchange_drain(http->exchange);
    http_settle(http);
}

static bool http_farewell(void *state, enum session_reason reason)
{
    struct http *http = state;

    if (reason == REASON_IDLE_TIMEOUT && http->backend && stream_unsent(http->backend))
        http_exchange_answer_late(http->exchange);
    else
        http_exchange_stop(http->exchange, reason);
    return http_exchange_end(http->exchange).cut;
}

static void http_close(void *state)
{
    struct http *http = state;

    timer_stop(&http->head);
    timer_stop(&http->answer);
    http_drop_backend(http);
    http_exchange_free(http->exchange);
    free(http);
}

const struct protocol protocol_https = {
    .name = "https",
    .alpn = "http/1.1",
    .tls_first = true,
    .tickets = 1,
    .open = http_open,
    .retire = http_retire,
    .drain = http_drain,
    .farewell = http_farewell,
    .close = http_close,
};
