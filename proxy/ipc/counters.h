/*
 * Shared memory of one worker (counters_page) or one signer (signer_page): a memfd made by the
 * supervisor, written only by its own process with relaxed atomics, read by supervisor and
 * housekeeper, who treat it as hostile: they copy, they check indexes, they never follow it.
 * Zeroed by the supervisor when its process dies. Totals are sums over workers.
 */
#pragma once

#include "err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COUNTERS_LISTENERS_MAX = 128, COUNTERS_KEYSTORES_MAX = 16, COUNTERS_SLOTS_MAX = 16384 };

typedef _Atomic uint64_t counter;

struct listener_counters {
    counter sessions, sessions_total, refused_total;
    counter handshakes_full, handshakes_resumed, handshakes_failed;
    counter bytes_in, bytes_out; /* plain bytes from and to the client */
    counter transfers_done, transfers_failed, requests;
};

struct keystore_counters {
    counter signatures, failures, resent, in_flight, waiting;
};

/* One living session; id 0: free. */
struct session_slot {
    counter id, started_ms;
    _Atomic uint32_t listener, state;
    uint8_t client[24]; /* family, port, address: as in struct session */
    counter bytes_in, bytes_out;
};

struct counters_page {
    counter heartbeat_ms; /* CLOCK_MONOTONIC, set about once a second */
    counter log_dropped;
    struct listener_counters listeners[COUNTERS_LISTENERS_MAX];
    struct keystore_counters keystores[COUNTERS_KEYSTORES_MAX];
    struct session_slot slots[COUNTERS_SLOTS_MAX];
};

struct signer_page {
    counter busy_since_ms; /* CLOCK_MONOTONIC; 0: idle */
    counter signatures, refused, failures;
};

static inline void counter_add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void counter_set(counter *c, uint64_t n)
{
    atomic_store_explicit(c, n, memory_order_relaxed);
}

static inline uint64_t counter_get(counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* A memfd of `size` zero bytes, mode 0600, sealed against resizing; -1 on failure. */
int counters_new(const char *name, size_t size, struct err *err);

/* Maps it shared and writable; NULL on failure or when it has another size. */
void *counters_map(int fd, size_t size, struct err *err);
