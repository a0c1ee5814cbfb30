/* The pages over HTTP, by a client on a real socket: what is answered, to whom, and who cannot be kept
 * waiting. */
#include "unit.h"

#include "admin.h"
#include "board_kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct board *board;
static struct admin *admin;
static struct sockaddr_in address;
static struct err err;

static int make(void **state)
{
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        return -1;
    board = board_new(&err);
    admin = admin_new(fd, board, &err);
    if (!admin)
        print_error("%s\n", err.text);
    return admin ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    admin_free(admin);
    board_free(board);
    return 0;
}

static int dial(void)
{
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Everything until the server closes; the caller frees it. */
static char *ask(const char *request)
{
    size_t len = 0, size = 1 << 20;
    char *answer = malloc(size);
    int fd = dial();
    ssize_t got;

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while (len < size - 1 && (got = recv(fd, answer + len, size - 1 - len, 0)) > 0)
        len += (size_t)got;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    return end ? end + 4 : "no end of the head";
}

#define REQUEST(line) line "\r\nHost: localhost\r\n\r\n"

static void each_request_has_its_answer(void **state)
{
    static const struct {
        const char *request, *status, *body; /* body NULL: not looked at */
    } rows[] = {
        {REQUEST("GET /healthz HTTP/1.1"), "HTTP/1.1 200 ", "ok\n"},
        {REQUEST("HEAD /healthz HTTP/1.1"), "HTTP/1.1 200 ", ""},
        {"GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "ok\n"},
        {REQUEST("GET /healthz?verbose=1 HTTP/1.1"), "HTTP/1.1 200 ", "ok\n"},
        {REQUEST("GET /readyz HTTP/1.1"), "HTTP/1.1 503 ",
         "keystore \"edge\" cannot sign: none of its signers has been ready yet\n"},
        {REQUEST("HEAD /readyz HTTP/1.1"), "HTTP/1.1 503 ", ""},
        {REQUEST("GET /metrics HTTP/1.1"), "HTTP/1.1 200 ", NULL},
        {REQUEST("GET / HTTP/1.1"), "HTTP/1.1 404 ", NULL},
        {REQUEST("GET /metrics/ HTTP/1.1"), "HTTP/1.1 404 ", NULL},
        {REQUEST("GET /../metrics HTTP/1.1"), "HTTP/1.1 404 ", NULL},
        {REQUEST("GET //metrics HTTP/1.1"), "HTTP/1.1 404 ", NULL},
        {REQUEST("POST /nothing HTTP/1.1"), "HTTP/1.1 404 ", NULL},
        {REQUEST("DELETE /metrics HTTP/1.1"), "HTTP/1.1 405 ", "GET and HEAD only\n"},
        {REQUEST("OPTIONS /metrics HTTP/1.1"), "HTTP/1.1 405 ", "GET and HEAD only\n"},
        {REQUEST("get /metrics HTTP/1.1"), "HTTP/1.1 405 ", "GET and HEAD only\n"},
        {"POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 4294967296\r\n\r\n", "HTTP/1.1 405 ",
         "GET and HEAD only\n"},
        {"GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", NULL},
        {"\x16\x03\x01\x02\x01\x01\x02\r\n\r\n", "", NULL},
        {"GET /metrics\r\n\r\n", "", NULL},
    };

    (void)state;
    kit_configure(board, kit_configuration);
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *answer = ask(rows[i].request);

        if (strncmp(answer, rows[i].status, strlen(rows[i].status)) != 0)
            fail_msg("%s: %s", rows[i].request, answer);
        if (rows[i].body)
            assert_string_equal(body_of(answer), rows[i].body);
        free(answer);
    }
}

static void fields_say_what_it_is(void **state)
{
    char *answer;

    (void)state;
    kit_configure(board, kit_configuration);
    answer = ask(REQUEST("GET /metrics HTTP/1.1"));
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(answer, "\np11gate_sessions{listener=\"a\"} 0\n"));
    free(answer);
    answer = ask(REQUEST("PUT /metrics HTTP/1.1"));
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    free(answer);
}

static void ready_follows_the_keystores(void **state)
{
    char *answer;

    (void)state;
    kit_configure(board, kit_configuration);
    board_set_keystore(board, 0, true);
    answer = ask(REQUEST("GET /readyz HTTP/1.1"));
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    free(answer);
    board_set_keystore(board, 0, false);
    answer = ask(REQUEST("GET /readyz HTTP/1.1"));
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    assert_string_equal(body_of(answer),
                        "keystore \"edge\" cannot sign: no signer of it has a working token\n");
    free(answer);
}

/* Clients that say nothing, or stop in the middle of a head, or do not read their answer. */
static void the_slow_keep_nobody_waiting(void **state)
{
    int slow[20];

    (void)state;
    kit_configure(board, kit_configuration);
    for (size_t i = 0; i < ROWS(slow); i++) {
        static const char *const begun[] = {"", "GET /met", REQUEST("GET /metrics HTTP/1.1"),
                                            "GET /metrics HTTP/1.1\r\nHost: "};
        const char *words = begun[i % ROWS(begun)];

        slow[i] = dial();
        assert_int_equal(send(slow[i], words, strlen(words), MSG_NOSIGNAL), strlen(words));
    }
    for (int i = 0; i < 20; i++) {
        char *answer = ask(REQUEST("GET /healthz HTTP/1.1"));

        assert_string_equal(body_of(answer), "ok\n");
        free(answer);
    }
    for (size_t i = 0; i < ROWS(slow); i++)
        close(slow[i]);
}

/* More silent clients than there are places: they are sent away after a while, and the others are served. */
static void the_silent_are_sent_away(void **state)
{
    int silent[40];
    char *answer;

    (void)state;
    for (size_t i = 0; i < ROWS(silent); i++)
        silent[i] = dial();
    answer = ask(REQUEST("GET /healthz HTTP/1.1"));
    assert_string_equal(body_of(answer), "ok\n");
    free(answer);
    for (size_t i = 0; i < ROWS(silent); i++)
        close(silent[i]);
}

/* -- two threads ----------------------------------------------------------------------------------- */

struct scraper {
    pthread_t thread;
    unsigned answers, wrong;
};

static void *scrape(void *owner)
{
    struct scraper *scraper = owner;

    for (scraper->answers = 0; scraper->answers < 100; scraper->answers++) {
        char *answer =
            ask(scraper->answers % 2 ? REQUEST("GET /metrics HTTP/1.1") : REQUEST("GET /readyz HTTP/1.1"));

        scraper->wrong += strncmp(answer, "HTTP/1.1 ", 9) != 0;
        free(answer);
    }
    return NULL;
}

static void what_is_told_during_an_answer_harms_none(void **state)
{
    struct scraper scraper = {.wrong = 0};
    int fds[2] = {kit_seal(kit_configuration), kit_seal(kit_configuration_turned)};
    struct grant grant = {.kind = GRANT_WORKER_PAGE};

    (void)state;
    kit_configure(board, kit_configuration);
    grant.fd = counters_new("page", sizeof(struct counters_page), &err);
    assert_int_equal(pthread_create(&scraper.thread, NULL, scrape, &scraper), 0);
    for (uint32_t i = 0; i < 200; i++) {
        grant.index = i % 7;
        assert_true(board_add_page(board, &grant, &err));
        board_set_keystore(board, i % 2, i % 3);
        board_remove_page(board, GRANT_WORKER_PAGE, (i + 3) % 7);
        assert_true(board_configure(board, fds[i % 2], &err));
    }
    assert_int_equal(pthread_join(scraper.thread, NULL), 0);
    assert_int_equal(scraper.answers, 100);
    assert_int_equal(scraper.wrong, 0);
    close(grant.fd);
    close(fds[0]);
    close(fds[1]);
}

static void a_socket_that_is_none_is_refused(void **state)
{
    int fds[2];

    (void)state;
    assert_null(admin_new(-1, board, &err));
    assert_int_equal(pipe(fds), 0);
    close(fds[1]);
    close(fds[0]);
    assert_null(admin_new(fds[0], board, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_request_has_its_answer),      TEST(fields_say_what_it_is),
        TEST(ready_follows_the_keystores),      TEST(the_slow_keep_nobody_waiting),
        TEST(the_silent_are_sent_away),         TEST(what_is_told_during_an_answer_harms_none),
        TEST(a_socket_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
