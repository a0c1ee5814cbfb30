#include "keyed_hash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t turned(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void rounds(struct state *s, unsigned count)
{
    while (count--) {
        s->v0 += s->v1;
        s->v1 = turned(s->v1, 13) ^ s->v0;
        s->v0 = turned(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = turned(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = turned(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = turned(s->v1, 17) ^ s->v2;
        s->v2 = turned(s->v2, 32);
    }
}

static uint64_t word_at(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static void take(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

uint64_t keyed_hash(const struct keyed_hash_key *key, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t whole = len / 8 * 8;
    struct state s = {key->low ^ 0x736f6d6570736575u, key->high ^ 0x646f72616e646f6du,
                      key->low ^ 0x6c7967656e657261u, key->high ^ 0x7465646279746573u};

    for (size_t i = 0; i < whole; i += 8)
        take(&s, word_at(bytes + i, 8));
    take(&s, (uint64_t)len << 56 | word_at(bytes + whole, len - whole));
    s.v2 ^= 0xff;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
