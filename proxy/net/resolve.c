#include "resolve.h"

#include "buf.h"
#include "hosts_file.h"
#include "loop.h"
#include "text.h"

#include <ares.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
    RESOLVER_SHORTEST_MS = 5000,
    RESOLVER_LONGEST_MS = 5 * 60 * 1000,
    RESOLVER_TRY_MS = 2000, /* c-ares doubles it each round */
    RESOLVER_TRIES = 3,
    RESOLVER_SERVERS_MAX = 8,
};

struct resolver_name {
    SLIST_ENTRY(resolver_name) entry;
    struct resolver *resolver;
    char *host;
    bool from_hosts, is_asked, has_failed;
    size_t count;
    struct addr addresses[RESOLVER_ADDRESSES_MAX];
    ev_timer due;
};

struct resolver_socket {
    LIST_ENTRY(resolver_socket) entry;
    ev_io watcher;
};

struct resolver {
    struct loop *loop;
    struct resolver_setup setup;
    ares_channel channel;
    bool has_library, has_channel, is_ending;
    ev_timer patience; /* when c-ares wants to look after its queries */
    LIST_HEAD(resolver_sockets, resolver_socket) sockets;
    SLIST_HEAD(resolver_names, resolver_name) names;
    size_t name_count;
    char *hosts;
    size_t hosts_len;
};

/* --- c-ares and the loop --- */

static void resolver_rearm(struct resolver *resolver)
{
    struct ev_loop *ev = loop_ev(resolver->loop);
    struct timeval room, *wait = ares_timeout(resolver->channel, NULL, &room);

    ev_timer_stop(ev, &resolver->patience);
    if (!wait)
        return;
    ev_timer_set(&resolver->patience, (double)wait->tv_sec + (double)wait->tv_usec / 1e6 + 0.001, 0.);
    ev_timer_start(ev, &resolver->patience);
}

static void resolver_impatient(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct resolver *resolver = timer->data;

    (void)ev;
    (void)events;
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver_rearm(resolver);
}

/* The watcher may be gone when c-ares has done its work. */
static void resolver_io(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct resolver *resolver = watcher->data;
    int fd = watcher->fd;

    (void)ev;
    ares_process_fd(resolver->channel, events & EV_READ ? fd : ARES_SOCKET_BAD,
                    events & EV_WRITE ? fd : ARES_SOCKET_BAD);
    resolver_rearm(resolver);
}

static struct resolver_socket *socket_of(struct resolver *resolver, int fd)
{
    struct resolver_socket *known;

    LIST_FOREACH(known, &resolver->sockets, entry)
    if (known->watcher.fd == fd)
        return known;
    known = calloc(1, sizeof *known);
    if (!known)
        return NULL; /* its queries time out */
    ev_io_init(&known->watcher, resolver_io, fd, 0);
    known->watcher.data = resolver;
    LIST_INSERT_HEAD(&resolver->sockets, known, entry);
    return known;
}

static void resolver_socket_state(void *owner, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = owner;
    struct ev_loop *ev = loop_ev(resolver->loop);
    struct resolver_socket *known = socket_of(resolver, fd);

    if (!known)
        return;
    ev_io_stop(ev, &known->watcher);
    if (readable || writable) {
        ev_io_set(&known->watcher, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
        ev_io_start(ev, &known->watcher);
        return;
    }
    LIST_REMOVE(known, entry);
    free(known);
}

/* --- answers --- */

static int address_order(const void *a, const void *b)
{
    const struct addr *left = a, *right = b;

    if (addr_is_v4(left) != addr_is_v4(right))
        return addr_is_v4(left) ? -1 : 1;
    if (addr_is_v4(left))
        return memcmp(&left->sa.v4.sin_addr, &right->sa.v4.sin_addr, 4);
    return memcmp(&left->sa.v6.sin6_addr, &right->sa.v6.sin6_addr, 16);
}

static bool same_addresses(const struct resolver_name *name, const struct addr *addresses, size_t count)
{
    if (name->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!addr_same_host(&name->addresses[i], &addresses[i]))
            return false;
    return true;
}

static void name_has(struct resolver_name *name, struct addr *addresses, size_t count)
{
    const struct resolver *resolver = name->resolver;

    qsort(addresses, count, sizeof *addresses, address_order);
    name->has_failed = false;
    if (same_addresses(name, addresses, count))
        return;
    memcpy(name->addresses, addresses, count * sizeof *addresses);
    name->count = count;
    resolver->setup.user->changed(resolver->setup.owner, name->host, addresses, count);
}

static void name_failed(struct resolver_name *name, const char *why)
{
    const struct resolver *resolver = name->resolver;
    struct err err;

    if (name->has_failed)
        return;
    name->has_failed = true;
    err_set(&err, "%s", why);
    resolver->setup.user->failed(resolver->setup.owner, name->host, &err);
}

static void name_again(struct resolver_name *name, uint64_t ms)
{
    struct ev_loop *ev = loop_ev(name->resolver->loop);

    ev_timer_stop(ev, &name->due);
    ev_timer_set(&name->due, (double)ms / 1000., 0.);
    ev_timer_start(ev, &name->due);
}

/* The shortest TTL of an answer, within our own bounds. */
static uint64_t answer_lives_ms(const struct resolver *resolver, const struct ares_addrinfo *answer)
{
    uint64_t ms = resolver->setup.longest_ms;

    for (const struct ares_addrinfo_cname *alias = answer->cnames; alias; alias = alias->next)
        if (alias->ttl >= 0 && (uint64_t)alias->ttl * 1000 < ms)
            ms = (uint64_t)alias->ttl * 1000;
    for (const struct ares_addrinfo_node *node = answer->nodes; node; node = node->ai_next)
        if (node->ai_ttl >= 0 && (uint64_t)node->ai_ttl * 1000 < ms)
            ms = (uint64_t)node->ai_ttl * 1000;
    return ms < resolver->setup.shortest_ms ? resolver->setup.shortest_ms : ms;
}

static size_t answer_addresses(const struct ares_addrinfo *answer, struct addr *out)
{
    size_t count = 0;

    for (const struct ares_addrinfo_node *node = answer->nodes; node && count < RESOLVER_ADDRESSES_MAX;
         node = node->ai_next)
        if (addr_from_sockaddr(node->ai_addr, node->ai_addrlen, &out[count]))
            count++;
    return count;
}

static void resolver_answered(void *owner, int status, int timeouts, struct ares_addrinfo *answer)
{
    struct resolver_name *name = owner;
    struct resolver *resolver = name->resolver;
    struct addr addresses[RESOLVER_ADDRESSES_MAX];
    uint64_t again_ms = resolver->setup.shortest_ms;
    size_t count = status == ARES_SUCCESS ? answer_addresses(answer, addresses) : 0;

    (void)timeouts;
    name->is_asked = false;
    if (count)
        again_ms = answer_lives_ms(resolver, answer);
    if (answer)
        ares_freeaddrinfo(answer);
    if (resolver->is_ending || name->from_hosts)
        return;
    if (status == ARES_ECANCELLED)
        again_ms = 1; /* other name servers are asked now */
    else if (count)
        name_has(name, addresses, count);
    else
        name_failed(name, status == ARES_SUCCESS ? "it has no address" : ares_strerror(status));
    name_again(name, again_ms);
}

static void name_due(struct ev_loop *ev, ev_timer *timer, int events)
{
    /* In the order of the answer: sorting would connect a socket to each address. */
    static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
    struct resolver_name *name = timer->data;

    (void)ev;
    (void)events;
    if (name->is_asked || name->from_hosts)
        return;
    name->is_asked = true;
    ares_getaddrinfo(name->resolver->channel, name->host, NULL, &hints, resolver_answered, name);
    resolver_rearm(name->resolver);
}

/* --- names --- */

/* What the hosts file says; without a word in it, DNS is asked. */
static void name_look_up(struct resolver_name *name)
{
    struct resolver *resolver = name->resolver;
    struct addr addresses[RESOLVER_ADDRESSES_MAX];
    size_t count =
        hosts_file_find(resolver->hosts, resolver->hosts_len, name->host, addresses, RESOLVER_ADDRESSES_MAX);

    if (count) {
        name->from_hosts = true;
        ev_timer_stop(loop_ev(resolver->loop), &name->due);
        name_has(name, addresses, count);
    } else if (name->from_hosts || !ev_is_active(&name->due)) {
        name->from_hosts = false;
        name_again(name, 0);
    }
}

static struct resolver_name *name_find(const struct resolver *resolver, const char *host)
{
    struct resolver_name *name;

    SLIST_FOREACH(name, &resolver->names, entry)
    if (text_same(name->host, host))
        return name;
    return NULL;
}

bool resolver_add(struct resolver *resolver, const char *host, struct err *err)
{
    struct resolver_name *name;

    if (name_find(resolver, host))
        return true;
    if (resolver->name_count == RESOLVER_NAMES_MAX) {
        err_set(err, "more than %d host names", RESOLVER_NAMES_MAX);
        return false;
    }
    name = calloc(1, sizeof *name);
    if (name)
        name->host = strdup(host);
    if (!name || !name->host) {
        err_set(err, "out of memory");
        free(name);
        return false;
    }
    name->resolver = resolver;
    ev_timer_init(&name->due, name_due, 0., 0.);
    name->due.data = name;
    SLIST_INSERT_HEAD(&resolver->names, name, entry);
    resolver->name_count++;
    name_look_up(name);
    return true;
}

size_t resolver_names(const struct resolver *resolver)
{
    return resolver->name_count;
}

size_t resolver_get(const struct resolver *resolver, const char *host, struct addr *out, size_t max)
{
    const struct resolver_name *name = name_find(resolver, host);
    size_t count = !name ? 0 : name->count < max ? name->count : max;

    if (count)
        memcpy(out, name->addresses, count * sizeof *out);
    return count;
}

bool resolver_set_hosts(struct resolver *resolver, const void *text, size_t len, struct err *err)
{
    struct resolver_name *name;
    char *copy = malloc(len + 1);

    if (!copy) {
        err_set(err, "out of memory");
        return false;
    }
    if (len)
        memcpy(copy, text, len);
    free(resolver->hosts);
    resolver->hosts = copy;
    resolver->hosts_len = len;
    SLIST_FOREACH(name, &resolver->names, entry)
    name_look_up(name);
    return true;
}

void resolver_set_servers(struct resolver *resolver, const void *text, size_t len)
{
    struct addr servers[RESOLVER_SERVERS_MAX];
    size_t count = hosts_file_servers(text, len, servers, RESOLVER_SERVERS_MAX);
    struct buf list;

    if (!count)
        return;
    buf_init(&list, sizeof servers + RESOLVER_SERVERS_MAX * (size_t)ADDR_TEXT_LEN);
    for (size_t i = 0; i < count; i++) {
        char server[ADDR_TEXT_LEN];

        addr_text(&servers[i], server);
        (void)buf_printf(&list, "%s%s", i ? "," : "", server);
    }
    /* Servers are not exchanged under a query's feet. */
    ares_cancel(resolver->channel);
    if (buf_add(&list, "", 1))
        (void)ares_set_servers_ports_csv(resolver->channel, (const char *)buf_data(&list));
    buf_free(&list);
    resolver_rearm(resolver);
}

/* --- its life --- */

static bool resolver_open(struct resolver *resolver, struct err *err)
{
    static char lookups[] = "b"; /* not the hosts file: it is given to us */
    struct ares_options options = {
        .timeout = RESOLVER_TRY_MS,
        .tries = RESOLVER_TRIES,
        .lookups = lookups,
        .sock_state_cb = resolver_socket_state,
        .sock_state_cb_data = resolver,
    };
    int status = ares_library_init(ARES_LIB_INIT_ALL);

    resolver->has_library = status == ARES_SUCCESS;
    if (status == ARES_SUCCESS)
        status = ares_init_options(&resolver->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                                       ARES_OPT_SOCK_STATE_CB);
    resolver->has_channel = status == ARES_SUCCESS;
    if (status != ARES_SUCCESS)
        err_set(err, "c-ares: %s", ares_strerror(status));
    return status == ARES_SUCCESS;
}

struct resolver *resolver_new(struct loop *loop, const struct resolver_setup *setup, struct err *err)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    if (!resolver) {
        err_set(err, "out of memory");
        return NULL;
    }
    resolver->loop = loop;
    resolver->setup = *setup;
    if (!setup->shortest_ms)
        resolver->setup.shortest_ms = RESOLVER_SHORTEST_MS;
    if (!setup->longest_ms)
        resolver->setup.longest_ms = RESOLVER_LONGEST_MS;
    LIST_INIT(&resolver->sockets);
    SLIST_INIT(&resolver->names);
    ev_timer_init(&resolver->patience, resolver_impatient, 0., 0.);
    resolver->patience.data = resolver;
    if (resolver_open(resolver, err))
        return resolver;
    resolver_free(resolver);
    return NULL;
}

void resolver_free(struct resolver *resolver)
{
    struct resolver_name *name;

    if (!resolver)
        return;
    resolver->is_ending = true;
    if (resolver->has_channel)
        ares_destroy(resolver->channel);
    if (resolver->has_library)
        ares_library_cleanup();
    ev_timer_stop(loop_ev(resolver->loop), &resolver->patience);
    while ((name = SLIST_FIRST(&resolver->names))) {
        SLIST_REMOVE_HEAD(&resolver->names, entry);
        ev_timer_stop(loop_ev(resolver->loop), &name->due);
        free(name->host);
        free(name);
    }
    free(resolver->hosts);
    free(resolver);
}
