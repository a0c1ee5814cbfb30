#include "relay.h"

#include "net_pair.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct watcher {
    bool over, keep_ends;
    enum relay_end end;
    int moved;
};

static struct loop *loop;
static struct watcher watcher;
static struct stream *a, *b;
static int far_a, far_b;
static struct relay *relay;

static void over(void *owner, enum relay_end end)
{
    struct watcher *user = owner;

    assert_false(user->over); /* told once */
    user->over = true;
    user->end = end;
}

static void moved(void *owner)
{
    ((struct watcher *)owner)->moved++;
}

static bool side_ended(void *owner, int side)
{
    (void)side;
    return !((struct watcher *)owner)->keep_ends;
}

static const struct relay_user user = {.ended = over, .moved = moved, .side_ended = side_ended};

static int setup(void **state)
{
    struct err err;

    (void)state;
    memset(&watcher, 0, sizeof watcher);
    loop = loop_new(&err);
    a = net_pair(loop, &far_a);
    b = net_pair(loop, &far_b);
    relay = relay_new(a, b, &user, &watcher);
    return relay ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    relay_free(relay);
    stream_abort(a);
    stream_abort(b);
    (void)close(far_a);
    (void)close(far_b);
    net_turns(loop, 2);
    loop_free(loop);
    return 0;
}

static bool is_over(void *arg)
{
    (void)arg;
    return watcher.over;
}

/* Writes all of it into one end while reading the other; returns what arrived. */
static size_t pump(int from, int to, size_t total)
{
    static uint8_t out[60000], in[60000];
    size_t sent = 0, got = 0;

    for (int idle = 0; got < total && idle < 200000; idle++) {
        size_t left = total - sent;
        ssize_t n = left ? send(from, out, left < sizeof out ? left : sizeof out, MSG_DONTWAIT) : 0;

        sent += n > 0 ? (size_t)n : 0;
        net_turns(loop, 1);
        n = recv(to, in, sizeof in, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    return got;
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    assert_int_equal(pump(far_a, far_b, 20 << 20), 20 << 20);
    assert_int_equal(pump(far_b, far_a, 20 << 20), 20 << 20);
    assert_true(watcher.moved > 10);
    assert_false(watcher.over);
}

static void ends_are_handed_on_and_both_make_done(void **state)
{
    char in[8];

    (void)state;
    assert_int_equal(write(far_a, "last", 4), 4);
    assert_int_equal(shutdown(far_a, SHUT_WR), 0);
    net_turns(loop, 20);
    assert_int_equal(recv(far_b, in, 4, MSG_WAITALL), 4);
    assert_int_equal(recv(far_b, in, 4, 0), 0);
    assert_false(watcher.over);
    assert_int_equal(write(far_b, "echo", 4), 4);
    assert_int_equal(shutdown(far_b, SHUT_WR), 0);
    assert_true(net_run_until(loop, is_over, NULL));
    assert_int_equal(watcher.end, RELAY_DONE);
    assert_int_equal(recv(far_a, in, 4, MSG_WAITALL), 4);
    assert_int_equal(recv(far_a, in, 4, 0), 0);
}

static void an_end_may_be_kept(void **state)
{
    char in[8];

    (void)state;
    watcher.keep_ends = true;
    assert_int_equal(shutdown(far_a, SHUT_WR), 0);
    net_turns(loop, 20);
    assert_int_equal(recv(far_b, in, 4, MSG_DONTWAIT), -1);
    stream_finish(b);
    assert_int_equal(recv(far_b, in, 4, 0), 0);
}

static void a_reset_is_told_with_its_side(void **state)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)state;
    (void)setsockopt(far_b, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)close(far_b);
    assert_true(net_run_until(loop, is_over, NULL));
    assert_int_equal(watcher.end, RELAY_B_FAILED);
    far_b = -1;
}

int main(void)
{
#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RELAY_TEST(bytes_go_both_ways),
        RELAY_TEST(ends_are_handed_on_and_both_make_done),
        RELAY_TEST(an_end_may_be_kept),
        RELAY_TEST(a_reset_is_told_with_its_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
