/*
 * SipHash-2-4 (Aumasson, Bernstein): a place in a table that nobody who does not know the key can choose.
 * Pure; any process; never blocks.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct keyed_hash_key {
    uint64_t low, high;
};

uint64_t keyed_hash(const struct keyed_hash_key *key, const void *data, size_t len);
