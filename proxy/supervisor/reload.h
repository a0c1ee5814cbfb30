/*
 * Reading the configuration anew while p11gate serves: a new generation is made beside the one that serves,
 * and takes over when all of it is ready. Whatever fails before that moment leaves everything as it was.
 *
 * When only the policy has changed (partners, truststores, CRLs, allow and deny, ban-exempt,
 * ticket-secret-file), one worker of the new generation shows that workers can use it, and those that run
 * take the policy: no session is touched, no token is asked. When nothing has changed at all, it is the
 * tokens that somebody asks about; what they offer decides.
 *
 *   read -> sockets (those that are bound already are shared) -> a fresh look at each token -> workers ->
 * serve
 *
 * One at a time; one that is asked for meanwhile follows. Supervisor only; blocks on files and the user
 * database, as the start does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "control_socket.h"

struct crew;
struct supervisor;

enum reload_step {
    RELOAD_IDLE,
    RELOAD_KEYSTORES, /* one signer for each looks at its token */
    RELOAD_WORKERS,   /* all of them are to be ready */
};

struct reload {
    enum reload_step step;
    struct crew *crew; /* what is being made */
    int target;        /* the new log target, opened; -1: it stays */
    struct control_socket control;
    bool asked, policy_only, asks_tokens;
    uint64_t begun; /* so many */
    uint64_t began_ms;
    ev_timer deadline;
};

void reload_init(struct supervisor *supervisor);

/* Returns the number of the reload that it will be: see control_reload_over. */
uint64_t reload_ask(struct supervisor *supervisor);

/* Once a turn of the loop: begins what was asked for. */
void reload_turn(struct supervisor *supervisor);

/* A part has changed. */
void reload_advance(struct supervisor *supervisor);

/* Its crew cannot be: why, in one or several lines. */
void reload_fail(struct supervisor *supervisor, const char *why);
