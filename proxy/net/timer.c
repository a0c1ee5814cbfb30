#include "timer.h"

#include "loop.h"

#include <ev.h>

_Static_assert(sizeof(ev_timer) <= sizeof(((struct timer *)0)->watcher), "timer.watcher holds an ev_timer");

static ev_timer *timer_watcher(struct timer *timer)
{
    return (ev_timer *)(void *)timer->watcher;
}

static void timer_schedule(struct timer *timer, uint64_t in_ms)
{
    ev_timer *watcher = timer_watcher(timer);

    ev_timer_set(watcher, (double)in_ms / 1000.0, 0.);
    ev_timer_start(loop_ev(timer->loop), watcher);
}

/* touch moved due_ms without telling libev: sleep for what is left. */
static void timer_fired(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct timer *timer = watcher->data;
    uint64_t now_ms = loop_now_ms(timer->loop);

    (void)ev;
    (void)events;
    if (now_ms < timer->due_ms) {
        timer_schedule(timer, timer->due_ms - now_ms);
        return;
    }
    timer->armed = false;
    timer->expired(timer->owner);
}

void timer_init(struct timer *timer, struct loop *loop, void (*expired)(void *owner), void *owner)
{
    ev_timer *watcher = timer_watcher(timer);

    timer->loop = loop;
    timer->expired = expired;
    timer->owner = owner;
    timer->armed = false;
    ev_timer_init(watcher, timer_fired, 0., 0.);
    watcher->data = timer;
}

void timer_start(struct timer *timer, uint64_t span_ms)
{
    timer_stop(timer);
    if (!span_ms)
        return;
    timer->span_ms = span_ms;
    timer->due_ms = loop_now_ms(timer->loop) + span_ms;
    timer->armed = true;
    ev_now_update(loop_ev(timer->loop));
    timer_schedule(timer, span_ms);
}

void timer_touch(struct timer *timer)
{
    if (timer->armed)
        timer->due_ms = loop_now_ms(timer->loop) + timer->span_ms;
}

void timer_stop(struct timer *timer)
{
    if (!timer->loop)
        return;
    timer->armed = false;
    ev_timer_stop(loop_ev(timer->loop), timer_watcher(timer));
}
