/*
 * What dead processes had counted: shared memory made (counters_new) and written by the supervisor alone,
 * read by the housekeeper. Rows are named by alias, not numbered: a reload may change every number.
 *
 * A move from a page to the history is one step for a reader that asks for it: the sequence is odd while a
 * move is under way, so that no total is ever seen to fall.
 */
#pragma once

#include "counters.h"

enum { COUNTERS_NAME_MAX = 256 };

struct listener_history {
    char alias[COUNTERS_NAME_MAX]; /* "": a free row; written once */
    struct listener_counters counters;
};

struct keystore_history {
    char alias[COUNTERS_NAME_MAX];
    struct keystore_counters counters;                          /* from workers */
    counter signer_signatures, signer_refused, signer_failures; /* from signers */
    struct ckr_counter errors[COUNTERS_CKR_MAX];
};

struct counters_history {
    counter sequence; /* odd: a move is under way */
    counter log_dropped;
    counter bans; /* gauge: addresses that are banned now */
    struct listener_history listeners[COUNTERS_LISTENERS_MAX];
    struct keystore_history keystores[COUNTERS_KEYSTORES_MAX];
};

/* The aliases of a page's generation, by their numbers there. Borrowed. */
struct counters_names {
    size_t listener_count, keystore_count;
    const char *listeners[COUNTERS_LISTENERS_MAX], *keystores[COUNTERS_KEYSTORES_MAX];
};

/*
 * Supervisor, when the page's process is dead: adds what it had counted and zeroes the page. Rows that are
 * all taken by aliases of earlier configurations: the counts of a new one are lost.
 */
void counters_history_take_worker(struct counters_history *history, const struct counters_names *names,
                                  struct counters_page *page);
void counters_history_take_signer(struct counters_history *history, const char *keystore,
                                  struct signer_page *page);

/* Reader: a sequence to give to counters_history_same when everything was copied; false: start again. */
uint64_t counters_history_begin(struct counters_history *history);
bool counters_history_same(struct counters_history *history, uint64_t begun);

/* Reader: the row of an alias; NULL when nothing is known of it. The alias of a row is not trusted to end. */
struct listener_history *counters_history_listener(struct counters_history *history, const char *alias);
struct keystore_history *counters_history_keystore(struct counters_history *history, const char *alias);
