#include "net_pair.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A user that remembers what it was told. */
struct seen {
    size_t take_at_most, got_len, given_len;
    char got[1 << 20];
    bool connected, drained, ended, failed, closed_in_data;
    struct stream *stream;
};

static struct seen seen;
static struct loop *loop;

static size_t seen_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct seen *user = owner;
    size_t taken = len < user->take_at_most ? len : user->take_at_most;

    assert_ptr_equal(stream, user->stream);
    user->given_len = len;
    assert_true(user->got_len + taken <= sizeof user->got);
    memcpy(user->got + user->got_len, data, taken);
    user->got_len += taken;
    if (user->closed_in_data) {
        stream_close(stream);
        user->stream = NULL;
    }
    return taken;
}

static void seen_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct seen *user = owner;

    (void)stream;
    user->connected |= event == STREAM_CONNECTED;
    user->drained |= event == STREAM_DRAINED;
    user->ended |= event == STREAM_ENDED;
    user->failed |= event == STREAM_FAILED;
}

static const struct stream_user seen_user = {.data = seen_data, .event = seen_event};

static int setup(void **state)
{
    struct err err;

    (void)state;
    memset(&seen, 0, sizeof seen);
    seen.take_at_most = SIZE_MAX;
    loop = loop_new(&err);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static struct stream *open_pair(int *far)
{
    struct stream *stream = net_pair(loop, far);

    seen.stream = stream;
    stream_set_user(stream, &seen_user, &seen);
    return stream;
}

static bool flag_is_set(void *arg)
{
    return *(bool *)arg;
}

static bool got_five(void *arg)
{
    (void)arg;
    return seen.got_len >= 5;
}

static bool given_five(void *arg)
{
    (void)arg;
    return seen.given_len >= 5;
}

static bool no_streams(void *arg)
{
    (void)arg;
    return loop_streams(loop) == 0;
}

static void a_new_stream_says_nothing_until_resumed(void **state)
{
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    assert_int_equal(write(far, "hello", 5), 5);
    net_turns(loop, 20);
    assert_int_equal(seen.got_len, 0);
    stream_resume(stream);
    assert_true(net_run_until(loop, got_five, NULL));
    assert_memory_equal(seen.got, "hello", 5);
    stream_abort(stream);
    (void)close(far);
}

static void what_is_not_taken_comes_again_in_front(void **state)
{
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    seen.take_at_most = 0;
    stream_resume(stream);
    assert_int_equal(write(far, "abc", 3), 3);
    net_turns(loop, 20);
    assert_int_equal(write(far, "de", 2), 2);
    assert_true(net_run_until(loop, given_five, NULL));
    assert_int_equal(stream_unread(stream), 5);
    seen.take_at_most = SIZE_MAX;
    stream_resume(stream);
    assert_true(net_run_until(loop, got_five, NULL));
    assert_memory_equal(seen.got, "abcde", 5);
    assert_int_equal(stream_bytes_in(stream), 5);
    stream_abort(stream);
    (void)close(far);
}

static void a_user_that_takes_nothing_is_given_no_more_than_the_limit(void **state)
{
    static char block[65536];
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    seen.take_at_most = 0;
    stream_set_read_limit(stream, 1000);
    stream_resume(stream);
    assert_true(send(far, block, sizeof block, MSG_DONTWAIT) > 5000);
    net_turns(loop, 50);
    assert_true(stream_unread(stream) >= 1000 && stream_unread(stream) <= 2000);
    stream_abort(stream);
    (void)close(far);
}

/* Back-pressure: the source is not read while its sink has bytes unsent. */
static void a_source_waits_for_its_sink(void **state)
{
    static char block[1 << 20];
    int far_source, far_sink;
    struct stream *source = open_pair(&far_source), *sink = net_pair(loop, &far_sink);
    ssize_t got, total = 0;

    (void)state;

    stream_set_sink(source, sink);
    stream_resume(source);
    for (int i = 0; i < 16 && !stream_unsent(sink); i++)
        stream_write(sink, block, sizeof block);
    assert_true(stream_unsent(sink) > 0);
    assert_int_equal(write(far_source, "hello", 5), 5);
    net_turns(loop, 50);
    assert_int_equal(seen.got_len, 0);
    while (seen.got_len < 5 && total < 64 << 20) {
        got = recv(far_sink, block, sizeof block, MSG_DONTWAIT);
        total += got > 0 ? got : 0;
        net_turns(loop, 1);
    }
    assert_int_equal(seen.got_len, 5);
    assert_int_equal(stream_unsent(sink), 0);
    /* Either side may go first. */
    stream_abort(sink);
    assert_int_equal(write(far_source, "again", 5), 5);
    seen.got_len = 0;
    assert_true(net_run_until(loop, got_five, NULL));
    stream_abort(source);
    (void)close(far_source);
    (void)close(far_sink);
}

static void closing_sends_everything_first(void **state)
{
    static char block[1 << 20], in[1 << 16];
    int far;
    struct stream *stream = open_pair(&far);
    size_t total = 0;
    ssize_t got;

    (void)state;
    stream_write(stream, block, sizeof block);
    stream_write(stream, block, sizeof block);
    stream_close(stream);
    for (;;) {
        net_turns(loop, 2);
        got = recv(far, in, sizeof in, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        total += got > 0 ? (size_t)got : 0;
    }
    assert_int_equal(got, 0); /* an end, not a reset */
    assert_int_equal(total, 2 * sizeof block);
    (void)close(far);
    assert_true(net_run_until(loop, no_streams, NULL));
}

/* H11, F15: the peer stalls until the patience of a close is over, with bytes left here. */
static void a_close_that_comes_to_nothing_is_no_end(void **state)
{
    static char block[1 << 20], in[1 << 16];
    int far;
    struct stream *stream = open_pair(&far);
    ssize_t got;

    (void)state;
    while (!stream_unsent(stream))
        stream_write(stream, block, sizeof block);
    stream_close(stream);
    assert_true(net_run_until(loop, no_streams, NULL));
    do
        got = recv(far, in, sizeof in, 0);
    while (got > 0);
    assert_int_equal(got, -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(far);
}

static void aborting_is_an_error_at_the_peer(void **state)
{
    char in[16];
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    stream_write(stream, "x", 1);
    stream_abort(stream);
    net_turns(loop, 5);
    (void)recv(far, in, 1, 0);
    assert_int_equal(recv(far, in, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(far);
    assert_int_equal(loop_streams(loop), 0);
}

static void half_close_keeps_the_other_half(void **state)
{
    char in[16];
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    stream_resume(stream);
    assert_int_equal(shutdown(far, SHUT_WR), 0);
    assert_true(net_run_until(loop, flag_is_set, &seen.ended));
    stream_text(stream, "late answer");
    stream_finish(stream);
    stream_text(stream, "nothing may follow");
    assert_int_equal(recv(far, in, sizeof in, 0), 11);
    assert_int_equal(recv(far, in, sizeof in, 0), 0);
    while (!stream_flushed(stream))
        net_turns(loop, 1);
    stream_close(stream);
    (void)close(far);
    assert_true(net_run_until(loop, no_streams, NULL));
}

static void a_refused_connect_is_told_from_the_loop(void **state)
{
    struct addr at;
    struct err err = {.text = ""};
    int listening = net_listen(&at);
    struct stream *stream;

    (void)state;
    (void)close(listening);
    stream = stream_connect(loop, &at, 1000, &seen_user, &seen, &err);
    seen.stream = stream;
    if (stream) {
        assert_false(seen.failed);
        assert_true(net_run_until(loop, flag_is_set, &seen.failed));
        assert_string_equal(stream_error(stream)->text, "connect: Connection refused");
        stream_close(stream);
    } else {
        assert_int_not_equal(err.text[0], 0);
    }
}

static void a_connect_that_nobody_answers_ends_in_time(void **state)
{
    struct addr at;
    struct err err;
    int listening = net_listen(&at), fill[40];
    struct stream *stream;

    (void)state;
    /* A full accept queue drops the next SYN. */
    assert_int_equal(listen(listening, 0), 0);
    for (size_t i = 0; i < ROWS(fill); i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], &at.sa.any, at.len);
    }
    stream = stream_connect(loop, &at, 50, &seen_user, &seen, &err);
    assert_non_null(stream);
    seen.stream = stream;
    assert_true(net_run_until(loop, flag_is_set, &seen.failed));
    assert_string_equal(stream_error(stream)->text, "connect: Connection timed out");
    stream_close(stream);
    for (size_t i = 0; i < ROWS(fill); i++)
        (void)close(fill[i]);
    (void)close(listening);
}

static void written_before_connected_is_sent_after(void **state)
{
    char in[16];
    struct addr at;
    struct err err;
    int listening = net_listen(&at), far;
    struct stream *stream = stream_connect(loop, &at, 1000, &seen_user, &seen, &err);

    (void)state;
    assert_non_null(stream);
    seen.stream = stream;
    stream_text(stream, "early");
    assert_true(net_run_until(loop, flag_is_set, &seen.connected));
    far = accept(listening, NULL, NULL);
    assert_int_equal(recv(far, in, sizeof in, 0), 5);
    stream_abort(stream);
    (void)close(far);
    (void)close(listening);
}

static void a_stream_may_be_closed_inside_its_own_callback(void **state)
{
    char in[16];
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    seen.closed_in_data = true;
    seen.take_at_most = 2;
    stream_resume(stream);
    assert_int_equal(write(far, "hello", 5), 5);
    while (seen.stream)
        net_turns(loop, 1);
    net_turns(loop, 5);
    assert_int_equal(recv(far, in, sizeof in, 0), 0);
    (void)close(far);
    assert_true(net_run_until(loop, no_streams, NULL));
}

/* A peer that never reads cannot make us keep everything. */
static void what_waits_unsent_has_a_limit(void **state)
{
    static char block[1 << 20];
    int far;
    struct stream *stream = open_pair(&far);

    (void)state;
    stream_resume(stream);
    for (int i = 0; i < 64 && !seen.failed; i++) {
        stream_write(stream, block, sizeof block);
        net_turns(loop, 2);
    }
    assert_true(seen.failed);
    stream_close(stream);
    (void)close(far);
}

int main(void)
{
#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STREAM_TEST(a_new_stream_says_nothing_until_resumed),
        STREAM_TEST(what_is_not_taken_comes_again_in_front),
        STREAM_TEST(a_user_that_takes_nothing_is_given_no_more_than_the_limit),
        STREAM_TEST(a_source_waits_for_its_sink),
        STREAM_TEST(closing_sends_everything_first),
        STREAM_TEST(a_close_that_comes_to_nothing_is_no_end),
        STREAM_TEST(aborting_is_an_error_at_the_peer),
        STREAM_TEST(half_close_keeps_the_other_half),
        STREAM_TEST(a_refused_connect_is_told_from_the_loop),
        STREAM_TEST(a_connect_that_nobody_answers_ends_in_time),
        STREAM_TEST(written_before_connected_is_sent_after),
        STREAM_TEST(a_stream_may_be_closed_inside_its_own_callback),
        STREAM_TEST(what_waits_unsent_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
