/*
 * Time in which the machine stood still (a paused virtual machine, a frozen control group) is nobody's fault:
 * whoever did nothing in it did not hang. It is known by the supervisor's own tick, which was late, too.
 * Every watch over a process asks here how long something has lasted; after a standstill all of them count
 * from its end. Supervisor only; never blocks; all times are clock_monotonic_ms.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* So late is no tick of a machine that is only busy. */
enum { STANDSTILL_MS = 2000 };

/* Zeroed when made. */
struct standstill {
    uint64_t looked_ms, over_ms;
};

/* From the supervisor's tick, before anything is judged by it. */
void standstill_look(struct standstill *standstill, uint64_t now_ms);

/* How long something has lasted that began at since_ms, as far as it can be held against anybody: 0 also
 * while a standstill has not been looked at, and when since_ms is in the future. */
uint64_t standstill_age_ms(const struct standstill *standstill, uint64_t since_ms, uint64_t now_ms);

/* Is it slack_ms past end_ms? A standstill gives whoever was to end by then the slack anew. */
bool standstill_overdue(const struct standstill *standstill, uint64_t end_ms, uint64_t slack_ms,
                        uint64_t now_ms);
