/*
 * fork + exec of one child. Programs are opened once at the start, so that a later child is the same
 * program, whatever happens to the files, and a directory above them may be closed to the child's user.
 *
 * The child gets: /dev/null as standard input, our standard output and error, its channel at CHANNEL_FD,
 * nothing else; its account's ids; a session of its own (Ctrl-C is the supervisor's alone);
 * default signal handlers but an ignored SIGPIPE; SIGKILL when the supervisor dies.
 */
#pragma once

#include "account.h"
#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

struct programs {
    int self, signer; /* descriptors; worker and housekeeper are this very program */
};

bool programs_open(struct programs *out, struct err *err);
void programs_close(struct programs *programs);

struct spawn_plan {
    int program;
    const char *const *arguments; /* argv, NULL-terminated */
    const struct account *account;
    bool inherit_environment; /* false: empty, but for the sanitizers' options */
};

/* The child's pid and our end of its channel; -1 on failure. A program that cannot be executed is told by
 * the child: MESSAGE_FAULT. */
pid_t spawn(const struct spawn_plan *plan, int *channel, struct err *err);
