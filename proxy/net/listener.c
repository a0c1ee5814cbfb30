#include "listener.h"

#include "loop.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { LISTENER_PASSIVE_BACKLOG = 4 };

/* Without descriptors, accepting is left alone for so long: the kernel's queue keeps the clients. */
static const double listener_rest_s = 0.1;

struct listener {
    struct loop *loop;
    ev_io watcher;
    ev_timer rest;
    listener_accepted *accepted;
    void *owner;
    uint16_t port;
};

/* Somebody else was quicker, or this one client's connection is gone already; accept(2) hands its errors on.
 */
static bool is_passing(int error)
{
    static const int passing[] = {EAGAIN,       EINTR,      ECONNABORTED, EPROTO,      EPERM,
                                  ENOPROTOOPT,  EOPNOTSUPP, ENETDOWN,     ENETUNREACH, EHOSTDOWN,
                                  EHOSTUNREACH, ENONET,     ETIMEDOUT};

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (error == passing[i])
            return true;
    return false;
}

static void listener_ready(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct listener *listener = watcher->data;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct addr peer;
    int fd = accept4(watcher->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0) {
        if (addr_from_sockaddr((struct sockaddr *)&sa, len, &peer))
            listener->accepted(listener->owner, fd, &peer);
        else
            (void)close(fd);
        return;
    }
    if (!is_passing(errno)) {
        ev_io_stop(ev, watcher);
        ev_timer_set(&listener->rest, listener_rest_s, 0.);
        ev_timer_start(ev, &listener->rest);
    }
}

static void listener_rested(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct listener *listener = timer->data;

    (void)events;
    ev_io_start(ev, &listener->watcher);
}

static uint16_t socket_port(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct addr at;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
        !addr_from_sockaddr((struct sockaddr *)&sa, len, &at))
        return 0;
    return addr_port(&at);
}

struct listener *listener_new(struct loop *loop, int fd, listener_accepted *accepted, void *owner,
                              struct err *err)
{
    struct listener *listener = calloc(1, sizeof *listener);

    if (!listener) {
        err_set(err, "out of memory");
        (void)close(fd);
        return NULL;
    }
    listener->loop = loop;
    listener->accepted = accepted;
    listener->owner = owner;
    listener->port = socket_port(fd);
    ev_io_init(&listener->watcher, listener_ready, fd, EV_READ);
    listener->watcher.data = listener;
    ev_timer_init(&listener->rest, listener_rested, 0., 0.);
    listener->rest.data = listener;
    ev_io_start(loop_ev(loop), &listener->watcher);
    return listener;
}

/* A listening socket at one port, or -1. SO_REUSEADDR lets two binds of a port succeed while none of them
 * listens, so that only listen tells. */
static int passive_try(const struct addr *at, uint16_t port)
{
    struct addr where = *at;
    const int on = 1;
    int fd = socket(where.sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    addr_set_port(&where, port);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!addr_is_v4(&where))
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &where.sa.any, where.len) == 0 && listen(fd, LISTENER_PASSIVE_BACKLOG) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static uint32_t random_below(uint32_t limit)
{
    uint32_t value = 0;

    if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
        value = 0;
    return value % limit;
}

struct listener *listener_new_passive(struct loop *loop, const struct addr *at, uint16_t first, uint16_t last,
                                      listener_accepted *accepted, void *owner, struct err *err)
{
    uint32_t count = (uint32_t)last - first + 1u;
    uint32_t offset = random_below(count);

    for (uint32_t i = 0; i < count; i++) {
        int fd = passive_try(at, (uint16_t)(first + (offset + i) % count));
        if (fd >= 0)
            return listener_new(loop, fd, accepted, owner, err);
        if (errno == EMFILE || errno == ENFILE)
            break;
    }
    err_set(err, "no free port in passive-ports %u-%u", (unsigned)first, (unsigned)last);
    return NULL;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    ev_io_stop(loop_ev(listener->loop), &listener->watcher);
    ev_timer_stop(loop_ev(listener->loop), &listener->rest);
    (void)close(listener->watcher.fd);
    free(listener);
}
