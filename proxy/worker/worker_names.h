/*
 * A worker's backends and the names that the configuration has for them: made before the sandbox, fed with
 * /etc/hosts and /etc/resolv.conf as the supervisor reads them (GRANT_HOSTS).
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct worker;

/* worker->resolver (NULL: no names) and worker->backends, with every enabled listener's. */
bool worker_build_backends(struct worker *worker, struct err *err);
/* A GRANT_HOSTS came; index as in message.h. */
bool worker_take_hosts(struct worker *worker, size_t index, struct err *err);
