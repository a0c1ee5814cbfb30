#include "bans.h"

#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void bans_pack_address(const struct addr *addr, uint8_t out[BANS_HOST_LEN])
{
    if (addr_is_v4(addr)) {
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + sizeof mapped, &addr->sa.v4.sin_addr, 4);
    } else {
        memcpy(out, addr->sa.v6.sin6_addr.s6_addr, BANS_HOST_LEN);
    }
}

void bans_unpack_address(const uint8_t bytes[BANS_HOST_LEN], struct addr *out)
{
    memset(out, 0, sizeof *out);
    if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        out->sa.v4.sin_family = AF_INET;
        memcpy(&out->sa.v4.sin_addr, bytes + sizeof mapped, 4);
        out->len = sizeof out->sa.v4;
    } else {
        out->sa.v6.sin6_family = AF_INET6;
        memcpy(&out->sa.v6.sin6_addr, bytes, BANS_HOST_LEN);
        out->len = sizeof out->sa.v6;
    }
}

void bans_host(const struct addr *addr, uint8_t out[BANS_HOST_LEN])
{
    bans_pack_address(addr, out);
    if (memcmp(out, mapped, sizeof mapped) != 0)
        memset(out + 8, 0, 8);
}

void bans_host_text(const uint8_t host[BANS_HOST_LEN], char out[ADDR_TEXT_LEN])
{
    struct addr addr;

    bans_unpack_address(host, &addr);
    addr_host_text(&addr, out);
}

struct keyed_hash_key bans_key(struct bans *bans)
{
    return (struct keyed_hash_key){counter_get(&bans->key[0]), counter_get(&bans->key[1])};
}

static struct ban *set_of(struct bans *bans, const uint8_t host[BANS_HOST_LEN])
{
    const struct keyed_hash_key key = bans_key(bans);

    return bans->rows[keyed_hash(&key, host, BANS_HOST_LEN) % BANS_SETS];
}

static bool is_of(struct ban *ban, const uint8_t host[BANS_HOST_LEN])
{
    uint64_t words[2];

    memcpy(words, host, sizeof words);
    return counter_get(&ban->host[0]) == words[0] && counter_get(&ban->host[1]) == words[1];
}

static struct ban *find(struct bans *bans, const uint8_t host[BANS_HOST_LEN])
{
    struct ban *set = set_of(bans, host);

    for (size_t i = 0; i < BANS_WAYS; i++)
        if (counter_get(&set[i].until_ms) && is_of(&set[i], host))
            return &set[i];
    return NULL;
}

/* The row may change while it is read: it counts when its time stood still around its host. */
bool bans_has(struct bans *bans, const uint8_t host[BANS_HOST_LEN], uint64_t now_ms)
{
    struct ban *set = set_of(bans, host);

    for (size_t i = 0; i < BANS_WAYS; i++) {
        uint64_t until_ms = atomic_load_explicit(&set[i].until_ms, memory_order_acquire);

        if (until_ms <= now_ms || !is_of(&set[i], host))
            continue;
        atomic_thread_fence(memory_order_acquire);
        return counter_get(&set[i].until_ms) == until_ms;
    }
    return false;
}

void bans_add(struct bans *bans, const uint8_t host[BANS_HOST_LEN], uint64_t until_ms)
{
    struct ban *row = find(bans, host), *set = set_of(bans, host);
    uint64_t words[2];

    if (!row) {
        row = &set[0];
        for (size_t i = 1; i < BANS_WAYS; i++)
            if (counter_get(&set[i].until_ms) < counter_get(&row->until_ms))
                row = &set[i];
        memcpy(words, host, sizeof words);
        counter_set(&row->until_ms, 0);
        atomic_thread_fence(memory_order_release);
        counter_set(&row->host[0], words[0]);
        counter_set(&row->host[1], words[1]);
    }
    atomic_store_explicit(&row->until_ms, until_ms, memory_order_release);
}

bool bans_remove(struct bans *bans, const uint8_t host[BANS_HOST_LEN])
{
    struct ban *row = find(bans, host);

    if (row)
        counter_set(&row->until_ms, 0);
    return row;
}

size_t bans_expire(struct bans *bans, uint64_t now_ms, bool everyone,
                   void (*ended)(void *owner, const uint8_t host[BANS_HOST_LEN]), void *owner)
{
    size_t left = 0;

    for (size_t i = 0; i < (size_t)BANS_SETS * BANS_WAYS; i++) {
        struct ban *row = &bans->rows[i / BANS_WAYS][i % BANS_WAYS];
        uint64_t until_ms = counter_get(&row->until_ms), words[2];
        uint8_t host[BANS_HOST_LEN];

        if (!until_ms)
            continue;
        if (until_ms > now_ms && !everyone) {
            left++;
            continue;
        }
        words[0] = counter_get(&row->host[0]);
        words[1] = counter_get(&row->host[1]);
        memcpy(host, words, sizeof host);
        counter_set(&row->until_ms, 0);
        ended(owner, host);
    }
    return left;
}
