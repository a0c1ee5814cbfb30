/*
 * protocol_https on real sockets, in clear: the session is this test's own, so that what http.c asks of it is
 * seen. What is relayed, and which end is told what when the other one goes.
 */
#include "unit.h"

#include "conf.h"
#include "counters.h"
#include "http.h"
#include "net_pair.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
    void *state;
    struct stream *client;
    bool over, aborted;
    enum session_reason reason;
    int holds, touches;
};

static struct loop *loop;
static struct conf_listener conf;
static struct listener_counters counters;
static struct session session;
static int client, backend, listening; /* the far ends; backend is -1 until it was accepted */

/* --- the session, as far as http.c uses it --- */

struct loop *session_loop(const struct session *s)
{
    (void)s;
    return loop;
}

const struct conf_listener *session_conf(const struct session *s)
{
    (void)s;
    return &conf;
}

struct stream *session_client(const struct session *s)
{
    return s->client;
}

struct listener_counters *session_counters(const struct session *s)
{
    (void)s;
    return &counters;
}

struct stream *session_connect_backend(struct session *s, const struct stream_user *user, void *owner,
                                       struct err *err)
{
    (void)s;
    return stream_connect(loop, &conf.backend, 1000, user, owner, err);
}

void session_touch(struct session *s)
{
    s->touches++;
}

void session_hold_idle(struct session *s)
{
    s->holds++;
}

void session_release_idle(struct session *s)
{
    s->holds--;
}

void session_log(const struct session *s, struct log_line *line, enum log_level level, const char *event)
{
    (void)s;
    (void)level;
    (void)event;
    line->wanted = false;
}

static void finish(struct session *s, enum session_reason reason, bool aborted)
{
    assert_false(s->over); /* once */
    s->over = true;
    s->reason = reason;
    s->aborted = aborted;
    protocol_https.close(s->state);
    if (aborted)
        stream_abort(s->client);
    else
        stream_close(s->client);
}

void session_end(struct session *s, enum session_reason reason, const char *detail)
{
    (void)detail;
    finish(s, reason, false);
}

void session_abort(struct session *s, enum session_reason reason, const char *detail)
{
    (void)detail;
    finish(s, reason, true);
}

/* --- the far ends --- */

static int setup(void **state)
{
    struct err err;

    (void)state;
    memset(&session, 0, sizeof session);
    memset(&counters, 0, sizeof counters);
    memset(&conf, 0, sizeof conf);
    conf.head_timeout_ms = conf.response_timeout_ms = conf.idle_timeout_ms = 60000;
    listening = net_listen(&conf.backend);
    backend = -1;
    loop = loop_new(&err);
    assert_non_null(loop);
    session.client = net_pair(loop, &client);
    session.state = protocol_https.open(&session);
    return session.state ? 0 : -1;
}

static bool no_stream_is_left(void *arg)
{
    (void)arg;
    return !loop_streams(loop);
}

static int teardown(void **state)
{
    (void)state;
    if (!session.over)
        session_abort(&session, REASON_STOPPING, NULL);
    (void)close(client);
    (void)close(listening);
    if (backend >= 0)
        (void)close(backend);
    assert_true(net_run_until(loop, no_stream_is_left, NULL));
    loop_free(loop);
    return 0;
}

static bool can_read(void *arg)
{
    struct pollfd one = {.fd = *(int *)arg, .events = POLLIN};

    return poll(&one, 1, 0) > 0;
}

static bool is_over(void *arg)
{
    (void)arg;
    return session.over;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until fd has said exactly this much. */
static void hear(int fd, const char *text)
{
    char got[8192];
    size_t len = strlen(text), have = 0;

    while (have < len) {
        assert_true(net_run_until(loop, can_read, &fd));
        ssize_t more = recv(fd, got + have, len - have, 0);
        assert_true(more > 0);
        have += (size_t)more;
    }
    got[have] = 0;
    assert_string_equal(got, text);
}

/* Turns the loop until the backend's connection has come. */
static void meet(void)
{
    assert_true(net_run_until(loop, can_read, &listening));
    backend = accept(listening, NULL, NULL);
    assert_true(backend >= 0);
}

/* 0: fd ended in order; else the errno of its end. */
static int how_it_ended(int fd)
{
    char byte;
    ssize_t got;

    assert_true(net_run_until(loop, can_read, &fd));
    got = recv(fd, &byte, 1, 0);
    assert_true(got <= 0);
    return got ? errno : 0;
}

static bool nothing_comes(int fd)
{
    net_turns(loop, 20);
    return !can_read(&fd);
}

#define FORWARDED                                                                                            \
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"                                             \
    "Forwarded: for=127.0.0.1;proto=https;host=\"h\"\r\nX-Forwarded-Host: h\r\n"
#define GET       "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET_ON    "GET / HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n"
#define PUT(n)    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " n "\r\n\r\n"
#define PUT_ON(n) "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " n "\r\n" FORWARDED "\r\n"
#define OK(n)     "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\n\r\n"
#define CLOSED(n) "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\nConnection: close\r\n\r\n"

/* --- the tests --- */

static void requests_share_one_backend_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        say(client, PUT("5") "hello");
        if (!i)
            meet();
        hear(backend, PUT_ON("5") "hello");
        assert_int_equal(session.holds, 1);
        say(backend, OK("2") "hi");
        hear(client, OK("2") "hi");
        assert_int_equal(session.holds, 0);
    }
    assert_true(nothing_comes(listening));
    assert_int_equal(counter_get(&counters.requests), 3);
    assert_false(session.over);
}

static void a_pipelined_request_waits_for_the_answer(void **state)
{
    (void)state;
    say(client, GET GET);
    meet();
    hear(backend, GET_ON);
    assert_true(nothing_comes(backend));
    say(backend, OK("1") "a");
    hear(client, OK("1") "a");
    hear(backend, GET_ON);
    say(backend, OK("1") "b");
    hear(client, OK("1") "b");
}

/* Writes and reads until `total` bytes went from one end to the other; the reader sleeps until the writer
 * cannot write any more. */
static void pump(int from, int to, size_t total)
{
    static uint8_t out[65536], in[65536];
    size_t sent = 0, got = 0;
    int blocked = 0;

    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 7 + i / 256);
    while (got < total) {
        size_t part = total - sent < sizeof out ? total - sent : sizeof out;
        ssize_t n =
            part ? send(from, out + sent % sizeof out, part - sent % sizeof out % part, MSG_DONTWAIT) : 0;

        sent += n > 0 ? (size_t)n : 0;
        blocked = n > 0 ? 0 : blocked + 1;
        net_turns(loop, 1);
        if (blocked < 20)
            continue;
        n = recv(to, in, sizeof in - got % sizeof in, MSG_DONTWAIT);
        if (n <= 0)
            continue;
        assert_memory_equal(in, out + got % sizeof out, (size_t)n);
        got += (size_t)n;
    }
}

static void large_bodies_go_both_ways_bounded(void **state)
{
    (void)state;
    say(client, PUT("67108864"));
    meet();
    hear(backend, PUT_ON("67108864"));
    pump(client, backend, 67108864);
    say(backend, OK("67108864"));
    hear(client, OK("67108864"));
    pump(backend, client, 67108864);
    say(client, GET);
    hear(backend, GET_ON);
    assert_false(session.over);
}

static void a_client_that_has_ended_its_side_gets_its_answer(void **state)
{
    (void)state;
    say(client, GET);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    meet();
    hear(backend, GET_ON);
    net_turns(loop, 10);
    say(backend, OK("2") "hi");
    hear(client, CLOSED("2") "hi");
    assert_int_equal(how_it_ended(client), 0);
    assert_int_equal(session.reason, REASON_CLIENT_CLOSED);
}

static void a_backend_that_closes_takes_the_client_along(void **state)
{
    (void)state;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    say(backend, OK("0"));
    hear(client, OK("0"));
    assert_int_equal(shutdown(backend, SHUT_WR), 0);
    assert_int_equal(how_it_ended(client), 0);
    assert_int_equal(session.reason, REASON_BACKEND_CLOSED);
}

static void a_backend_that_is_down_is_503(void **state)
{
    (void)state;
    (void)close(listening);
    listening = -1;
    say(client, GET);
    hear(client, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n"
                 "Retry-After: 10\r\nConnection: close\r\n\r\n503 Service Unavailable\n");
    assert_int_equal(how_it_ended(client), 0);
    assert_int_equal(session.reason, REASON_BACKEND_UNREACHABLE);
}

static void a_cut_answer_is_cut_for_the_client(void **state)
{
    static const struct linger now = {.l_onoff = 1};

    (void)state;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    say(backend, "HTTP/1.1 200 OK\r\n\r\nhel");
    hear(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel");
    assert_int_equal(setsockopt(backend, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    (void)close(backend);
    backend = -1;
    assert_int_equal(how_it_ended(client), ECONNRESET);
    assert_int_equal(session.reason, REASON_BACKEND_FAILED);
}

static void a_short_answer_is_cut_for_the_client(void **state)
{
    (void)state;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    say(backend, OK("5") "hel");
    hear(client, OK("5") "hel");
    assert_int_equal(shutdown(backend, SHUT_WR), 0);
    assert_int_equal(how_it_ended(client), ECONNRESET);
}

static void a_cut_request_is_cut_for_the_backend(void **state)
{
    static const struct linger now = {.l_onoff = 1};

    (void)state;
    say(client, PUT("5") "hel");
    meet();
    hear(backend, PUT_ON("5") "hel");
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    (void)close(client);
    client = -1;
    assert_int_equal(how_it_ended(backend), ECONNRESET);
    assert_int_equal(session.reason, REASON_CLIENT_CUT);
}

/* The backend answers and closes without reading what still comes: its answer must arrive nevertheless. */
static void an_early_answer_arrives(void **state)
{
    static uint8_t body[65536];
    static const char no[] = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    say(client, PUT("100000000"));
    meet();
    hear(backend, PUT_ON("100000000"));
    for (int i = 0; i < 200; i++) {
        (void)send(client, body, sizeof body, MSG_DONTWAIT | MSG_NOSIGNAL);
        net_turns(loop, 1);
    }
    say(backend, no);
    (void)close(backend);
    backend = -1;
    hear(client, "HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(net_run_until(loop, is_over, NULL));
    assert_int_equal(session.reason, REASON_QUIT);
}

/* The same, and what tells us that the backend is gone is a write. */
static void an_early_answer_arrives_although_a_write_fails(void **state)
{
    static const char no[] = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    say(client, PUT("100"));
    meet();
    hear(backend, PUT_ON("100"));
    say(client, "some");
    assert_true(net_run_until(loop, can_read, &backend));
    net_turns(loop, 3);
    say(backend, no);
    (void)close(backend);
    backend = -1;
    say(client, "more"); /* libev calls the last one first */
    hear(client, "HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(net_run_until(loop, is_over, NULL));
    assert_int_equal(session.reason, REASON_QUIT);
}

/* The end of an answer waits in our buffers for a client that does not read: it is not thrown away. */
static void a_slow_client_gets_all_of_the_last_answer(void **state)
{
    enum { BODY = 32 * 1024 * 1024, PART = 65536 };
    static uint8_t part[PART];
    size_t sent = 0, got = 0;
    ssize_t n;

    (void)state;
    say(client, "GET / HTTP/1.0\r\n\r\n");
    meet();
    net_turns(loop, 10);
    say(backend, "HTTP/1.1 200 OK\r\n\r\n");
    for (int idle = 0; idle < 50;) {
        n = send(backend, part, sizeof part, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        net_turns(loop, 1);
    }
    assert_int_equal(shutdown(backend, SHUT_WR), 0);
    hear(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    while (net_run_until(loop, can_read, &client) && (n = recv(client, part, sizeof part, 0)) > 0)
        got += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(got, sent);
    assert_int_equal(session.reason, REASON_QUIT);
}

static void silence_of_the_backend_is_504(void **state)
{
    (void)state;
    conf.response_timeout_ms = 30;
    say(client, GET);
    hear(client, "HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n"
                 "Connection: close\r\n\r\n504 Gateway Timeout\n");
    assert_int_equal(session.reason, REASON_RESPONSE_TIMEOUT);
}

static void half_a_head_is_408(void **state)
{
    (void)state;
    conf.head_timeout_ms = 30;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    say(backend, OK("0"));
    hear(client, OK("0"));
    say(client, "GET / ");
    hear(client, "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n"
                 "Connection: close\r\n\r\n408 Request Timeout\n");
    assert_int_equal(session.reason, REASON_HEAD_TIMEOUT);
}

/* head-timeout is the one that open saw: a second session is made for it. */
static void a_silent_client_gets_no_answer(void **state)
{
    (void)state;
    session_abort(&session, REASON_STOPPING, NULL);
    (void)close(client);
    memset(&session, 0, sizeof session);
    conf.head_timeout_ms = 30;
    session.client = net_pair(loop, &client);
    session.state = protocol_https.open(&session);
    assert_non_null(session.state);
    assert_int_equal(how_it_ended(client), 0);
    assert_int_equal(session.reason, REASON_HEAD_TIMEOUT);
}

static void drained_when_idle_it_ends(void **state)
{
    (void)state;
    protocol_https.drain(session.state);
    assert_true(session.over);
    assert_int_equal(session.reason, REASON_STOPPING);
    assert_int_equal(how_it_ended(client), 0);
}

static void drained_in_a_request_it_answers_first(void **state)
{
    (void)state;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    protocol_https.drain(session.state);
    assert_false(session.over);
    say(backend, OK("2") "hi");
    hear(client, CLOSED("2") "hi");
    assert_int_equal(how_it_ended(client), 0);
    assert_int_equal(how_it_ended(backend), 0);
    assert_int_equal(session.reason, REASON_STOPPING);
}

/* As the core stops a session. */
static void stop_session(void)
{
    if (protocol_https.farewell(session.state, REASON_STOPPING))
        session_abort(&session, REASON_STOPPING, NULL);
    else
        session_end(&session, REASON_STOPPING, NULL);
}

static void stopped_in_an_answer_it_is_cut(void **state)
{
    (void)state;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    say(backend, "HTTP/1.1 200 OK\r\n\r\nhel");
    hear(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel");
    stop_session();
    assert_int_equal(how_it_ended(client), ECONNRESET);
}

static void stopped_in_a_request_it_is_503(void **state)
{
    (void)state;
    say(client, GET);
    meet();
    hear(backend, GET_ON);
    stop_session();
    hear(client, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_int_equal(how_it_ended(backend), ECONNRESET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_share_one_backend_connection),
        TEST(a_pipelined_request_waits_for_the_answer),
        TEST(large_bodies_go_both_ways_bounded),
        TEST(a_client_that_has_ended_its_side_gets_its_answer),
        TEST(a_backend_that_closes_takes_the_client_along),
        TEST(a_backend_that_is_down_is_503),
        TEST(a_cut_answer_is_cut_for_the_client),
        TEST(a_short_answer_is_cut_for_the_client),
        TEST(a_cut_request_is_cut_for_the_backend),
        TEST(an_early_answer_arrives),
        TEST(an_early_answer_arrives_although_a_write_fails),
        TEST(a_slow_client_gets_all_of_the_last_answer),
        TEST(silence_of_the_backend_is_504),
        TEST(half_a_head_is_408),
        TEST(a_silent_client_gets_no_answer),
        TEST(drained_when_idle_it_ends),
        TEST(drained_in_a_request_it_answers_first),
        TEST(stopped_in_an_answer_it_is_cut),
        TEST(stopped_in_a_request_it_is_503),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
