/*
 * One reading of the configuration and all that belongs to it: the files it was made of (sealed, for
 * the workers), the users, the names of hosts, the listening sockets. Made whole or not at all; never
 * changed; counted, because a keystore's signers may outlive the generation they were started for. Supervisor
 * only; making one blocks on files and the user database.
 */
#pragma once

#include "account.h"
#include "conf.h"
#include "counters_history.h"
#include "err.h"
#include "name_files.h"

#include <stdbool.h>
#include <stddef.h>

/* As many as one MESSAGE_GRANT has room for, beside everything else. */
enum { GENERATION_BINDS_MAX = 150 };

struct generation {
    unsigned holders;
    uint64_t number; /* 1, 2, 3, ... */
    struct conf_files *files;
    struct conf *conf;
    struct account user, signer_user;
    struct counters_names names;
    int configuration; /* sealed memory, as name_files */
    int name_files[NAME_FILES];
    int admin;         /* the listening socket of admin.bind; -1: none */
    size_t bind_count; /* over all enabled listeners, in the configuration's order */
    bool *kept_closed; /* of each listener: switched off, not bound */
    int *binds;        /* listening sockets; -1 before generation_bind and after generation_unbind */
};

/*
 * NULL when the configuration is wrong: errors says all that is. `before`: the generation that this one shall
 * follow, NULL at the start. The caller holds what is returned.
 */
struct generation *generation_read(const char *path, const struct generation *before,
                                   struct conf_errors *errors);

/*
 * Opens every listening socket: non-blocking, IPv6 for IPv6 only. All or none. An address that `before`
 * (may be NULL) has bound is taken over: the same socket, so that nobody in its queue is lost.
 */
bool generation_bind(struct generation *generation, const struct generation *before, struct err *err);

/* A listener that is switched off is not bound, and what is bound is closed here; or it may be bound again.
 */
void generation_keep_closed(struct generation *generation, size_t listener, bool closed);
/* Binds one listener alone; what `other` (may be NULL) has bound is taken over, as above. */
bool generation_open(struct generation *generation, size_t listener, const struct generation *other,
                     struct err *err);
/* Where its sockets begin among the binds. */
size_t generation_first_bind(const struct generation *generation, size_t listener);

/*
 * Workers share these sockets, so one that was taken over could shut them for all: what does not listen any
 * more listens again, the same socket, and the log says so. One system call a socket; for the supervisor's
 * tick.
 */
void generation_watch_binds(const struct generation *generation);

/* Closes them here; workers keep theirs. */
void generation_unbind(struct generation *generation);

void generation_hold(struct generation *generation);
void generation_leave(struct generation *generation); /* the last one frees it; NULL is allowed */
