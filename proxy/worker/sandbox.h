/*
 * What a worker may do after its start, and nothing else: seccomp allow-list (open answers EACCES;
 * exec, ptrace, kill end the process), Landlock with every filesystem right handled and no rule,
 * no_new_privs. Irrevocable. The process must already run as its own user.
 * A kernel without Landlock: warning is filled and the rest is in force.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

/* First thing after exec: not dumpable, no core. Any child process. */
void sandbox_hide(void);

/* asks_dns: datagram sockets are needed, too. false: err, and the process must not go on. */
bool sandbox_enter(bool asks_dns, struct err *warning, struct err *err);
