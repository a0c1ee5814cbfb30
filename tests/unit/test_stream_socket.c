/* From where a stream connects, what it has carried, when its peer is given up, and how it ends when its
 * process dies. */
#include "net_pair.h"
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;

static int setup(void **state)
{
    struct err err;

    (void)state;
    loop = loop_new(&err);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static size_t take_all(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    (void)data;
    return len;
}

static void note_connected(void *owner, struct stream *stream, enum stream_event event)
{
    bool *connected = owner;

    (void)stream;
    *connected |= event == STREAM_CONNECTED;
}

static const struct stream_user user = {.data = take_all, .event = note_connected};

static bool is_set(void *flag)
{
    return *(bool *)flag;
}

static void a_stream_connects_from_where_it_is_told(void **state)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    struct addr at, from, local;
    struct err err;
    struct stream *stream;
    bool connected = false;
    char text[ADDR_TEXT_LEN];
    int listening = net_listen(&at), far;

    (void)state;
    assert_true(addr_parse("127.0.0.9:4242", &from, &err)); /* the port does not count */
    stream = stream_connect_from(loop, &from, &at, &user, &connected, &err);
    assert_non_null(stream);
    assert_true(net_run_until(loop, is_set, &connected));
    far = accept(listening, (struct sockaddr *)&peer, &len);
    assert_true(far >= 0);
    assert_int_equal(ntohl(peer.sin_addr.s_addr), 0x7f000009);
    assert_int_not_equal(ntohs(peer.sin_port), 4242);
    stream_local(stream, &local);
    addr_host_text(&local, text);
    assert_string_equal(text, "127.0.0.9");
    stream_abort(stream);
    (void)close(far);
    (void)close(listening);
}

static void an_address_of_somebody_else_is_an_error(void **state)
{
    struct addr at, from;
    struct err err = {""};
    bool connected = false;
    int listening = net_listen(&at);

    (void)state;
    assert_true(addr_parse("192.0.2.1:0", &from, &err));
    assert_null(stream_connect_from(loop, &from, &at, &user, &connected, &err));
    assert_true(err.text[0]);
    assert_true(addr_parse("[::1]:0", &from, &err));
    assert_null(stream_connect_from(loop, &from, &at, &user, &connected, &err));
    (void)close(listening);
}

struct growth {
    struct stream *stream;
    uint64_t before;
};

static bool has_grown(void *arg)
{
    const struct growth *growth = arg;

    return stream_carried_bytes(growth->stream) > growth->before;
}

static void what_was_carried_grows_both_ways_and_stands_still(void **state)
{
    int far;
    struct stream *stream = net_pair(loop, &far);
    struct growth growth = {stream, stream_carried_bytes(stream)};
    bool connected = false;

    (void)state;
    stream_set_user(stream, &user, &connected);
    assert_int_equal(send(far, "up", 2, 0), 2);
    assert_true(net_run_until(loop, has_grown, &growth));
    growth.before = stream_carried_bytes(stream);
    net_turns(loop, 10);
    assert_int_equal(stream_carried_bytes(stream), growth.before);
    stream_write(stream, "down", 4);
    assert_true(net_run_until(loop, has_grown, &growth));
    stream_abort(stream);
    (void)close(far);
}

/* A socket's option. */
static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* Between 2 minutes, when a firewall may forget it, and 5, which no outage of a line lasts for long. */
static void a_silent_peer_is_asked_and_given_up(void **state)
{
    struct addr at;
    struct err err;
    int listening = net_listen(&at), near, far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stream *stream;

    (void)state;
    assert_int_equal(connect(far, &at.sa.any, at.len), 0);
    near = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    stream = stream_accepted(loop, near, &err);
    assert_non_null(stream);
    assert_int_equal(option_of(near, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(near, IPPROTO_TCP, TCP_KEEPIDLE), 120);
    assert_int_equal(option_of(near, IPPROTO_TCP, TCP_KEEPIDLE) +
                         option_of(near, IPPROTO_TCP, TCP_KEEPINTVL) *
                             option_of(near, IPPROTO_TCP, TCP_KEEPCNT),
                     300);
    stream_abort(stream);
    (void)close(far);
    (void)close(listening);
}

/* What a child process does before it is killed. */
static void only_write(struct stream *stream)
{
    stream_write(stream, "half", 4);
}

static void guard_and_write(struct stream *stream)
{
    stream_reset_unless_finished(stream);
    stream_write(stream, "half", 4);
}

static void guard_and_finish(struct stream *stream)
{
    guard_and_write(stream);
    stream_finish(stream);
}

static void finish_and_guard(struct stream *stream)
{
    stream_write(stream, "half", 4);
    stream_finish(stream);
    stream_reset_unless_finished(stream);
}

static void write_and_close(struct stream *stream)
{
    stream_write(stream, "half", 4);
    stream_close(stream);
}

static void fill_and_close(struct stream *stream)
{
    static char block[1 << 20];

    while (!stream_unsent(stream))
        stream_write(stream, block, sizeof block);
    stream_close(stream);
}

/* 0: an end as if all was well; else errno. */
static int end_after(void (*work)(struct stream *stream))
{
    struct addr at;
    struct err err;
    char data[8];
    ssize_t got;
    int listening = net_listen(&at), near, far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t child;

    assert_int_equal(connect(far, &at.sa.any, at.len), 0);
    near = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    (void)close(listening);
    child = fork();
    if (!child) {
        work(stream_accepted(loop, near, &err));
        (void)raise(SIGKILL);
    }
    (void)close(near);
    assert_int_equal(waitpid(child, NULL, 0), child);
    do
        got = recv(far, data, sizeof data, 0);
    while (got > 0);
    got = got < 0 ? errno : 0;
    (void)close(far);
    return (int)got;
}

static void a_death_is_not_an_end(void **state)
{
    (void)state;
    assert_int_equal(end_after(only_write), 0);
    assert_int_equal(end_after(guard_and_write), ECONNRESET);
    assert_int_equal(end_after(guard_and_finish), 0);
    assert_int_equal(end_after(finish_and_guard), 0);
    assert_int_equal(end_after(write_and_close), 0);
    assert_int_equal(end_after(fill_and_close), ECONNRESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stream_connects_from_where_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_of_somebody_else_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_carried_grows_both_ways_and_stands_still, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_peer_is_asked_and_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_death_is_not_an_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
