/*
 * The two clocks: one that only goes forward, for deadlines, and the wall clock, for log lines.
 * Any process; never blocks (vDSO).
 */
#pragma once

#include <stdint.h>

/* CLOCK_MONOTONIC: the same in every process of the machine, so deadlines may be sent in messages. */
uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);

/* Milliseconds since 1970 UTC. */
uint64_t clock_wall_ms(void);

enum { CLOCK_ISO_LEN = 25 };

/* Writes "2026-01-31T23:59:59.123Z" and a NUL. */
void clock_iso(uint64_t wall_ms, char out[CLOCK_ISO_LEN]);
