/*
 * One deadline, for the layers above net. Stands inside its owner; timer_stop before the owner goes.
 * touch is cheap (no heap work): the deadline moves lazily, so it may be called for every packet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct timer {
    struct loop *loop;
    void (*expired)(void *owner);
    void *owner;
    uint64_t span_ms, due_ms;
    bool armed;
    _Alignas(8) unsigned char watcher[64]; /* an ev_timer */
};

void timer_init(struct timer *timer, struct loop *loop, void (*expired)(void *owner), void *owner);

/* Starts or restarts; span 0 means "no limit" and only stops. */
void timer_start(struct timer *timer, uint64_t span_ms);
void timer_touch(struct timer *timer); /* the span begins again, if it is armed */
void timer_stop(struct timer *timer);
