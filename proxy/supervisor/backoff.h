/*
 * How long to wait before a process that ended is started again: at once, then first_ms, doubling up to
 * cap_ms; a process that lived for BACKOFF_GOOD_LIFE_MS begins the row anew. Pure; a value inside its owner.
 */
#pragma once

#include <stdint.h>

enum { BACKOFF_GOOD_LIFE_MS = 10000 };

struct backoff {
    uint64_t first_ms, cap_ms, next_ms;
};

void backoff_init(struct backoff *backoff, uint64_t first_ms, uint64_t cap_ms);

/* The wait after a life of lived_ms. */
uint64_t backoff_wait_ms(struct backoff *backoff, uint64_t lived_ms);
