/* Deadlines: of a head, of a body, of an answer (H3, H6; TRAPS 31). Each event of a session ends in
 * http_time_settle(), which starts and stops them by the phase alone. */
#include "http_private.h"

#include "loop.h"

/* How long a client may send nothing and still keep min-rate on average. */
enum { HTTP_PACE_WINDOW_MS = 10000 };

void http_hold_idle(struct http *http, bool hold)
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
static void time_head(struct http *http, enum http_phase phase)
{
    if (phase == HTTP_PHASE_HEAD && !http->head.armed)
        timer_start(&http->head, session_conf(http->session)->head_timeout_ms);
    else if (phase != HTTP_PHASE_HEAD && phase != HTTP_PHASE_IDLE && http->head.armed)
        timer_stop(&http->head);
}

/* From the last byte of the request on, silence of the backend counts against response-timeout. While the
 * client does not take what there is, its idle-timeout counts instead. The timer is left to run out between
 * requests: touching is cheaper. */
static void time_answer(struct http *http, bool awaited)
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

static void pace_begin(struct http *http)
{
    http->paced = true;
    http->excused = false;
    http->paced_bytes = stream_bytes_in(session_client(http->session));
    timer_start(&http->pace, HTTP_PACE_WINDOW_MS);
}

/* The client is not read from while the backend is not connected or does not take what there is. */
static bool client_may_send(const struct http *http)
{
    return http->backend_connected && !stream_unsent(http->backend) &&
           http_exchange_awaits_body(http->exchange);
}

/* min-rate is the client's to keep only as long as nobody keeps it from sending: a window in which somebody
 * did begins anew when the client may send again. */
static void time_body(struct http *http, enum http_phase phase)
{
    if (phase != HTTP_PHASE_REQUEST) {
        if (http->paced)
            timer_stop(&http->pace);
        http->paced = false;
        return;
    }
    if (!session_conf(http->session)->min_rate_bytes)
        return;
    if (!http->paced)
        pace_begin(http);
    if (!client_may_send(http)) {
        http->excused = true;
    } else if (http->excused) {
        http->excused = false;
        http->paced_bytes = stream_bytes_in(session_client(http->session));
        timer_touch(&http->pace);
    }
}

void http_time_settle(struct http *http, enum http_phase phase)
{
    http_hold_idle(http, phase == HTTP_PHASE_ANSWER);
    time_head(http, phase);
    time_body(http, phase);
    time_answer(http, phase == HTTP_PHASE_ANSWER);
    session_touch(http->session);
}

static void head_expired(void *owner)
{
    struct http *http = owner;

    http_exchange_head_late(http->exchange);
    http_settle(http);
}

static void answer_expired(void *owner)
{
    struct http *http = owner;
    size_t unsent = stream_unsent(session_client(http->session));

    if (http_exchange_phase(http->exchange) != HTTP_PHASE_ANSWER)
        return;
    /* A slow client that has taken something meanwhile is not a dead one. */
    if (http->client_full && unsent < http->client_unsent) {
        time_answer(http, true);
        return;
    }
    if (http->client_full)
        http_exchange_stop(http->exchange, REASON_IDLE_TIMEOUT);
    else
        http_exchange_answer_late(http->exchange);
    http_settle(http);
}

static void pace_expired(void *owner)
{
    struct http *http = owner;
    uint64_t came = stream_bytes_in(session_client(http->session)) - http->paced_bytes;
    uint64_t due = session_conf(http->session)->min_rate_bytes * (HTTP_PACE_WINDOW_MS / 1000);

    if (http->excused || came >= due) {
        pace_begin(http);
        return;
    }
    http_exchange_body_slow(http->exchange);
    http_settle(http);
}

void http_time_init(struct http *http)
{
    struct loop *loop = session_loop(http->session);

    http->started_ms = loop_now_ms(loop);
    timer_init(&http->head, loop, head_expired, http);
    timer_init(&http->answer, loop, answer_expired, http);
    timer_init(&http->pace, loop, pace_expired, http);
    timer_start(&http->head, session_conf(http->session)->head_timeout_ms);
}

void http_time_stop(struct http *http)
{
    timer_stop(&http->head);
    timer_stop(&http->answer);
    timer_stop(&http->pace);
}
