#include "net_pair.h"

#include "clock.h"
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

/* Only so that a loop in which nothing happens comes back to ask. */
static void tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

bool net_run_until(struct loop *loop, bool (*done)(void *), void *arg)
{
    uint64_t end_ms = clock_monotonic_ms() + 10000;
    ev_timer ticker;

    ev_timer_init(&ticker, tick, 0.002, 0.002);
    ev_timer_start(loop_ev(loop), &ticker);
    while (!done(arg) && clock_monotonic_ms() < end_ms)
        (void)ev_run(loop_ev(loop), EVRUN_ONCE);
    ev_timer_stop(loop_ev(loop), &ticker);
    return done(arg);
}

void net_turns(struct loop *loop, int count)
{
    while (count--)
        (void)ev_run(loop_ev(loop), EVRUN_NOWAIT);
}

int net_listen(struct addr *at)
{
    struct err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(addr_parse("127.0.0.1:0", at, &err));
    assert_int_equal(bind(fd, &at->sa.any, at->len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, &at->sa.any, &at->len), 0);
    return fd;
}

struct stream *net_pair(struct loop *loop, int *far)
{
    struct addr at;
    struct err err;
    int listening = net_listen(&at), near;
    struct stream *stream;

    *far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*far, &at.sa.any, at.len), 0);
    near = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(near >= 0);
    (void)close(listening);
    stream = stream_accepted(loop, near, &err);
    assert_non_null(stream);
    return stream;
}
