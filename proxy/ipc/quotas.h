/*
 * How many sessions there may be, and how often a second something may be done, over all workers of the
 * machine: this worker counts its own in its page and sees the others' pages (limit_table.h, rate_table.h).
 * What is taken is counted first and looked at then, so that two workers together never take more than the
 * limit.
 *
 * One a worker; never blocks.
 */
#pragma once

#include "addr.h"
#include "counters.h"
#include "keyed_hash.h"
#include "limit_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quotas;

enum { QUOTAS_PEERS_MAX = 1024 };

/* own is borrowed. hash: the same in every worker. NULL: out of memory. */
struct quotas *quotas_new(struct counters_page *own, const struct keyed_hash_key *hash);
void quotas_free(struct quotas *quotas);

/* Another worker's page, mapped by counters_view, and its number; taken, once. False: there are too many, and
 * it was unmapped. */
bool quotas_add_peer(struct quotas *quotas, uint32_t number, struct counters_page *page);

/* who: NULL where the address does not matter. */
uint64_t quotas_key(const struct quotas *quotas, enum limit_kind kind, const char *alias,
                    const struct addr *who);

/* One more, when there are fewer than max over all workers. */
bool quotas_take(struct quotas *quotas, uint64_t key, uint64_t max);
/* Gives one back that was taken. */
void quotas_give(struct quotas *quotas, uint64_t key);

/* How many this worker has of what it counts itself; how many the others have. */
void quotas_tell(struct quotas *quotas, uint64_t key, uint64_t count);
uint64_t quotas_others(struct quotas *quotas, uint64_t key);

/*
 * One more of these in this second, when all workers together keep to per_second (0: no limit): no second of
 * the clock has more, and what the second before had counts less the longer it is ago, so that the next ones
 * come evenly. 0: taken; else so many milliseconds until it is worth asking again.
 */
uint64_t quotas_take_rate(struct quotas *quotas, enum limit_kind kind, uint64_t key, uint32_t per_second,
                          uint64_t now_ms);
