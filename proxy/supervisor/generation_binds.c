/* The listening sockets of a generation. */
#include "generation.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADMIN_BACKLOG = 16 };

static int bind_one(const struct addr *at, uint32_t backlog, struct err *err)
{
    const int yes = 1;
    int fd = socket(at->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char text[ADDR_TEXT_LEN];

    addr_text(at, text);
    if (fd < 0) {
        err_errno(err, "bind = \"%s\": cannot open a socket", text);
        return -1;
    }
    /* Without it ::ffff:a.b.c.d walks past IPv4 deny lists. */
    if ((!addr_is_v4(at) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes)) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) || bind(fd, &at->sa.any, at->len) ||
        listen(fd, (int)backlog)) {
        err_errno(err, "bind = \"%s\"", text);
        close(fd);
        return -1;
    }
    return fd;
}

static bool same_address(const struct addr *a, const struct addr *b)
{
    return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

/* The number of an address among the binds; bind_count when it is not one. */
static size_t bind_find(const struct generation *generation, const struct addr *at)
{
    const struct conf *conf = generation->conf;
    size_t number = 0;

    for (size_t i = 0; i < conf->listener_count; i++)
        for (size_t k = 0; conf->listeners[i].enabled && k < conf->listeners[i].bind_count; k++, number++)
            if (same_address(&conf->listeners[i].binds[k], at))
                return number;
    return number;
}

static int bind_take_over(int old, uint32_t backlog, struct err *err)
{
    int fd = fcntl(old, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        err_errno(err, "cannot take a listening socket over");
    else
        (void)listen(fd, (int)backlog);
    return fd;
}

static int bind_open(const struct addr *at, uint32_t backlog, const struct generation *before,
                     struct err *err)
{
    size_t number = before ? bind_find(before, at) : 0;

    if (before && number < before->bind_count && before->binds[number] >= 0)
        return bind_take_over(before->binds[number], backlog, err);
    return bind_one(at, backlog, err);
}

static bool bind_listener(struct generation *generation, const struct conf_listener *listener, size_t first,
                          const struct generation *before, struct err *err)
{
    for (size_t i = 0; i < listener->bind_count; i++) {
        struct err where;
        int fd = bind_open(&listener->binds[i], listener->backlog, before, err);

        if (fd < 0) {
            conf_where_listener(generation->conf, listener, &where);
            err_context(err, "%s", where.text);
            return false;
        }
        generation->binds[first + i] = fd;
    }
    return true;
}

static bool bind_admin(struct generation *generation, const struct generation *before, struct err *err)
{
    const struct conf *conf = generation->conf;

    if (!conf->admin_enabled)
        return true;
    if (before && before->admin >= 0 && same_address(&before->conf->admin_bind, &conf->admin_bind))
        generation->admin = bind_take_over(before->admin, ADMIN_BACKLOG, err);
    else
        generation->admin = bind_one(&conf->admin_bind, ADMIN_BACKLOG, err);
    if (generation->admin < 0)
        err_context(err, "%s: admin", conf->path);
    return generation->admin >= 0;
}

static bool bind_all(struct generation *generation, const struct generation *before, struct err *err)
{
    const struct conf *conf = generation->conf;
    size_t first = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        if (!conf->listeners[i].enabled)
            continue;
        if (!generation->kept_closed[i] &&
            !bind_listener(generation, &conf->listeners[i], first, before, err))
            return false;
        first += conf->listeners[i].bind_count;
    }
    return bind_admin(generation, before, err);
}

bool generation_bind(struct generation *generation, const struct generation *before, struct err *err)
{
    if (bind_all(generation, before, err))
        return true;
    generation_unbind(generation);
    return false;
}

size_t generation_first_bind(const struct generation *generation, size_t listener)
{
    const struct conf *conf = generation->conf;
    size_t first = 0;

    for (size_t i = 0; i < listener; i++)
        if (conf->listeners[i].enabled)
            first += conf->listeners[i].bind_count;
    return first;
}

static void close_listener(struct generation *generation, size_t listener)
{
    int *binds = &generation->binds[generation_first_bind(generation, listener)];

    for (size_t i = 0; i < generation->conf->listeners[listener].bind_count; i++) {
        if (binds[i] >= 0)
            close(binds[i]);
        binds[i] = -1;
    }
}

void generation_keep_closed(struct generation *generation, size_t listener, bool closed)
{
    generation->kept_closed[listener] = closed;
    if (closed && generation->conf->listeners[listener].enabled)
        close_listener(generation, listener);
}

bool generation_open(struct generation *generation, size_t listener, const struct generation *other,
                     struct err *err)
{
    if (bind_listener(generation, &generation->conf->listeners[listener],
                      generation_first_bind(generation, listener), other, err))
        return true;
    close_listener(generation, listener);
    return false;
}

void generation_unbind(struct generation *generation)
{
    for (size_t i = 0; generation->binds && i < generation->bind_count; i++) {
        if (generation->binds[i] >= 0)
            close(generation->binds[i]);
        generation->binds[i] = -1;
    }
    if (generation->admin >= 0)
        close(generation->admin);
    generation->admin = -1;
}

/* -- watching ----------------------------------------------------------------------------------- */

static bool is_listening(int fd)
{
    int yes = 0;
    socklen_t len = sizeof yes;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) != 0 || yes;
}

static void listen_again(const struct conf_listener *listener, const struct addr *at, int fd)
{
    char text[ADDR_TEXT_LEN];
    struct log_line line;

    addr_text(at, text);
    log_begin(&line, LOG_LEVEL_ERROR, "listener-shut");
    log_text(&line, "listener", listener->alias);
    log_text(&line, "bind", text);
    log_text(&line, "reason",
             listen(fd, (int)listener->backlog) ? strerror(errno) : "a process shut it; it listens again");
    log_end(&line);
}

void generation_watch_binds(const struct generation *generation)
{
    const struct conf *conf = generation->conf;
    size_t number = 0;

    for (size_t i = 0; i < conf->listener_count; i++)
        for (size_t k = 0; conf->listeners[i].enabled && k < conf->listeners[i].bind_count; k++, number++)
            if (generation->binds[number] >= 0 && !is_listening(generation->binds[number]))
                listen_again(&conf->listeners[i], &conf->listeners[i].binds[k], generation->binds[number]);
}
