/*
 * What the supervisor process is made of, and how it is made: configuration, users, programs, listening
 * sockets, log target, keystores, workers' places, in that order; then all power that is not needed is given
 * up. Blocks on files and the user database; nothing later does.
 */
#pragma once

#include "account.h"
#include "child.h"
#include "counters.h"
#include "err.h"
#include "generation.h"
#include "keystore.h"
#include "log_keeper.h"
#include "phase.h"
#include "spawn.h"
#include "supervisor.h"
#include "worker_pool.h"

#include <stdbool.h>
#include <stddef.h>

#include <ev.h>

struct supervisor {
    const struct supervisor_options *options;
    struct ev_loop *loop;
    struct family family;
    struct programs programs;
    struct account user, signer_user;
    struct generation *generation;
    struct log_keeper *logs;
    struct keystore *keystores[COUNTERS_KEYSTORES_MAX];
    size_t keystore_count;
    struct worker_pool *workers;
    ev_signal hup, usr1, term, interrupt;
    ev_timer tick, deadline;
    ev_prepare flush;
    enum phase phase;
    bool at_once; /* a second TERM came */
    int exit_code;
};

/* Whom the parts tell what happens; `owner` is the supervisor. */
struct setup_users {
    void (*logs_ready)(void *owner);
    void (*logs_gone)(void *owner);
    const struct keystore_user *keystore;
    const struct worker_pool_user *workers;
};

/* false: every reason has been printed to standard error. */
bool setup_make(struct supervisor *supervisor, const struct supervisor_options *options,
                const struct setup_users *users);
void setup_clear(struct supervisor *supervisor);
