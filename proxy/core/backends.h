/*
 * The backends of a worker, and which of them a new session goes to. Lists of the configuration share them:
 * what one listener learns of a server, every other that has the same text ("10.0.0.5:21") knows.
 *
 * Each worker looks after its backends by itself; a server is looked at once in health-check's time by each
 * worker, however many listeners it serves.
 *
 * Worker only; one thread; never blocks.
 */
#pragma once

#include "addr.h"
#include "backend.h"
#include "conf_listener.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct backends;
struct counters_page;

enum { BACKENDS_LIST_MAX = 64 };

struct backends_setup {
    struct loop *loop;
    struct resolver *resolver;      /* NULL: no names */
    struct counters_page *counters; /* NULL: nothing is counted */
};

struct backends *backends_new(const struct backends_setup *setup, struct err *err);
void backends_free(struct backends *backends);

/* Makes every backend of the listener known: its own, its routes', its server names'. */
bool backends_add(struct backends *backends, const struct conf_listener *listener, struct err *err);

/* Nobody new comes to this worker: it looks at backends no more. */
void backends_rest(struct backends *backends);

/* By its text. False: unknown. */
bool backends_set_enabled(struct backends *backends, const char *text, bool enabled);

/* The enabled ones of a list in the order in which they are to be tried: those that are up first, as balance
 * says; then the others, so that nobody is sent away while somebody may be back. */
size_t backends_order(struct backends *backends, const struct conf_backends *list, enum conf_balance balance,
                      const struct addr *client, struct backend *out[BACKENDS_LIST_MAX]);
