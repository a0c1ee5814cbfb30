/*
 * How often one worker did, in this second and in the one before, what is limited by the second (signatures
 * of a keystore, full handshakes of an address): part of its counters_page, written by it alone. A thing is a
 * number that every worker finds alike (limit_key); how often all did it is the sum over their tables, which
 * are read as hostile.
 *
 * Seconds are those of the machine's monotonic clock, so nothing needs to be emptied. A set that is full
 * forgets what was done least. Fixed size; never blocks.
 */
#pragma once

#include "counters.h"
#include "limit_table.h"

#include <stdint.h>

struct rate_counts {
    uint64_t now, before; /* in this second, in the one before */
};

/* Where its row is. Signatures have a set of their own: a crowd of addresses pushes out no keystore. */
struct rate_set *rate_table_set(struct rate_table *table, enum limit_kind kind, uint64_t key);

/* The table's own process: one more in this second, and never mind. */
void rate_set_add(struct rate_set *set, uint64_t key, uint32_t second);
void rate_set_subtract(struct rate_set *set, uint64_t key, uint32_t second);

/* Anybody. */
struct rate_counts rate_set_counts(struct rate_set *set, uint64_t key, uint32_t second);
