#include "loop.h"

#include "clock.h"
#include "loop_private.h"
#include "stream_private.h"
#include "tls.h"

#include <malloc.h>
#include <stdlib.h>

/* Handed-back memory of many closed connections costs a call, so only now and then. */
enum { LOOP_TRIM_AFTER = 1000, LOOP_TRIM_EVERY_MS = 10000 };

static void loop_tell_ready(struct loop *loop)
{
    /* Only as many as are ready now: what they cause is for the next turn, so that no two streams can keep
     * the loop from the others. */
    for (size_t left = loop->ready_count; left && !TAILQ_EMPTY(&loop->ready); left--) {
        struct stream *stream = TAILQ_FIRST(&loop->ready);

        stream_unqueue(stream);
        stream_tell(stream);
    }
}

static void loop_step_handshakes(struct loop *loop)
{
    for (int step = 0; step < LOOP_STEPS_A_TURN; step++) {
        struct stream *stream = TAILQ_FIRST(&loop->urgent);

        if (!stream)
            stream = TAILQ_FIRST(&loop->handshakes);
        if (!stream)
            return;
        stream_unqueue(stream);
        stream_step(stream);
    }
}

static void loop_bury(struct loop *loop)
{
    struct stream *stream;

    while ((stream = TAILQ_FIRST(&loop->dead))) {
        TAILQ_REMOVE(&loop->dead, stream, queued);
        stream_free(stream);
        loop->freed_since_trim++;
    }
    if (loop->freed_since_trim >= LOOP_TRIM_AFTER &&
        loop_now_ms(loop) - loop->trimmed_ms >= LOOP_TRIM_EVERY_MS) {
        (void)malloc_trim(0);
        loop->freed_since_trim = 0;
        loop->trimmed_ms = loop_now_ms(loop);
    }
}

static void loop_turn(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    struct loop *loop = watcher->data;

    (void)events;
    loop_tell_ready(loop);
    loop_step_handshakes(loop);
    loop_bury(loop);
    if (loop->before_wait)
        loop->before_wait(loop->owner);
    if (TAILQ_EMPTY(&loop->ready) && TAILQ_EMPTY(&loop->urgent) && TAILQ_EMPTY(&loop->handshakes))
        ev_idle_stop(ev, &loop->more_to_do);
    else
        ev_idle_start(ev, &loop->more_to_do);
}

/* Exists only so that the loop does not wait while there is something to do. */
static void loop_idle(struct ev_loop *ev, ev_idle *watcher, int events)
{
    (void)ev;
    (void)watcher;
    (void)events;
}

/* Those that were still closing, or that their owners left behind. */
static void loop_end_streams(struct loop *loop)
{
    struct stream *stream, *next;

    for (stream = LIST_FIRST(&loop->all); stream; stream = next) {
        next = LIST_NEXT(stream, entry);
        stream_destroy(stream);
    }
    loop_bury(loop);
}

struct loop *loop_new(struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop) {
        err_set(err, "out of memory");
        return NULL;
    }
    loop->cipher_size = tls_sealed_size(LOOP_PLAIN_BYTES);
    loop->receive = malloc(LOOP_RECEIVE_BYTES);
    loop->plain = malloc(LOOP_PLAIN_BYTES);
    loop->cipher = malloc(loop->cipher_size);
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOSIGMASK);
    if (!loop->receive || !loop->plain || !loop->cipher || !loop->ev) {
        err_set(err, "the event loop cannot be made");
        loop_free(loop);
        return NULL;
    }
    LIST_INIT(&loop->all);
    TAILQ_INIT(&loop->ready);
    TAILQ_INIT(&loop->urgent);
    TAILQ_INIT(&loop->handshakes);
    TAILQ_INIT(&loop->dead);
    ev_prepare_init(&loop->turn, loop_turn);
    loop->turn.data = loop;
    ev_idle_init(&loop->more_to_do, loop_idle);
    ev_prepare_start(loop->ev, &loop->turn);
    ev_unref(loop->ev);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->ev) {
        if (ev_is_active(&loop->turn)) {
            loop_end_streams(loop);
            ev_ref(loop->ev);
            ev_prepare_stop(loop->ev, &loop->turn);
        }
        ev_loop_destroy(loop->ev);
    }
    free(loop->cipher);
    free(loop->plain);
    free(loop->receive);
    free(loop);
}

void loop_run(struct loop *loop, void (*before_wait)(void *owner), void *owner)
{
    loop->before_wait = before_wait;
    loop->owner = owner;
    (void)ev_run(loop->ev, 0);
    loop->before_wait = NULL;
}

void loop_stop(struct loop *loop)
{
    ev_break(loop->ev, EVBREAK_ALL);
}

struct ev_loop *loop_ev(struct loop *loop)
{
    return loop->ev;
}

/* libev's own "now" is the wall clock; the monotonic one costs no system call either (vDSO). */
uint64_t loop_now_ms(struct loop *loop)
{
    (void)loop;
    return clock_monotonic_ms();
}

size_t loop_streams(const struct loop *loop)
{
    return loop->streams;
}
