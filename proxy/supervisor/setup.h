/*
 * What the supervisor process is made of, and how it is made: configuration, users, programs, listening
 * sockets, log target, control socket, the first crew, in that order; then all power that is not needed is
 * given up. Blocks on files, the user database and a person who types a PIN; later only a reload does, and
 * not on persons.
 */
#pragma once

#include "ban_keeper.h"
#include "child.h"
#include "control.h"
#include "counters_history.h"
#include "crew.h"
#include "err.h"
#include "generation.h"
#include "keystore.h"
#include "log_keeper.h"
#include "login_turns.h"
#include "phase.h"
#include "refusals.h"
#include "reload.h"
#include "spawn.h"
#include "supervisor.h"
#include "switches.h"
#include "ticket_ring.h"

#include <stdbool.h>
#include <stddef.h>

#include <ev.h>

struct supervisor {
    const struct supervisor_options *options;
    struct ev_loop *loop;
    uint64_t started_ms;
    struct family family;
    struct login_turns turns;
    struct programs programs;
    struct counters_history *history; /* NULL in a check, as all that belongs to the housekeeper's pages */
    int history_fd;
    uint32_t next_page;
    struct log_keeper *logs;
    struct control *control; /* NULL in a check */
    const struct keystore_user *keystore_user;
    struct keystore *keystores[KEYSTORE_SLOTS_MAX]; /* all that live, each in its slot */
    struct crew_list crews;                         /* the oldest first */
    struct crew *current;                           /* the one that serves, or will */
    struct reload reload;
    struct refusals refusals;
    struct ban_keeper *bans; /* NULL in a check */
    struct ticket_ring tickets;
    struct switches switches;
    ev_signal hup, usr1, term, interrupt;
    ev_timer tick, deadline;
    ev_prepare turn;
    enum phase phase;
    bool at_once;  /* a second TERM came */
    bool draining; /* stops when the last session has ended */
    int exit_code;
};

/* Whom the parts tell what happens; `owner` is the supervisor. */
struct setup_users {
    void (*logs_ready)(void *owner);
    void (*logs_gone)(void *owner);
    void (*logs_feed)(void *owner);
    const struct keystore_user *keystore;
    const struct control_user *control;
};

/* false: every reason has been printed to standard error. */
bool setup_make(struct supervisor *supervisor, const struct supervisor_options *options,
                const struct setup_users *users);
void setup_clear(struct supervisor *supervisor);

/* A keystore in a slot of its own. */
struct keystore *setup_keystore(struct supervisor *supervisor, struct keystore_setup *setup, struct err *err);

/* The control socket that a configuration wants: CONTROL_SOCKET_NONE when it wants none. */
bool setup_control_open(const struct conf *conf, struct control_socket *out, struct err *err);
/* After a reload: `fresh` is put to use when the path is another one; or the group is changed. */
void setup_control_change(struct supervisor *supervisor, struct control_socket *fresh);
