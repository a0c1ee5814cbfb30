/*
 * Host names and the addresses that they have now. Names are made known at the start and looked up again and
 * again: as soon as an answer has outlived its TTL, at least 5 s and at most 5 min after it came. The last
 * good answer stays until there is a better one: a name server that fails takes nobody's backend away.
 *
 * /etc/hosts comes before DNS, as usual; its bytes are given, because a worker opens no file. For the same
 * reason resolver_new, which reads what the system says about DNS, comes before the sandbox.
 *
 * Worker only; one thread; nothing blocks. c-ares is known in resolve.c and nowhere else.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct resolver;

enum { RESOLVER_ADDRESSES_MAX = 16, RESOLVER_NAMES_MAX = 1024 };

struct resolver_user {
    /* A name has other addresses than before (or its first ones). Borrowed for the call. */
    void (*changed)(void *owner, const char *host, const struct addr *addresses, size_t count);
    /* It cannot be looked up: told when that begins, not each time it is tried. */
    void (*failed)(void *owner, const char *host, const struct err *why);
};

struct resolver_setup {
    uint64_t shortest_ms, longest_ms; /* between two look-ups; 0: 5 s and 5 min */
    const struct resolver_user *user; /* borrowed (a const table) */
    void *owner;
};

struct resolver *resolver_new(struct loop *loop, const struct resolver_setup *setup, struct err *err);
void resolver_free(struct resolver *resolver);

/* The bytes of /etc/hosts, of /etc/resolv.conf (its name servers); copied. May come again with newer ones. */
bool resolver_set_hosts(struct resolver *resolver, const void *text, size_t len, struct err *err);
void resolver_set_servers(struct resolver *resolver, const void *text, size_t len);

/* A name is wanted from now on, its first look-up begins in the loop's next turn; known ones are fine. False:
 * too many, no memory. */
bool resolver_add(struct resolver *resolver, const char *host, struct err *err);
size_t resolver_names(const struct resolver *resolver);

/* The addresses that a name has now (port 0), IPv4 first, each family in the order of its numbers; 0: not
 * known (yet). Asks nobody. */
size_t resolver_get(const struct resolver *resolver, const char *host, struct addr *out, size_t max);
