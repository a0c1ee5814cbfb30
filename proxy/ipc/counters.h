/*
 * Shared memory of one worker (counters_page) or one signer (signer_page): a memfd made by the
 * supervisor, written only by its own process with relaxed atomics, read by supervisor and
 * housekeeper, who treat it as hostile: they copy, they check indexes, they never follow it.
 * When its process dies the supervisor moves what it had counted into the counters_history
 * (counters_history.h) and zeroes it. Totals are sums over pages and history.
 *
 * Structs of counters hold nothing but counters: first those that go up and down (gauges, of a
 * living process only), then those that only grow.
 */
#pragma once

#include "counter.h"
#include "counters_rows.h"
#include "err.h"
#include "signer_page.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COUNTERS_LISTENERS_MAX = 128, COUNTERS_KEYSTORES_MAX = 16, COUNTERS_SLOTS_MAX = 16384 };
enum { COUNTERS_REASONS_MAX = 40, COUNTERS_BUCKETS = 13, COUNTERS_CODES_MAX = 24 };

/* Requests by the code that they were answered with: count 0 is a free row. */
struct code_counter {
    counter code, count;
};
#define COUNTERS_CODE_OTHER UINT32_MAX /* the last row, when more codes came than there are rows */

struct listener_counters {
    counter sessions, passive_ports_in_use; /* gauges */
    counter sessions_total, refused_total;
    counter handshakes_full, handshakes_resumed, handshakes_failed;
    counter bytes_in, bytes_out;     /* plain bytes from and to the client */
    counter passive_ports_exhausted; /* asked for when none was free */
    counter transfers_done, transfers_failed, requests, commands_refused;
    counter certificates_trusted, certificates_untrusted, certificates_none; /* what clients showed */
    counter sessions_by_reason[COUNTERS_REASONS_MAX];         /* ended; by enum session_reason */
    struct code_counter requests_by_code[COUNTERS_CODES_MAX]; /* by listener_counters_request */
};

/* A worker's view of a keystore. */
struct keystore_counters {
    counter in_flight, waiting; /* gauges */
    counter signatures, failures, resent;
    counter refused_early;                 /* handshakes that would have waited past the deadline */
    counter sign_us_total, sign_count;     /* from the first sending to the answer */
    counter sign_bucket[COUNTERS_BUCKETS]; /* each answer in one bucket: the first whose bound it keeps */
};

/* Upper bounds of sign_bucket; the last bucket has none. */
extern const uint64_t counters_bucket_us[COUNTERS_BUCKETS - 1];

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
    struct backend_counters backends[COUNTERS_BACKENDS_MAX];
    struct certificate_expiry certificates[COUNTERS_CERTIFICATES_MAX];
    struct listener_counters listeners[COUNTERS_LISTENERS_MAX];
    struct keystore_counters keystores[COUNTERS_KEYSTORES_MAX];
    struct session_slot slots[COUNTERS_SLOTS_MAX];
    struct limit_table limits;
    struct rate_table rates;
};

/* A memfd of `size` zero bytes, mode 0600, sealed against resizing; -1 on failure. */
int counters_new(const char *name, size_t size, struct err *err);

/* Maps it shared and writable; NULL on failure or when it has another size. */
void *counters_map(int fd, size_t size, struct err *err);

/* The same, for who only reads; munmap ends it. */
void *counters_view(int fd, size_t size, struct err *err);

/* Supervisor: a descriptor of the same memory that nobody can write through; -1 on failure. */
int counters_read_only(int fd, struct err *err);

/* Worker: a request ended with this code; 0: without an answer. */
void listener_counters_request(struct listener_counters *counters, uint32_t code);

/* Worker: one answer came so long after its request was first sent. */
void keystore_counters_signed(struct keystore_counters *counters, uint64_t us);

/* Readers: total += what from has counted (its gauges are left out). Sums stop at UINT64_MAX. */
void listener_counters_add(struct listener_counters *total, struct listener_counters *from);
void keystore_counters_add(struct keystore_counters *total, struct keystore_counters *from);
