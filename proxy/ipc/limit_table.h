/*
 * How many sessions one worker has of each thing that is limited (a listener, an address of a listener, a
 * partner): part of its counters_page, written by it alone. A thing is a number that every worker finds alike
 * (limit_key); its count over all workers is the sum over their tables, which are read as hostile.
 * Fixed size, open addressing; never blocks.
 */
#pragma once

#include "counters.h"
#include "keyed_hash.h"

#include <stdbool.h>
#include <stdint.h>

enum limit_kind { LIMIT_LISTENER = 1, LIMIT_ADDRESS, LIMIT_PARTNER, LIMIT_SIGNATURES, LIMIT_HANDSHAKES };

/* host: 16 bytes (bans.h), or NULL when it does not matter. Never 0. */
uint64_t limit_key(const struct keyed_hash_key *hash, enum limit_kind kind, const char *alias,
                   const uint8_t *host);

/* The table's own process: one more, one less. add is false when no row is free nearby. */
bool limit_table_add(struct limit_table *table, uint64_t key);
void limit_table_subtract(struct limit_table *table, uint64_t key);
/* For who counts elsewhere. */
void limit_table_set(struct limit_table *table, uint64_t key, uint64_t count);

/* Anybody. */
uint64_t limit_table_count(struct limit_table *table, uint64_t key);
