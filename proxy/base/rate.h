/*
 * So many a second, with a burst: a bucket that fills with time. A value inside its owner; the caller brings
 * the time. Any process; never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint32_t per_second, burst; /* per_second 0: no limit */
    uint64_t level_milli;       /* thousandths of one */
    uint64_t filled_ms;
};

void rate_init(struct rate *rate, uint32_t per_second, uint32_t burst, uint64_t now_ms);

/* Takes one if there is one. */
bool rate_take(struct rate *rate, uint64_t now_ms);

/* Milliseconds until there is one; 0: now. */
uint64_t rate_wait_ms(struct rate *rate, uint64_t now_ms);
