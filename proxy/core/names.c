#include "names.h"

#include "addr.h"
#include "buf.h"
#include "conf.h"
#include "log.h"
#include "resolve.h"

static void name_changed(void *owner, const char *host, const struct addr *addresses, size_t count)
{
    struct log_line line;
    struct buf list;

    (void)owner;
    buf_init(&list, RESOLVER_ADDRESSES_MAX * (size_t)ADDR_TEXT_LEN);
    for (size_t i = 0; i < count; i++) {
        char one[ADDR_TEXT_LEN];

        addr_host_text(&addresses[i], one);
        (void)buf_printf(&list, "%s%s", i ? " " : "", one);
    }
    log_begin(&line, LOG_LEVEL_INFO, "name-resolved");
    log_text(&line, "name", host);
    log_bytes(&line, "addresses", buf_data(&list), buf_len(&list));
    log_end(&line);
    buf_free(&list);
}

static void name_failed(void *owner, const char *host, const struct err *why)
{
    struct log_line line;

    (void)owner;
    log_begin(&line, LOG_LEVEL_WARNING, "name-failed");
    log_text(&line, "name", host);
    log_text(&line, "reason", why->text);
    log_end(&line);
}

static const struct resolver_user names_user = {.changed = name_changed, .failed = name_failed};

/* Goes through the names; the first one makes the resolver. */
struct names {
    struct loop *loop;
    struct resolver *resolver;
    struct err *err;
};

static bool name_add(struct names *names, const char *host)
{
    static const struct resolver_setup setup = {.user = &names_user};

    if (!host[0])
        return true;
    if (!names->resolver)
        names->resolver = resolver_new(names->loop, &setup, names->err);
    return names->resolver && resolver_add(names->resolver, host, names->err);
}

static bool names_of_backends(struct names *names, const struct conf_backends *backends)
{
    for (size_t i = 0; i < backends->count; i++)
        if (!name_add(names, backends->items[i].host))
            return false;
    return true;
}

static bool name_of_host(struct names *names, const struct conf_host_name *host)
{
    return !host->set || name_add(names, host->host);
}

static bool names_of_listener(struct names *names, const struct conf_listener *listener)
{
    if (!names_of_backends(names, &listener->backends) || !name_of_host(names, &listener->passive_host))
        return false;
    for (size_t i = 0; i < listener->passive_for_count; i++)
        if (!name_of_host(names, &listener->passive_for[i].address))
            return false;
    for (size_t i = 0; i < listener->route_count; i++)
        if (!names_of_backends(names, &listener->routes[i].backends))
            return false;
    for (size_t i = 0; i < listener->server_name_count; i++)
        if (!names_of_backends(names, &listener->server_names[i].backends))
            return false;
    return true;
}

bool names_open(struct loop *loop, const struct conf *conf, struct resolver **out, struct err *err)
{
    struct names names = {.loop = loop, .err = err};

    *out = NULL;
    for (size_t i = 0; i < conf->listener_count; i++) {
        if (!conf->listeners[i].enabled || names_of_listener(&names, &conf->listeners[i]))
            continue;
        err_context(err, "host names");
        resolver_free(names.resolver);
        return false;
    }
    *out = names.resolver;
    return true;
}
