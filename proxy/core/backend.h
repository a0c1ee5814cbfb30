/*
 * One server behind, as this worker knows it: where it is, whether it is up, how many connections it has from
 * here. Up or down is learned from the connections of sessions and, with health-check, by looking: after two
 * failures in a row it is down, after one success it is up. A backend that nobody looks at is taken for up
 * again after 10 s. Each change is one log line.
 *
 * Worker only; one thread; never blocks. Requirement H5.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct backend_counters;
struct loop;
struct resolver;

enum { BACKEND_FAILURES_TO_DOWN = 2, BACKEND_UNWATCHED_DOWN_MS = 10000, BACKEND_PREFIX_MAX = 32 };

struct backend_setup {
    struct loop *loop;
    struct resolver *resolver; /* NULL: only for a numeric address */
    const char *text, *host;   /* borrowed; as the configuration writes it, and its name; host "" : numeric */
    struct addr addr;          /* of a name only the port */
    struct backend_counters *counters; /* NULL: not counted */
};

/* A reply to FEAT is longer than this nowhere. */
enum { BACKEND_FEATURES_MAX_BYTES = 8 * 1024 };

/* How it is looked at. */
struct backend_check {
    uint64_t every_ms, timeout_ms; /* every_ms 0: not at all */
    bool greets;                   /* FTP: its 220 has to come */
    const char *prefix;            /* borrowed: a PROXY header that says "only looking" */
    size_t prefix_len;
};

struct backend *backend_new(const struct backend_setup *setup, struct err *err);
void backend_free(struct backend *backend);

/* Of two wishes the more frequent one counts. The first look comes at a random moment within every_ms, so
 * that workers do not look all at once. */
void backend_watch(struct backend *backend, const struct backend_check *check);
void backend_watch_no_more(struct backend *backend);

const char *backend_text(const struct backend *backend);
/* With its port; 0: its name is not known (yet). */
size_t backend_addresses(const struct backend *backend, struct addr *out, size_t max);

/* Who has found out. A session's connection alone does not bring back a backend whose greeting was missed. */
enum backend_witness { BACKEND_SESSION, BACKEND_LOOK, BACKEND_WITNESSES };

bool backend_is_up(const struct backend *backend);
void backend_reached(struct backend *backend, enum backend_witness witness);
void backend_missed(struct backend *backend, enum backend_witness witness, const struct err *why);

/* FTP: what it last answered to FEAT, to a look or to a session; the whole 211. NULL: not known. Too long a
 * reply is not kept. */
const char *backend_features(const struct backend *backend, size_t *len);
void backend_keep_features(struct backend *backend, const char *reply, size_t len);

/* Disabled: it is to get no new connections; those that are there go on. */
bool backend_is_enabled(const struct backend *backend);
void backend_set_enabled(struct backend *backend, bool enabled);

size_t backend_connections(const struct backend *backend);
void backend_take(struct backend *backend);
void backend_leave(struct backend *backend);
