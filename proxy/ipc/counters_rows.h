/*
 * Rows of a worker's page (counters.h) that have a name: backends, and certificates that listeners show. The
 * worker writes a name once; readers copy it and do not trust it to end. Too many are left out. And a table
 * of counts by key.
 */
#pragma once

#include "counter.h"

struct counters_page;

enum { COUNTERS_BACKENDS_MAX = 256, COUNTERS_CERTIFICATES_MAX = 256, COUNTERS_TEXT_MAX = 272 };

/* What a worker knows of a backend, by its text in the configuration. */
struct backend_counters {
    counter named;     /* 0: a free row; its text is written before and never again */
    counter connected; /* gauge: connections now */
    counter health;    /* enum backend_health */
    char text[COUNTERS_TEXT_MAX];
};
enum backend_health { BACKEND_UNKNOWN, BACKEND_DOWN, BACKEND_UP };

/* A certificate that a listener of this worker shows. */
struct certificate_expiry {
    counter not_after; /* seconds since 1970; 0: a free row; written last */
    _Atomic uint32_t listener;
    char alias[COUNTERS_TEXT_MAX]; /* of its key, cut when it is longer */
};

/* Counts of things that are limited over all workers (limit_table.h). */
enum { COUNTERS_LIMITS_MAX = 32768 };
struct limit_table {
    struct limit_entry {
        counter key, count; /* key 0: never used */
    } entries[COUNTERS_LIMITS_MAX];
};

/* How often a second things were done that all workers together may do so often (rate_table.h). */
enum { COUNTERS_RATE_ROWS = 16, COUNTERS_RATE_SETS = 512 };
struct rate_table {
    struct rate_set {
        struct rate_row {
            counter key;      /* 0: never used */
            counter cells[2]; /* of an even and of an odd second: that second, and how often */
        } rows[COUNTERS_RATE_ROWS];
    } keystores, others[COUNTERS_RATE_SETS];
};

/* Worker: the row of a backend, made at the first call; NULL: all are taken, or the text is too long. */
struct backend_counters *counters_backend(struct counters_page *page, const char *text);

/* Worker: a listener has a certificate; too many are left out. Set again when it is told again. */
void counters_certificate(struct counters_page *page, uint32_t listener, const char *alias,
                          uint64_t not_after);
