/*
 * One number in memory that processes share: one writes it, others read it. Relaxed: no order with anything
 * else. Any process; never blocks.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t counter;

static inline void counter_add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counter_set(counter *c, uint64_t n)
{
    atomic_store_explicit(c, n, memory_order_relaxed);
}

/* A gauge goes down. */
static inline void counter_subtract(counter *c, uint64_t n)
{
    counter_add(c, 0 - n);
}

static inline uint64_t counter_get(counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* For sums of what is not trusted: stops at UINT64_MAX. */
static inline void counter_add_saturating(counter *total, uint64_t n)
{
    uint64_t before = counter_get(total);

    counter_set(total, n > UINT64_MAX - before ? UINT64_MAX : before + n);
}
