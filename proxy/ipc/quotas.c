#include "quotas.h"

#include "bans.h"
#include "rate_table.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { SECOND_MS = 1000 };

struct quotas {
    struct limit_table *own;
    struct rate_table *rates;
    struct keyed_hash_key hash;
    size_t peer_count;
    struct counters_page *peers[QUOTAS_PEERS_MAX];
    uint32_t numbers[QUOTAS_PEERS_MAX]; /* of those pages */
};

struct quotas *quotas_new(struct counters_page *own, const struct keyed_hash_key *hash)
{
    struct quotas *quotas = calloc(1, sizeof *quotas);

    if (quotas) {
        quotas->own = &own->limits;
        quotas->rates = &own->rates;
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

static bool has_peer(const struct quotas *quotas, uint32_t number)
{
    for (size_t i = 0; i < quotas->peer_count; i++)
        if (quotas->numbers[i] == number)
            return true;
    return false;
}

bool quotas_add_peer(struct quotas *quotas, uint32_t number, struct counters_page *page)
{
    bool known = has_peer(quotas, number);

    if (known || quotas->peer_count == QUOTAS_PEERS_MAX) {
        (void)munmap(page, sizeof *page);
        return known;
    }
    quotas->numbers[quotas->peer_count] = number;
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

void quotas_tell(struct quotas *quotas, uint64_t key, uint64_t count)
{
    limit_table_set(quotas->own, key, count);
}

uint64_t quotas_others(struct quotas *quotas, uint64_t key)
{
    uint64_t total = 0;

    for (size_t i = 0; i < quotas->peer_count; i++)
        total += count_of(&quotas->peers[i]->limits, key);
    return total;
}

/* -- rates --------------------------------------------------------------------------------------- */

static struct rate_counts counts_of_all(struct quotas *quotas, enum limit_kind kind, uint64_t key,
                                        uint32_t second)
{
    struct rate_counts all = rate_set_counts(rate_table_set(quotas->rates, kind, key), key, second);

    for (size_t i = 0; i < quotas->peer_count; i++) {
        struct rate_set *set = rate_table_set(&quotas->peers[i]->rates, kind, key);
        struct rate_counts one = rate_set_counts(set, key, second);

        all.now += one.now;
        all.before += one.before;
    }
    return all;
}

/* Until one more fits in beside these: they are fewer than per_second when the second before counts as much
 * as of it still lies within a second of now. */
static uint64_t rate_wait_ms(struct rate_counts counts, uint32_t per_second, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms % SECOND_MS, fits_ms;

    if (counts.now >= per_second)
        return SECOND_MS - passed_ms;
    if (!counts.before)
        return 0;
    /* before * (SECOND_MS - fits_ms) < (per_second - now) * SECOND_MS */
    fits_ms = ((per_second - counts.now) * SECOND_MS - 1) / counts.before;
    fits_ms = fits_ms < SECOND_MS ? SECOND_MS - fits_ms : 0;
    return fits_ms > passed_ms ? fits_ms - passed_ms : 0;
}

uint64_t quotas_take_rate(struct quotas *quotas, enum limit_kind kind, uint64_t key, uint32_t per_second,
                          uint64_t now_ms)
{
    struct rate_set *own = rate_table_set(quotas->rates, kind, key);
    uint32_t second = (uint32_t)(now_ms / SECOND_MS);
    struct rate_counts counts;
    uint64_t wait_ms;

    if (!per_second)
        return 0;
    rate_set_add(own, key, second);
    counts = counts_of_all(quotas, kind, key, second);
    counts.now--; /* the one that was just added */
    wait_ms = rate_wait_ms(counts, per_second, now_ms);
    if (wait_ms)
        rate_set_subtract(own, key, second);
    return wait_ms;
}
