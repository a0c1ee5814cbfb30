/*
 * The hosts that are banned: shared memory made (counters_new) and written by the supervisor alone; workers
 * map it read-only (counters_read_only) and look at each client that they accept. The table has a fixed size:
 * where too many fall into one place, the ban that ends first gives way.
 *
 * A host is 16 bytes: an IPv4 address in its mapped form, or the /64 of an IPv6 address (whoever has one has
 * all of it). Never blocks.
 */
#pragma once

#include "addr.h"
#include "counters.h"
#include "keyed_hash.h"

#include <stdbool.h>
#include <stdint.h>

enum { BANS_SETS = 2048, BANS_WAYS = 8, BANS_HOST_LEN = 16 };

struct ban {
    counter host[2];
    counter until_ms; /* CLOCK_MONOTONIC; 0: a free row */
};

struct bans {
    counter key[2]; /* of the keyed hash, for all tables that workers share; set once, before it is granted */
    struct ban rows[BANS_SETS][BANS_WAYS];
};

void bans_host(const struct addr *addr, uint8_t out[BANS_HOST_LEN]);
/* An address as 16 bytes for messages, IPv4 in its mapped form; and back, port 0. */
void bans_pack_address(const struct addr *addr, uint8_t out[BANS_HOST_LEN]);
void bans_unpack_address(const uint8_t bytes[BANS_HOST_LEN], struct addr *out);
/* "192.0.2.1", "2001:db8:1:2::" (the /64). */
void bans_host_text(const uint8_t host[BANS_HOST_LEN], char out[ADDR_TEXT_LEN]);

struct keyed_hash_key bans_key(struct bans *bans);

/* Reader. */
bool bans_has(struct bans *bans, const uint8_t host[BANS_HOST_LEN], uint64_t now_ms);

/* Supervisor: bans it, or prolongs. */
void bans_add(struct bans *bans, const uint8_t host[BANS_HOST_LEN], uint64_t until_ms);
/* False: it was not banned. */
bool bans_remove(struct bans *bans, const uint8_t host[BANS_HOST_LEN]);

/* Supervisor: ends every ban that is over (all of them when `everyone`), telling each; returns how many are
 * left. */
size_t bans_expire(struct bans *bans, uint64_t now_ms, bool everyone,
                   void (*ended)(void *owner, const uint8_t host[BANS_HOST_LEN]), void *owner);
