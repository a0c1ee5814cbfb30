/*
 * How many sessions there may be, over all workers of the machine: this worker counts its own in its page and
 * sees the others' pages (limit_table.h). What is taken is counted first and looked at then, so that two
 * workers together never let in more than the limit.
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

/* Another worker's page, mapped by counters_view; taken. False: there are too many, and it was unmapped. */
bool quotas_add_peer(struct quotas *quotas, struct counters_page *page);

/* who: NULL where the address does not matter. */
uint64_t quotas_key(const struct quotas *quotas, enum limit_kind kind, const char *alias,
                    const struct addr *who);

/* One more, when there are fewer than max over all workers. */
bool quotas_take(struct quotas *quotas, uint64_t key, uint64_t max);
/* Gives one back that was taken. */
void quotas_give(struct quotas *quotas, uint64_t key);
