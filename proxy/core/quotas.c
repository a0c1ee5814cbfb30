#include "quotas.h"

#include "bans.h"

#include <stdlib.h>
#include <sys/mman.h>

struct quotas {
    struct limit_table *own;
    struct keyed_hash_key hash;
    size_t peer_count;
    struct counters_page *peers[QUOTAS_PEERS_MAX];
};

struct quotas *quotas_new(struct counters_page *own, const struct keyed_hash_key *hash)
{
    struct quotas *quotas = calloc(1, sizeof *quotas);

    if (quotas) {
        quotas->own = &own->limits;
        quotas->hash = *hash;
    }
    return quotas;
}

void quotas_free(struct quotas *quotas)
{
    if (!quotas)
        return;
    for (size_t i = 0; i < quotas->peer_count; i++)
        (void)munmap(quotas->peers[i], sizeof *quotas->peers[i]);
    free(quotas);
}

bool quotas_add_peer(struct quotas *quotas, struct counters_page *page)
{
    if (quotas->peer_count == QUOTAS_PEERS_MAX) {
        (void)munmap(page, sizeof *page);
        return false;
    }
    quotas->peers[quotas->peer_count++] = page;
    return true;
}

uint64_t quotas_key(const struct quotas *quotas, enum limit_kind kind, const char *alias,
                    const struct addr *who)
{
    uint8_t host[BANS_HOST_LEN];

    if (who)
        bans_host(who, host);
    return limit_key(&quotas->hash, kind, alias, who ? host : NULL);
}

/* What a page says is believed as far as a worker can have sessions. */
static uint64_t count_of(struct limit_table *table, uint64_t key)
{
    uint64_t count = limit_table_count(table, key);

    return count < COUNTERS_SLOTS_MAX ? count : COUNTERS_SLOTS_MAX;
}

bool quotas_take(struct quotas *quotas, uint64_t key, uint64_t max)
{
    uint64_t total;

    if (!limit_table_add(quotas->own, key))
        return false;
    total = limit_table_count(quotas->own, key);
    for (size_t i = 0; i < quotas->peer_count && total <= max; i++)
        total += count_of(&quotas->peers[i]->limits, key);
    if (total <= max)
        return true;
    limit_table_subtract(quotas->own, key);
    return false;
}

void quotas_give(struct quotas *quotas, uint64_t key)
{
    limit_table_subtract(quotas->own, key);
}
