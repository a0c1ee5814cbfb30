/*
 * What `p11gate ctl disable` has switched off: listeners, whose sockets are closed everywhere, and backends,
 * which get no new sessions. It lasts until it is enabled again or p11gate ends: a reload keeps it, a new
 * worker is told. Supervisor only; never blocks.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

struct child;
struct generation;
struct supervisor;

enum { SWITCHES_MAX = 64 };

struct switches {
    struct switched_off {
        size_t count;
        char *names[SWITCHES_MAX]; /* aliases; backends as the configuration writes them */
    } listeners, backends;
};

/* what: a listener's alias, "group:NAME", "backend:HOST:PORT". False: not done, answer says why. */
bool switches_turn(struct supervisor *supervisor, bool on, const char *what, struct buf *answer);

/* Is the listener of this alias off? */
bool switches_listener_off(const struct switches *switches, const char *alias);

/* A worker is ready: it is told what is off. */
void switches_tell(const struct supervisor *supervisor, struct child *worker);

/* Before a generation binds: those that are off stay closed. */
void switches_apply(const struct switches *switches, struct generation *generation);

void switches_clear(struct switches *switches);
