/* Channels and the messages on them: descriptors travel, hostile messages are refused and leak nothing. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "pack.h"

static struct channel_message message;

static int open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void make_pair(int fds[2])
{
    struct err err;

    assert_true(channel_pair(fds, &err));
}

static void close_pair(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static int null_device(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* A datagram as a hostile process would make it: any bytes, any descriptors. */
static void send_raw(int channel, const void *data, size_t len, const int *fds, size_t fd_count)
{
    char copy[CHANNEL_PAYLOAD_MAX + 100];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * 253)];
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = copy, .iov_len = len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    assert_true(len <= sizeof copy);
    memcpy(copy, data, len);
    if (fd_count) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
    }
    assert_int_equal(sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL), (ssize_t)len);
}

static void descriptors_travel_and_are_close_on_exec(void **state)
{
    int pair[2], sent = null_device();
    struct err err;
    struct stat a, b;

    (void)state;
    make_pair(pair);
    assert_int_equal(channel_send(pair[0], 42, "abc", 3, &sent, 1), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_int_equal(message.type, 42);
    assert_int_equal(message.len, 3);
    assert_memory_equal(message.payload, "abc", 3);
    assert_int_equal(message.fd_count, 1);
    assert_int_equal(fcntl(message.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fstat(sent, &a), 0);
    assert_int_equal(fstat(message.fds[0], &b), 0);
    assert_true(a.st_rdev == b.st_rdev);
    channel_close_fds(&message);
    close(sent);
    close_pair(pair);
}

static void both_ends_are_close_on_exec_and_never_block(void **state)
{
    int pair[2];
    struct err err;

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcntl(pair[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(pair[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        assert_int_equal(channel_receive(pair[i], &message, &err), CHANNEL_AGAIN);
    }
    close_pair(pair);
}

static void a_full_load_travels(void **state)
{
    static uint8_t payload[CHANNEL_PAYLOAD_MAX];
    int pair[2], fds[CHANNEL_FDS_MAX], one = null_device(), before;
    struct err err;

    (void)state;
    make_pair(pair);
    before = open_fds();
    for (size_t i = 0; i < CHANNEL_FDS_MAX; i++)
        fds[i] = one;
    assert_int_equal(channel_send(pair[0], 1, payload, sizeof payload, fds, CHANNEL_FDS_MAX), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_int_equal(message.len, sizeof payload);
    assert_int_equal(message.fd_count, CHANNEL_FDS_MAX);
    channel_close_fds(&message);
    assert_int_equal(open_fds(), before);
    assert_int_equal(channel_send(pair[0], 1, payload, sizeof payload + 1, NULL, 0), CHANNEL_FAILED);
    assert_int_equal(channel_send(pair[0], 1, payload, 1, fds, CHANNEL_FDS_MAX + 1), CHANNEL_FAILED);
    close(one);
    close_pair(pair);
}

static void hostile_messages_are_refused_and_leak_no_descriptor(void **state)
{
    static const uint8_t bytes[CHANNEL_PAYLOAD_MAX + 100];
    static const struct {
        size_t len, fd_count;
        enum channel_result wanted;
        const char *what;
    } rows[] = {
        {3, 0, CHANNEL_FAILED, "a type cut short"},
        {3, 2, CHANNEL_FAILED, "a type cut short, with descriptors"},
        {0, 0, CHANNEL_CLOSED, "an empty datagram"},
        {0, 2, CHANNEL_CLOSED, "an empty datagram with descriptors"},
        {CHANNEL_PAYLOAD_MAX + 5, 0, CHANNEL_FAILED, "one byte too many"},
        {CHANNEL_PAYLOAD_MAX + 5, 9, CHANNEL_FAILED, "one byte too many, with descriptors"},
        {4, CHANNEL_FDS_MAX + 1, CHANNEL_FAILED, "one descriptor too many"},
        {4, 253, CHANNEL_FAILED, "as many descriptors as the kernel takes"},
    };
    int pair[2], fds[253], one = null_device(), before;
    struct err err;

    (void)state;
    make_pair(pair);
    for (size_t i = 0; i < 253; i++)
        fds[i] = one;
    before = open_fds();
    for (size_t i = 0; i < ROWS(rows); i++) {
        send_raw(pair[0], bytes, rows[i].len, fds, rows[i].fd_count);
        if (channel_receive(pair[1], &message, &err) != rows[i].wanted)
            fail_msg("accepted: %s", rows[i].what);
        if (message.fd_count || open_fds() != before)
            fail_msg("descriptors leak: %s", rows[i].what);
    }
    /* The line itself is still good. */
    assert_int_equal(channel_send(pair[0], 5, NULL, 0, NULL, 0), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_int_equal(message.type, 5);
    close(one);
    close_pair(pair);
}

static void a_closed_channel_is_seen_by_both_sides(void **state)
{
    int pair[2];
    struct err err;

    (void)state;
    make_pair(pair);
    assert_int_equal(channel_wait(pair[0], 1, &message, &err), CHANNEL_AGAIN);
    assert_int_equal(channel_send(pair[1], 9, NULL, 0, NULL, 0), CHANNEL_OK);
    close(pair[1]);
    assert_int_equal(channel_wait(pair[0], 1000, &message, &err), CHANNEL_OK);
    assert_int_equal(message.type, 9);
    assert_int_equal(channel_wait(pair[0], 1000, &message, &err), CHANNEL_CLOSED);
    assert_int_equal(channel_send(pair[0], 9, NULL, 0, NULL, 0), CHANNEL_CLOSED);
    close(pair[0]);
}

static void a_full_queue_is_not_waited_for(void **state)
{
    static const uint8_t payload[CHANNEL_PAYLOAD_MAX];
    int pair[2];
    enum channel_result result = CHANNEL_OK;

    (void)state;
    make_pair(pair);
    for (int i = 0; i < 10000 && result == CHANNEL_OK; i++)
        result = channel_send(pair[0], 1, payload, sizeof payload, NULL, 0);
    assert_int_equal(result, CHANNEL_AGAIN);
    close_pair(pair);
}

/* More than there are switches (64 backends, 64 listeners) and keystores to tell a worker of at once, while
 * it is busy with something else. */
static void a_burst_of_small_messages_waits_in_the_kernel(void **state)
{
    enum { BURST = 200, SWITCH_BYTES = 100 };
    static const uint8_t payload[SWITCH_BYTES];
    const struct grant listener = {GRANT_LISTENER, 0, null_device()};
    int pair[2], before = open_fds(), received = 0;
    struct err err;

    (void)state;
    make_pair(pair);
    for (int i = 0; i < BURST; i++) {
        enum channel_result result =
            i % 2 ? message_send_grants(pair[0], &listener, 1)
                  : channel_send(pair[0], MESSAGE_BACKEND, payload, sizeof payload, NULL, 0);

        if (result != CHANNEL_OK)
            fail_msg("message %d does not fit", i);
    }
    while (channel_receive(pair[1], &message, &err) == CHANNEL_OK) {
        received++;
        channel_close_fds(&message);
    }
    assert_int_equal(received, BURST);
    close_pair(pair);
    assert_int_equal(open_fds(), before);
    close(listener.fd);
}

static void grants_come_back_as_they_were_sent(void **state)
{
    int pair[2], one = null_device(), before;
    struct grant sent[2] = {{GRANT_LISTENER, 7, one}, {GRANT_QUEUE, 1, one}}, got[4];
    size_t count;
    struct err err;

    (void)state;
    make_pair(pair);
    before = open_fds();
    assert_int_equal(message_send_grants(pair[0], sent, 2), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_true(message_read_grants(&message, got, 4, &count));
    assert_int_equal(count, 2);
    assert_int_equal(message.fd_count, 0);
    assert_int_equal(got[0].kind, GRANT_LISTENER);
    assert_int_equal(got[0].index, 7);
    assert_int_equal(got[1].kind, GRANT_QUEUE);
    assert_int_equal(got[1].index, 1);
    close(got[0].fd);
    close(got[1].fd);

    /* More than there is room for. */
    assert_int_equal(message_send_grants(pair[0], sent, 2), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_false(message_read_grants(&message, got, 1, &count));
    assert_int_equal(open_fds(), before);
    close(one);
    close_pair(pair);
}

static void hostile_grants_are_refused_and_closed(void **state)
{
    static const struct {
        uint32_t type, words[6];
        size_t word_count, fd_count;
        const char *what;
    } rows[] = {
        {MESSAGE_GRANT, {0}, 0, 1, "no count"},
        {MESSAGE_GRANT, {1}, 1, 1, "no grants behind the count"},
        {MESSAGE_GRANT, {2, GRANT_LOG, 0, GRANT_LOG, 0}, 5, 1, "fewer descriptors than grants"},
        {MESSAGE_GRANT, {1, GRANT_LOG, 0}, 3, 2, "more descriptors than grants"},
        {MESSAGE_GRANT, {1, GRANT_LOG, 0, 0}, 4, 1, "bytes behind the grants"},
        {MESSAGE_GRANT, {1, 0, 0}, 3, 1, "kind 0"},
        {MESSAGE_GRANT, {1, GRANT_LOGIN_GATE + 1, 0}, 3, 1, "a kind that is not known"},
        {MESSAGE_GRANT, {UINT32_MAX, GRANT_LOG, 0}, 3, 1, "a count that overflows"},
        {MESSAGE_START, {1, GRANT_LOG, 0}, 3, 1, "another type of message"},
    };
    int pair[2], one = null_device(), fds[2] = {one, one}, before;
    struct grant got[4];
    size_t count;
    struct err err;

    (void)state;
    make_pair(pair);
    before = open_fds();
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(channel_send(pair[0], rows[i].type, rows[i].words,
                                      rows[i].word_count * sizeof(uint32_t), fds, rows[i].fd_count),
                         CHANNEL_OK);
        assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
        if (message_read_grants(&message, got, 4, &count) || count)
            fail_msg("accepted: %s", rows[i].what);
        if (open_fds() != before)
            fail_msg("descriptors leak: %s", rows[i].what);
    }
    close(one);
    close_pair(pair);
}

static void a_text_travels_and_a_long_one_is_cut(void **state)
{
    int pair[2];
    char *longest = malloc(3ul * CHANNEL_PAYLOAD_MAX);
    const char *text;
    uint32_t number;
    struct err err;

    (void)state;
    make_pair(pair);
    assert_non_null(longest);
    memset(longest, 'x', 3 * CHANNEL_PAYLOAD_MAX - 1);
    longest[3 * CHANNEL_PAYLOAD_MAX - 1] = '\0';
    assert_int_equal(message_send_text(pair[0], MESSAGE_FAULT, 77, "the PIN is wrong"), CHANNEL_OK);
    assert_int_equal(message_send_text(pair[0], MESSAGE_FAULT, 1, longest), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_int_equal(message.type, MESSAGE_FAULT);
    assert_true(message_read_text(&message, &number, &text));
    assert_int_equal(number, 77);
    assert_string_equal(text, "the PIN is wrong");
    assert_int_equal(channel_receive(pair[1], &message, &err), CHANNEL_OK);
    assert_true(message_read_text(&message, &number, &text));
    assert_int_equal(message.len, CHANNEL_PAYLOAD_MAX);
    assert_int_equal(strlen(text), CHANNEL_PAYLOAD_MAX - 9);

    message.len--;
    assert_false(message_read_text(&message, &number, &text));
    assert_string_equal(text, "");
    free(longest);
    close_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_travel_and_are_close_on_exec),
        cmocka_unit_test(both_ends_are_close_on_exec_and_never_block),
        cmocka_unit_test(a_full_load_travels),
        cmocka_unit_test(hostile_messages_are_refused_and_leak_no_descriptor),
        cmocka_unit_test(a_closed_channel_is_seen_by_both_sides),
        cmocka_unit_test(a_full_queue_is_not_waited_for),
        cmocka_unit_test(a_burst_of_small_messages_waits_in_the_kernel),
        cmocka_unit_test(grants_come_back_as_they_were_sent),
        cmocka_unit_test(hostile_grants_are_refused_and_closed),
        cmocka_unit_test(a_text_travels_and_a_long_one_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
