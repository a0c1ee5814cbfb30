/*
 * The workers of one generation: as many as the configuration says, each with its own page of counters. One
 * that ends is replaced with back-off, one whose heart stops is killed alone. They listen when
 * worker_pool_listen says so, not before. Supervisor only; never blocks.
 */
#pragma once

#include "child.h"
#include "counters_history.h"
#include "err.h"
#include "generation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker_pool;

struct worker_pool_user {
    /* Queues and inventories as they are now; returns how many were written, at most max. */
    size_t (*grants)(void *owner, struct grant *out, size_t max);
    /* The pages of all workers that there are, read-only. */
    size_t (*peers)(void *owner, struct grant *out, size_t max);
    void (*login_failed)(void *owner, uint32_t listener, const struct addr *who);
    void (*started)(void *owner, struct child *worker); /* one is ready (each time) */
    void (*faulted)(void *owner, const char *reason);   /* one cannot go on with this configuration */
    void (*queue_broken)(void *owner, struct child *worker, uint32_t keystore);
    void (*ended)(void *owner); /* one is gone and the pool is draining or stopping */
};

struct worker_pool_setup {
    struct family *family;
    const struct programs *programs;
    struct counters_history *history; /* NULL: nobody wants to know */
    const struct generation *generation;
    size_t count;
    uint32_t first_page; /* its pages are numbered from here */
    const struct worker_pool_user *user;
    void *owner;
};

struct worker_pool *worker_pool_new(const struct worker_pool_setup *setup, struct err *err);
void worker_pool_free(struct worker_pool *pool);

void worker_pool_start(struct worker_pool *pool);
/* One of them only: whether it comes up tells whether workers can use the configuration. */
void worker_pool_try(struct worker_pool *pool);
bool worker_pool_tried(const struct worker_pool *pool); /* it is ready */

/* Those that come later begin with this generation, whose names are the same. */
void worker_pool_use(struct worker_pool *pool, const struct generation *generation);
void worker_pool_tick(struct worker_pool *pool, uint64_t now_ms);
bool worker_pool_ready(const struct worker_pool *pool); /* all of them */
bool worker_pool_idle(const struct worker_pool *pool);  /* none runs */

/* From now on they accept; those that come later begin with it. */
void worker_pool_listen(struct worker_pool *pool);

/* Of a listener that was closed and is open again. */
void worker_pool_listen_at(struct worker_pool *pool, size_t first_bind, size_t count);

/* The worker that has this session is told to end it; false: none has. */
bool worker_pool_kick(struct worker_pool *pool, uint64_t session);

/* To all that run. */
void worker_pool_send(struct worker_pool *pool, uint32_t type, const void *payload, size_t len);
void worker_pool_grants(struct worker_pool *pool, const struct grant *grants, size_t count);

static inline void worker_pool_grant(struct worker_pool *pool, enum grant_kind kind, uint32_t index, int fd)
{
    const struct grant grant = {kind, index, fd};

    worker_pool_grants(pool, &grant, 1);
}

/* MESSAGE_DRAIN: others listen now; what is connected may go on for drain_ms. */
void worker_pool_drain(struct worker_pool *pool, uint64_t drain_ms);

/* MESSAGE_STOP; later calls with a shorter time are allowed. 0: killed at once. */
void worker_pool_stop(struct worker_pool *pool, uint64_t stop_ms);

/* Its pages as grants to the housekeeper. */
size_t worker_pool_pages(const struct worker_pool *pool, struct grant *out, size_t max);

/* The same for other workers, read-only. */
enum { WORKER_POOL_PEERS_MAX = 190 }; /* so many in one message: more than a pool has */
size_t worker_pool_peers(const struct worker_pool *pool, struct grant *out, size_t max);

/* What is known of a worker; page is read as hostile. */
struct worker_view {
    pid_t pid; /* 0: none runs */
    bool ready;
    struct counters_page *page;
};
size_t worker_pool_count(const struct worker_pool *pool);
struct worker_view worker_pool_view(const struct worker_pool *pool, size_t index);
