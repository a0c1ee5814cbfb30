#include "backend.h"

#include "backend_private.h"
#include "counters.h"
#include "log.h"
#include "loop.h"
#include "resolve.h"

#include <stdlib.h>
#include <string.h>

struct backend *backend_new(const struct backend_setup *setup, struct err *err)
{
    struct backend *backend = calloc(1, sizeof *backend);

    if (!backend) {
        err_set(err, "out of memory");
        return NULL;
    }
    backend->setup = *setup;
    backend_check_init(backend);
    return backend;
}

void backend_free(struct backend *backend)
{
    if (!backend)
        return;
    backend_check_end(backend);
    free(backend->features);
    free(backend);
}

const char *backend_text(const struct backend *backend)
{
    return backend->setup.text;
}

size_t backend_addresses(const struct backend *backend, struct addr *out, size_t max)
{
    const struct backend_setup *setup = &backend->setup;
    size_t count;

    if (!setup->host[0]) {
        *out = setup->addr;
        return 1;
    }
    count = setup->resolver ? resolver_get(setup->resolver, setup->host, out, max) : 0;
    for (size_t i = 0; i < count; i++)
        addr_set_port(&out[i], addr_port(&setup->addr));
    return count;
}

/* --- up and down --- */

static void backend_show(struct backend *backend)
{
    if (backend->setup.counters)
        counter_set(&backend->setup.counters->health, backend->is_down ? BACKEND_DOWN : BACKEND_UP);
}

bool backend_is_up(const struct backend *backend)
{
    if (!backend->is_down)
        return true;
    return !backend->check.every_ms &&
           loop_now_ms(backend->setup.loop) - backend->down_since_ms >= BACKEND_UNWATCHED_DOWN_MS;
}

void backend_reached(struct backend *backend, enum backend_witness witness)
{
    struct log_line line;

    backend->failures[witness] = 0;
    if (witness == BACKEND_LOOK || !backend->check.greets)
        backend->failures[BACKEND_SESSION] = backend->failures[BACKEND_LOOK] = 0;
    if (backend->failures[BACKEND_LOOK] >= BACKEND_FAILURES_TO_DOWN)
        return;
    if (backend->is_down) {
        log_begin(&line, LOG_LEVEL_INFO, "backend-up");
        log_text(&line, "backend", backend->setup.text);
        log_end(&line);
    }
    backend->is_down = false;
    backend_show(backend);
}

void backend_missed(struct backend *backend, enum backend_witness witness, const struct err *why)
{
    unsigned *failures = &backend->failures[witness];
    struct log_line line;

    if (*failures < BACKEND_FAILURES_TO_DOWN)
        ++*failures;
    if (*failures < BACKEND_FAILURES_TO_DOWN)
        return;
    backend->down_since_ms = loop_now_ms(backend->setup.loop);
    if (!backend->is_down) {
        log_begin(&line, LOG_LEVEL_WARNING, "backend-down");
        log_text(&line, "backend", backend->setup.text);
        log_text(&line, "reason", why->text);
        log_end(&line);
    }
    backend->is_down = true;
    backend_show(backend);
}

/* --- what it can do --- */

const char *backend_features(const struct backend *backend, size_t *len)
{
    *len = backend->features_len;
    return backend->features;
}

void backend_keep_features(struct backend *backend, const char *reply, size_t len)
{
    char *copy;

    if (len > BACKEND_FEATURES_MAX_BYTES ||
        (backend->features_len == len && memcmp(backend->features, reply, len) == 0))
        return;
    copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, reply, len);
    free(backend->features);
    backend->features = copy;
    backend->features_len = len;
}

bool backend_is_enabled(const struct backend *backend)
{
    return !backend->is_disabled;
}

void backend_set_enabled(struct backend *backend, bool enabled)
{
    backend->is_disabled = !enabled;
}

/* --- connections --- */

static void backend_count(struct backend *backend)
{
    if (backend->setup.counters)
        counter_set(&backend->setup.counters->connected, backend->connections);
}

size_t backend_connections(const struct backend *backend)
{
    return backend->connections;
}

void backend_take(struct backend *backend)
{
    backend->connections++;
    backend_count(backend);
}

void backend_leave(struct backend *backend)
{
    backend->connections--;
    backend_count(backend);
}
