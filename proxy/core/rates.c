#include "rates.h"

#include "rate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { RATES_SETS = 2048, RATES_WAYS = 4 };

struct rates_entry {
    uint8_t host[16];
    bool used;
    struct rate rate;
};

struct rates {
    uint32_t per_second, burst;
    uint64_t seed; /* so that nobody can choose whom to push out */
    struct rates_entry entries[RATES_SETS][RATES_WAYS];
};

struct rates *rates_new(uint32_t per_second, uint32_t burst)
{
    struct rates *rates = calloc(1, sizeof *rates);

    if (!rates)
        return NULL;
    rates->per_second = per_second;
    rates->burst = burst;
    if (getrandom(&rates->seed, sizeof rates->seed, 0) != (ssize_t)sizeof rates->seed)
        rates->seed = 0;
    return rates;
}

void rates_free(struct rates *rates)
{
    free(rates);
}

/* IPv6 by its /64: whoever has one has all of it. */
static void host_of(const struct addr *addr, uint8_t out[16])
{
    memset(out, 0, 16);
    if (addr_is_v4(addr))
        memcpy(out, &addr->sa.v4.sin_addr, 4);
    else
        memcpy(out + 4, &addr->sa.v6.sin6_addr, 8);
}

static size_t set_of(const struct rates *rates, const uint8_t host[16])
{
    uint64_t hash = rates->seed;

    for (size_t i = 0; i < 16; i++)
        hash = (hash ^ host[i]) * 0x100000001b3u;
    return (size_t)(hash >> 17) % RATES_SETS;
}

static struct rates_entry *entry_of(struct rates *rates, const uint8_t host[16], uint64_t now_ms)
{
    struct rates_entry *set = rates->entries[set_of(rates, host)], *oldest = &set[0];

    for (size_t i = 0; i < RATES_WAYS; i++) {
        if (set[i].used && memcmp(set[i].host, host, sizeof set[i].host) == 0)
            return &set[i];
        if (!set[i].used || (oldest->used && set[i].rate.filled_ms < oldest->rate.filled_ms))
            oldest = &set[i];
    }
    oldest->used = true;
    memcpy(oldest->host, host, sizeof oldest->host);
    rate_init(&oldest->rate, rates->per_second, rates->burst, now_ms);
    return oldest;
}

bool rates_take(struct rates *rates, const struct addr *addr, uint64_t now_ms)
{
    uint8_t host[16];

    host_of(addr, host);
    return rate_take(&entry_of(rates, host, now_ms)->rate, now_ms);
}
