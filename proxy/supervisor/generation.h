/*
 * One reading of the configuration and all that belongs to it: the files it was made of (sealed, for
 * the workers), the ticket secret, the listening sockets. Made whole or not at all; never changed. Supervisor
 * only; making one blocks on files.
 */
#pragma once

#include "conf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/* As many as one MESSAGE_GRANT has room for, beside everything else. */
enum { GENERATION_BINDS_MAX = 150 };

struct generation {
    struct conf_files *files;
    struct conf *conf;
    int configuration, secrets; /* sealed memory; -1: none */
    size_t bind_count;          /* over all enabled listeners, in the configuration's order */
    int *binds;                 /* listening sockets; -1 before generation_bind and after generation_unbind */
};

/* NULL when the configuration is wrong: every error has been printed to standard error. */
struct generation *generation_read(const char *path);

/* Opens every listening socket: non-blocking, IPv6 for IPv6 only. All or none. */
bool generation_bind(struct generation *generation, struct err *err);

/* Closes them here; workers keep theirs. */
void generation_unbind(struct generation *generation);

void generation_free(struct generation *generation);
