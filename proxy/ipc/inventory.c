#include "inventory.h"

#include "pack.h"

#include <stdlib.h>
#include <string.h>

static bool write_key(struct buf *out, const struct inventory_key *key)
{
    if (key->chain_len == 0 || key->chain_len > INVENTORY_CHAIN_MAX)
        return false;
    if (!pack_u32(out, key->wanted) || !pack_u8(out, key->client) ||
        !buf_add(out, key->name, sizeof key->name) || !pack_u32(out, key->schemes) ||
        !pack_u32(out, (uint32_t)key->chain_len))
        return false;
    for (size_t i = 0; i < key->chain_len; i++)
        if (!key->chain[i].len || !pack_bytes(out, key->chain[i].der, key->chain[i].len))
            return false;
    return true;
}

bool inventory_write(struct buf *out, const struct inventory_key *keys, size_t count)
{
    if (count > INVENTORY_KEYS_MAX || !pack_u32(out, (uint32_t)count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!write_key(out, &keys[i]))
            return false;
    return true;
}

static bool read_key(struct unpack *in, struct inventory_key *key)
{
    uint8_t client;

    *key = (struct inventory_key){.wanted = unpack_u32(in)};
    client = unpack_u8(in);
    key->client = client == 1;
    for (size_t i = 0; i < sizeof key->name; i++)
        key->name[i] = unpack_u8(in);
    key->schemes = unpack_u32(in);
    key->chain_len = unpack_u32(in);
    if (in->failed || client > 1 || key->chain_len == 0 || key->chain_len > INVENTORY_CHAIN_MAX)
        return false;
    for (size_t i = 0; i < key->chain_len; i++) {
        key->chain[i].der = unpack_bytes(in, &key->chain[i].len);
        if (in->failed || !key->chain[i].len)
            return false;
    }
    return true;
}

bool inventory_read(const void *data, size_t len, struct inventory_key *out, size_t max, size_t *count)
{
    struct unpack in;
    size_t wanted;

    *count = 0;
    unpack_start(&in, data, len);
    wanted = unpack_u32(&in);
    if (in.failed || wanted > INVENTORY_KEYS_MAX || wanted > max)
        return false;
    for (size_t i = 0; i < wanted; i++)
        if (!read_key(&in, &out[i]))
            return false;
    if (!unpack_done(&in))
        return false;
    *count = wanted;
    return true;
}

static bool same_key(const struct inventory_key *a, const struct inventory_key *b)
{
    return a->wanted == b->wanted && a->client == b->client && a->schemes == b->schemes &&
           memcmp(a->name, b->name, sizeof a->name) == 0;
}

bool inventory_same_keys(const void *a, size_t a_len, const void *b, size_t b_len)
{
    struct inventory_key *keys = calloc((size_t)2 * INVENTORY_KEYS_MAX, sizeof *keys), *others;
    size_t count, other_count;
    bool same;

    if (!keys)
        return false;
    others = keys + INVENTORY_KEYS_MAX;
    same = inventory_read(a, a_len, keys, INVENTORY_KEYS_MAX, &count) &&
           inventory_read(b, b_len, others, INVENTORY_KEYS_MAX, &other_count) && count == other_count;
    for (size_t i = 0; same && i < count; i++)
        same = same_key(&keys[i], &others[i]);
    free(keys);
    return same;
}
