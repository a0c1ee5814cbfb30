/*
 * An exchange on two streams: what the streams tell goes into the exchange, what comes out goes to the other
 * stream, and after each event http_settle() looks at the phase and sets timers and reading accordingly.
 */
#include "http.h"

#include "http_fields.h"
#include "http_head.h"
#include "http_private.h"
#include "loop.h"

#include <stdlib.h>

enum { HTTP_BODY_READ_BYTES = 256 * 1024 };

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

    http->connected = http->route;
    http->backend_connected = false;
    http->backend = session_connect_backend(http->session, http_backends_of(http, http->route),
                                            &http_backend_user, http, &http->refusal);
    if (!http->backend) {
        http->backend_refused = true;
        http->cause = http->refusal;
        return;
    }
    stream_set_sink(client, http->backend);
    stream_set_sink(http->backend, client);
}

/* Each request's first bytes: when it goes to other servers than the one before, whose answer is complete,
 * that connection ends in order. */
static void http_to_backend(void *owner, const uint8_t *data, size_t len)
{
    struct http *http = owner;

    if (http->moves) {
        stream_close(http->backend);
        http->backend = NULL;
        http->moves = false;
    }
    if (!http->backend && !http->backend_refused)
        http_connect(http);
    if (http->backend)
        stream_write(http->backend, data, len);
}

static const struct http_outlet http_outlet = {.admit = http_admit,
                                               .to_client = http_to_client,
                                               .to_backend = http_to_backend,
                                               .finished = http_finished};

/* --- after each event --- */

const char *http_cause(const struct http *http)
{
    return http->cause.text[0] ? http->cause.text : NULL;
}

/* Waiting for a head, bytes are bounded by the head's limit; a body may flow in large pieces. */
static void http_bound_reading(struct http *http, enum http_phase phase)
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
    const char *detail = end.detail ? end.detail : http_cause(http);

    if (end.cut) {
        session_abort(http->session, end.reason, detail);
    } else if (http->client_gone || !stream_unsent(session_client(http->session))) {
        session_end(http->session, end.reason, detail);
    } else {
        http_time_stop(http);
        http_hold_idle(http, false);
        http_drop_backend(http);
    }
}

void http_settle(struct http *http)
{
    enum http_phase phase;

    if (http->backend_refused)
        http_exchange_backend_unreachable(http->exchange);
    phase = http_exchange_phase(http->exchange);
    if (phase == HTTP_PHASE_OVER) {
        http_end(http);
        return;
    }
    http_time_settle(http, phase);
    http_bound_reading(http, phase);
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
        http->cause = *stream_error(stream);
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
        http->cause = *stream_error(stream);
        /* It was reached when TLS has begun: what failed is not a server that is down. */
        if (http->backend_connected || stream_tls(stream))
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

/* --- the protocol --- */

/* Whom backends are told the request is from. On the way out the backend is a partner, and who asks stands
 * inside: that is nobody's business there. */
static const struct addr *http_told_of(const struct session *session)
{
    bool is_way_out = session_conf(session)->backend_tls.set && !session_identity(session)->secure;

    return is_way_out ? NULL : session_peer(session);
}

static void *http_open(struct session *session)
{
    struct http *http = calloc(1, sizeof *http);
    struct stream *client = session_client(session);

    if (!http)
        return NULL;
    http->session = session;
    buf_init(&http->identity, HTTP_IDENTITY_BYTES_MAX);
    http->exchange =
        http_exchange_new(&http_outlet, http, http_told_of(session), session_identity(session)->secure);
    if (!http->exchange) {
        free(http);
        return NULL;
    }
    http->read_limit = HTTP_HEAD_BYTES_MAX;
    http_time_init(http);
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

    http_time_stop(http);
    http_drop_backend(http);
    http_exchange_free(http->exchange);
    buf_free(&http->identity);
    free(http);
}

#define HTTP_FUNCTIONS                                                                                       \
    .open = http_open, .retire = http_retire, .drain = http_drain, .farewell = http_farewell,                \
    .close = http_close

const struct protocol protocol_https = {
    .name = "https", .alpn = "http/1.1", .tls_first = true, .tickets = 1, HTTP_FUNCTIONS};

const struct protocol protocol_http = {.name = "http", HTTP_FUNCTIONS};
