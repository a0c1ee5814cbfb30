/* The housekeeper as a process, told by a supervisor of the test's: its pages, its lines, and that neither
 * waits for the other. */
#include "unit.h"

#include "board_kit.h"
#include "channel.h"
#include "clock.h"
#include "housekeeper.h"
#include "pack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000, ANSWER_BYTES = 1 << 16 };

static struct {
    pid_t pid;
    int channel, log, target; /* the test's ends: target is read */
    struct sockaddr_in address;
    struct counters_page *worker;
} keeper;

static int listening_socket(void)
{
    socklen_t len = sizeof keeper.address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    keeper.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)&keeper.address, sizeof keeper.address), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&keeper.address, &len), 0);
    return fd;
}

static void grant(enum grant_kind kind, uint32_t index, int fd)
{
    const struct grant one = {.kind = kind, .index = index, .fd = fd};

    assert_int_equal(message_send_grants(keeper.channel, &one, 1), CHANNEL_OK);
    close(fd);
}

static void *grant_page(enum grant_kind kind, uint32_t index)
{
    struct err err;
    int fd = counters_new("page", kit_page_size(kind), &err);
    void *memory = counters_map(fd, kit_page_size(kind), &err);

    assert_non_null(memory);
    grant(kind, index, fd);
    return memory;
}

static void tell(enum message_type type, const uint32_t *number, const void *more, size_t more_len)
{
    struct buf payload;

    buf_init(&payload, 64);
    if (number)
        assert_true(pack_u32(&payload, *number) && buf_add(&payload, more, more_len));
    assert_int_equal(channel_send(keeper.channel, type, buf_data(&payload), buf_len(&payload), NULL, 0),
                     CHANNEL_OK);
    buf_free(&payload);
}

static void tell_keystore(uint32_t keystore, uint8_t can_sign)
{
    tell(MESSAGE_KEYSTORE, &keystore, &can_sign, 1);
}

static void run(int channel)
{
    /* As after exec: the channel is where a child looks for it. */
    if (channel != CHANNEL_FD && dup2(channel, CHANNEL_FD) < 0)
        _exit(99);
    _exit(housekeeper_main());
}

static int start(void **state)
{
    static struct channel_message message;
    struct err err;
    int ends[2], logs[2], target[2];

    (void)state;
    if (!channel_pair(ends, &err) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, logs) || pipe2(target, O_CLOEXEC))
        return -1;
    keeper.channel = fcntl(ends[0], F_DUPFD_CLOEXEC, 20);
    close(ends[0]);
    keeper.pid = fork();
    if (!keeper.pid)
        run(ends[1]);
    close(ends[1]);
    keeper.log = logs[0];
    keeper.target = target[0];
    grant(GRANT_LOG_TARGET, 0, target[1]);
    grant(GRANT_LOG_SOURCE, 0, logs[1]);
    grant(GRANT_CONFIGURATION, 0, kit_seal(kit_configuration));
    (void)grant_page(GRANT_HISTORY_PAGE, 0);
    keeper.worker = grant_page(GRANT_WORKER_PAGE, 5);
    grant(GRANT_ADMIN, 0, listening_socket());
    tell(MESSAGE_START, NULL, NULL, 0);
    return channel_wait(keeper.channel, PATIENCE_MS, &message, &err) == CHANNEL_OK &&
                   message.type == MESSAGE_READY
               ? 0
               : -1;
}

static int stop(void **state)
{
    int status = -1;

    (void)state;
    (void)kill(keeper.pid, SIGKILL);
    (void)waitpid(keeper.pid, &status, 0);
    close(keeper.channel);
    close(keeper.log);
    close(keeper.target);
    return 0;
}

static int dial(const char *request)
{
    const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&keeper.address, sizeof keeper.address), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

static const char *get(const char *path)
{
    static char answer[ANSWER_BYTES];
    char request[128];
    size_t len = 0;
    ssize_t got;
    int fd;

    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
    fd = dial(request);
    while (len < sizeof answer - 1 && (got = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
    return answer;
}

/* What was told arrives a moment later. */
static void until_said(const char *path, const char *wanted)
{
    uint64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

    while (!strstr(get(path), wanted))
        if (clock_monotonic_ms() > deadline_ms)
            fail_msg("%s does not say \"%s\" but\n%s", path, wanted, get(path));
}

static void until_not_said(const char *path, const char *words)
{
    uint64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;

    while (strstr(get(path), words))
        if (clock_monotonic_ms() > deadline_ms)
            fail_msg("%s still says \"%s\":\n%s", path, words, get(path));
}

/* A whole line that has these words, read from the target. */
static void until_line(const char *wanted)
{
    static char lines[ANSWER_BYTES];
    size_t len = 0;

    lines[0] = '\0';
    while (!strstr(lines, wanted)) {
        struct pollfd waiting = {.fd = keeper.target, .events = POLLIN};
        ssize_t got;

        if (len >= sizeof lines - 4097)
            len = 0;
        assert_int_equal(poll(&waiting, 1, PATIENCE_MS), 1);
        got = read(keeper.target, lines + len, 4096);
        assert_true(got > 0);
        len += (size_t)got;
        lines[len] = '\0';
    }
}

static void what_the_supervisor_says_is_shown(void **state)
{
    uint32_t kind = GRANT_WORKER_PAGE, index = 5;

    (void)state;
    until_said("/healthz", "\r\n\r\nok\n");
    until_said("/readyz", " 503 ");
    tell_keystore(0, 1);
    until_said("/readyz", "\r\n\r\nready\n");
    counter_set(&keeper.worker->listeners[0].transfers_done, 42);
    until_said("/metrics", "p11gate_transfers_total{listener=\"a\",result=\"done\"} 42\n");
    grant(GRANT_CONFIGURATION, 0, kit_seal(kit_configuration_turned));
    until_said("/readyz", "keystore \"files\" cannot sign");
    until_said("/metrics", "p11gate_transfers_total{listener=\"a\",result=\"done\"} 42\n");
    tell(MESSAGE_GONE, &kind, &index, sizeof index);
    until_not_said("/metrics", "listener=\"a\"");
    until_said("/metrics", "p11gate_transfers_total{listener=\"new\",result=\"done\"} 0\n");
}

static void messages_that_are_cut_change_nothing(void **state)
{
    const uint32_t number = 0;

    (void)state;
    tell_keystore(0, 1);
    until_said("/readyz", "\r\n\r\nready\n");
    tell(MESSAGE_KEYSTORE, &number, "", 0);
    tell(MESSAGE_KEYSTORE, &number, "\0\0\0", 3);
    tell(MESSAGE_GONE, NULL, NULL, 0);
    tell(MESSAGE_GONE, &number, "", 0);
    tell_keystore(UINT32_MAX, 0);
    grant(GRANT_WORKER_PAGE, 1, open("/dev/null", O_RDONLY | O_CLOEXEC));
    until_line("event=page-refused");
    until_said("/readyz", "\r\n\r\nready\n");
}

/* A target that takes no lines stalls the lines and nothing else. */
static void a_stalled_log_stalls_no_probe(void **state)
{
    static char line[4096];
    ssize_t sent;

    (void)state;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    for (uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;;) {
        struct pollfd waiting = {.fd = keeper.log, .events = POLLOUT};

        sent = send(keeper.log, line, sizeof line, MSG_NOSIGNAL);
        if (sent < 0 && !poll(&waiting, 1, 200))
            break; /* the pipe, the housekeeper and the socket are full */
        assert_true(clock_monotonic_ms() < until_ms);
    }
    for (int i = 0; i < 5; i++)
        until_said("/healthz", "\r\n\r\nok\n");
    until_said("/metrics", "p11gate_sessions{listener=\"a\"} 0\n");
}

static void a_slow_scraper_stalls_no_line(void **state)
{
    int slow[8];

    (void)state;
    for (size_t i = 0; i < ROWS(slow); i++)
        slow[i] = dial(i % 2 ? "GET /met" : "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 50; i++) {
        char line[64];

        (void)snprintf(line, sizeof line, "event=test number=%d.\n", i);
        assert_int_equal(send(keeper.log, line, strlen(line), MSG_NOSIGNAL), strlen(line));
        until_line(line);
    }
    for (size_t i = 0; i < ROWS(slow); i++)
        close(slow[i]);
}

static void until_refused(const struct sockaddr_in *address)
{
    uint64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
    int fd, refused;

    do {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        refused = connect(fd, (const struct sockaddr *)address, sizeof *address);
        close(fd);
    } while (!refused && clock_monotonic_ms() < deadline_ms);
    assert_int_equal(refused, -1);
}

/* The address has changed with a reload: the new socket counts, and the old one is closed. */
static void another_socket_takes_the_place(void **state)
{
    struct sockaddr_in before = keeper.address;
    uint32_t kind = GRANT_ADMIN, index = 0;

    (void)state;
    grant(GRANT_ADMIN, 0, listening_socket());
    until_said("/healthz", "\r\n\r\nok\n");
    until_refused(&before);
    tell(MESSAGE_GONE, &kind, &index, sizeof index);
    until_refused(&keeper.address);
    grant(GRANT_ADMIN, 0, listening_socket());
    until_said("/healthz", "\r\n\r\nok\n");
}

static void it_ends_when_it_is_told_to(void **state)
{
    const uint32_t at_once = 0;
    int status, slow = dial("GET /met");

    (void)state;
    tell(MESSAGE_STOP, &at_once, "", 0);
    assert_int_equal(waitpid(keeper.pid, &status, 0), keeper.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHILD_EXIT_OK);
    close(slow);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_supervisor_says_is_shown), TEST(messages_that_are_cut_change_nothing),
        TEST(a_stalled_log_stalls_no_probe),     TEST(a_slow_scraper_stalls_no_line),
        TEST(another_socket_takes_the_place),    TEST(it_ends_when_it_is_told_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
