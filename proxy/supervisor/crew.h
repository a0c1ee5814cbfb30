/*
 * A generation at work: its workers, and the keystores that sign for them, some of which it may share with
 * another crew. Made by the start and by each reload; serves; drains when the next one serves; ends when its
 * last worker has. Supervisor only; blocks in crew_new only.
 */
#pragma once

#include "generation.h"
#include "keystore.h"
#include "worker_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct supervisor;

enum crew_state {
    CREW_MADE,     /* not serving so far */
    CREW_SERVING,  /* listens: one crew at most */
    CREW_DRAINING, /* another one listens; sessions go on */
    CREW_STOPPING, /* sessions end now */
};

struct crew {
    TAILQ_ENTRY(crew) entry;
    struct supervisor *supervisor;
    struct generation *generation;
    struct keystore *keystores[COUNTERS_KEYSTORES_MAX]; /* as in the configuration; held */
    size_t keystore_count;
    struct worker_pool *workers;
    enum crew_state state;
    bool shown; /* the housekeeper knows it */
    uint64_t born_ms, drain_until_ms;
};

TAILQ_HEAD(crew_list, crew);

/* Takes the generation (also when it fails) and stands in the supervisor's list. `before` is NULL at the
 * start; at a reload its keystores are looked at (a PIN that a person has typed), and each new one starts
 * alone. */
struct crew *crew_new(struct supervisor *supervisor, struct generation *generation, const struct crew *before,
                      struct err *err);

/* The same with the keystores of `before`, whose generation has the same shape: no token is asked. */
struct crew *crew_new_sharing(struct supervisor *supervisor, struct generation *generation,
                              const struct crew *before, struct err *err);

/* What is granted to all its workers, now and later: policy, ticket secrets. */
void crew_tell_policy(struct crew *crew, const struct generation *generation);
void crew_tell_secrets(struct crew *crew);

/* No worker may run any more. Leaves its keystores and its generation. */
void crew_free(struct crew *crew);

/* Where a keystore stands in its configuration; -1: it is none of its own. */
int crew_index(const struct crew *crew, const struct keystore *keystore);

/* NULL: it has none of this name. */
struct keystore *crew_keystore(const struct crew *crew, const char *alias);

void crew_start_keystores(struct crew *crew);
bool crew_keystores_settled(const struct crew *crew);

/* Keystores of which a fresh look found nothing new become those of `before`; the others start all their
 * signers. */
void crew_share_keystores(struct crew *crew, const struct crew *before);

void crew_start_workers(struct crew *crew);
void crew_try_workers(struct crew *crew); /* one of them */

/* The two change their generations, which have the same shape; each keeps its number. */
void crew_swap_generations(struct crew *a, struct crew *b);

/* Its workers listen from now on. */
void crew_serve(struct crew *crew);

/* Another crew serves: no new connections, living ones have drain_ms. */
void crew_drain(struct crew *crew, uint64_t drain_ms);

/* What is between two things ends now, the rest within stop_ms; 0: workers are killed. */
void crew_stop(struct crew *crew, uint64_t stop_ms);

/* A keystore of its own has changed; the workers are told. */
void crew_tell_inventory(struct crew *crew, struct keystore *keystore);
void crew_tell_queue(struct crew *crew, struct keystore *keystore);
void crew_tell_can_sign(struct crew *crew, struct keystore *keystore);

/* MESSAGE_KEYSTORE: u32 keystore, u8 can_sign. */
enum { KEYSTORE_MESSAGE_LEN = 5 };
void crew_keystore_message(uint32_t index, bool can_sign, uint8_t payload[KEYSTORE_MESSAGE_LEN]);
