/*
 * What was counted, by alias: sums over the pages of living processes and the history of dead ones.
 * Pure: memory in, numbers out. What a page says is summed and never followed; sums stop at UINT64_MAX.
 * Aliases are borrowed from whoever adds.
 */
#pragma once

#include "counters.h"
#include "counters_history.h"
#include "message.h"

#include <stdbool.h>

/* Aliases of the configuration that is in force, and of earlier ones that still drain. */
enum { TOTALS_LISTENERS_MAX = 2 * COUNTERS_LISTENERS_MAX, TOTALS_KEYSTORES_MAX = 2 * COUNTERS_KEYSTORES_MAX };
enum { TOTALS_DOWN = SIGNER_FAULTY + 1, TOTALS_STATES }; /* configured, but no process at all */

struct listener_totals {
    const char *alias;
    struct listener_counters counters;
};

struct keystore_totals {
    const char *alias;
    struct keystore_counters counters;
    counter signer_signatures, signer_refused, signer_failures;
    struct ckr_counter errors[COUNTERS_CKR_MAX];
    uint32_t signers_wanted;
    uint32_t signers[TOTALS_STATES]; /* by enum signer_state; TOTALS_DOWN: see totals_settle */
};

/* A worker that holds it for down is right until it finds it up: others may not have asked for a while. */
struct backend_totals {
    char text[COUNTERS_TEXT_MAX];
    bool known, down;
};

/* The latest of what workers of several generations show under the alias of a key. */
struct certificate_totals {
    const char *listener;
    char alias[COUNTERS_TEXT_MAX];
    uint64_t not_after; /* seconds since 1970 */
};

struct totals {
    counter log_dropped;
    counter bans;        /* gauge, of the whole machine */
    int64_t now_seconds; /* since 1970; set by who asks */
    size_t listener_count, keystore_count, backend_count, certificate_count;
    struct backend_totals backends[2 * COUNTERS_BACKENDS_MAX];
    struct certificate_totals certificates[2 * COUNTERS_CERTIFICATES_MAX];
    struct listener_totals listeners[TOTALS_LISTENERS_MAX];
    struct keystore_totals keystores[TOTALS_KEYSTORES_MAX];
};

void totals_clear(struct totals *totals);

/* These aliases exist, in this order, also where nothing is counted yet. */
void totals_expect(struct totals *totals, const struct counters_names *names);
void totals_expect_signers(struct totals *totals, const char *keystore, uint32_t count);

void totals_add_worker(struct totals *totals, const struct counters_names *names, struct counters_page *page);
void totals_add_signer(struct totals *totals, const char *keystore, struct signer_page *page);

/* Last: adds to the aliases that are known, and leaves out the others. */
void totals_add_history(struct totals *totals, struct counters_history *history);

/* When everything was added: counts the signers that are configured and not there. */
void totals_settle(struct totals *totals);
