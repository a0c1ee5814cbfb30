#include "backends.h"

#include "counters.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct known {
    SLIST_ENTRY(known) entry;
    struct backend *backend;
};

struct backends {
    struct backends_setup setup;
    SLIST_HEAD(known_list, known) all;
};

/* A backend in an order: the smaller key first. */
struct candidate {
    struct backend *backend;
    bool is_down;
    uint64_t key;
};

struct backends *backends_new(const struct backends_setup *setup, struct err *err)
{
    struct backends *backends = calloc(1, sizeof *backends);

    if (!backends) {
        err_set(err, "out of memory");
        return NULL;
    }
    backends->setup = *setup;
    SLIST_INIT(&backends->all);
    return backends;
}

void backends_free(struct backends *backends)
{
    struct known *known;

    if (!backends)
        return;
    while ((known = SLIST_FIRST(&backends->all))) {
        SLIST_REMOVE_HEAD(&backends->all, entry);
        backend_free(known->backend);
        free(known);
    }
    free(backends);
}

static struct backend *find(const struct backends *backends, const char *text)
{
    struct known *known;

    SLIST_FOREACH(known, &backends->all, entry)
    if (strcmp(backend_text(known->backend), text) == 0)
        return known->backend;
    return NULL;
}

static struct backend *add(struct backends *backends, const struct conf_backend *conf, struct err *err)
{
    const struct backend_setup setup = {
        .loop = backends->setup.loop,
        .resolver = backends->setup.resolver,
        .text = conf->text,
        .host = conf->host,
        .addr = conf->addr,
        .counters = backends->setup.counters ? counters_backend(backends->setup.counters, conf->text) : NULL,
    };
    struct known *known = calloc(1, sizeof *known);

    if (!known) {
        err_set(err, "out of memory");
        return NULL;
    }
    known->backend = backend_new(&setup, err);
    if (!known->backend) {
        free(known);
        return NULL;
    }
    SLIST_INSERT_HEAD(&backends->all, known, entry);
    return known->backend;
}

/* A server that waits for a PROXY header is told that nobody is behind this connection. */
static void check_prefix(struct backend_check *check, enum conf_send_proxy send_proxy)
{
    static const char v1[] = "PROXY UNKNOWN\r\n", v2_local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0";

    switch (send_proxy) {
    case CONF_PROXY_V1:
        check->prefix = v1;
        check->prefix_len = sizeof v1 - 1;
        break;
    case CONF_PROXY_V2:
    case CONF_PROXY_V2_TLS:
        check->prefix = v2_local;
        check->prefix_len = sizeof v2_local; /* its last byte is that of the text */
        break;
    case CONF_PROXY_NONE:
        break;
    }
}

static struct backend_check check_of(const struct conf_listener *listener)
{
    struct backend_check check = {
        .every_ms = listener->health_check_ms,
        .timeout_ms = listener->connect_timeout_ms,
        /* Behind TLS the greeting is not seen without a handshake, which may cost a signature: it is not
           made. */
        .greets =
            (listener->protocol == CONF_FTP || listener->protocol == CONF_FTPS) && !listener->backend_tls.set,
    };

    if (!check.timeout_ms || check.timeout_ms > check.every_ms)
        check.timeout_ms = check.every_ms;
    check_prefix(&check, listener->send_proxy);
    return check;
}

static bool add_list(struct backends *backends, const struct conf_backends *list,
                     const struct backend_check *check, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        struct backend *backend = find(backends, list->items[i].text);

        if (!backend)
            backend = add(backends, &list->items[i], err);
        if (!backend)
            return false;
        backend_watch(backend, check);
    }
    return true;
}

bool backends_add(struct backends *backends, const struct conf_listener *listener, struct err *err)
{
    const struct backend_check check = check_of(listener);

    if (!add_list(backends, &listener->backends, &check, err))
        return false;
    for (size_t i = 0; i < listener->route_count; i++)
        if (!add_list(backends, &listener->routes[i].backends, &check, err))
            return false;
    for (size_t i = 0; i < listener->server_name_count; i++)
        if (!add_list(backends, &listener->server_names[i].backends, &check, err))
            return false;
    return true;
}

void backends_rest(struct backends *backends)
{
    struct known *known;

    SLIST_FOREACH(known, &backends->all, entry)
    backend_watch_no_more(known->backend);
}

bool backends_set_enabled(struct backends *backends, const char *text, bool enabled)
{
    struct backend *backend = find(backends, text);

    if (backend)
        backend_set_enabled(backend, enabled);
    return backend;
}

/* --- which one --- */

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    return hash ^ hash >> 29;
}

/* Each backend draws a number with the client's address, the smallest wins (rendezvous hashing): when one
 * goes, only its own clients move. */
static uint64_t draw(const struct backend *backend, const struct addr *client)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    hash =
        addr_is_v4(client) ? mix(hash, &client->sa.v4.sin_addr, 4) : mix(hash, &client->sa.v6.sin6_addr, 16);
    return mix(hash, backend_text(backend), strlen(backend_text(backend)));
}

static uint64_t key_of(const struct candidate *candidate, enum conf_balance balance,
                       const struct addr *client, size_t place)
{
    if (candidate->is_down)
        return place;
    switch (balance) {
    case CONF_BALANCE_LEAST_SESSIONS:
        return backend_connections(candidate->backend) * BACKENDS_LIST_MAX + place;
    case CONF_BALANCE_SOURCE:
        return draw(candidate->backend, client);
    case CONF_BALANCE_FIRST:
        break;
    }
    return place;
}

static int candidate_order(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;

    if (left->is_down != right->is_down)
        return left->is_down ? 1 : -1;
    return left->key < right->key ? -1 : left->key > right->key;
}

size_t backends_order(struct backends *backends, const struct conf_backends *list, enum conf_balance balance,
                      const struct addr *client, struct backend *out[BACKENDS_LIST_MAX])
{
    struct candidate candidates[BACKENDS_LIST_MAX];
    size_t count = 0;

    for (size_t i = 0; i < list->count && count < BACKENDS_LIST_MAX; i++) {
        struct candidate *candidate = &candidates[count];

        candidate->backend = find(backends, list->items[i].text);
        if (!candidate->backend || !backend_is_enabled(candidate->backend))
            continue;
        candidate->is_down = !backend_is_up(candidate->backend);
        candidate->key = key_of(candidate, balance, client, count);
        count++;
    }
    qsort(candidates, count, sizeof *candidates, candidate_order);
    for (size_t i = 0; i < count; i++)
        out[i] = candidates[i].backend;
    return count;
}
