/* What is relayed, and which end is told what when the other one goes. */
#include "unit.h"

#include "http_stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void requests_share_one_backend_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        stage_say(stage.client, PUT("5") "hello");
        if (!i)
            stage_meet();
        stage_hear(stage.backend, PUT_ON("5") "hello");
        assert_int_equal(stage.session.holds, 1);
        stage_say(stage.backend, OK("2") "hi");
        stage_hear(stage.client, OK("2") "hi");
        assert_int_equal(stage.session.holds, 0);
    }
    assert_true(stage_nothing_comes(stage.listening));
    assert_int_equal(counter_get(&stage.counters.requests), 3);
    assert_false(stage.session.over);
}

static void a_pipelined_request_waits_for_the_answer(void **state)
{
    (void)state;
    stage_say(stage.client, GET GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    assert_true(stage_nothing_comes(stage.backend));
    stage_say(stage.backend, OK("1") "a");
    stage_hear(stage.client, OK("1") "a");
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, OK("1") "b");
    stage_hear(stage.client, OK("1") "b");
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
        net_turns(stage.loop, 1);
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
    stage_say(stage.client, PUT("67108864"));
    stage_meet();
    stage_hear(stage.backend, PUT_ON("67108864"));
    pump(stage.client, stage.backend, 67108864);
    stage_say(stage.backend, OK("67108864"));
    stage_hear(stage.client, OK("67108864"));
    pump(stage.backend, stage.client, 67108864);
    stage_say(stage.client, GET);
    stage_hear(stage.backend, GET_ON);
    assert_false(stage.session.over);
}

static void a_client_that_has_ended_its_side_gets_its_answer(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    assert_int_equal(shutdown(stage.client, SHUT_WR), 0);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    net_turns(stage.loop, 10);
    stage_say(stage.backend, OK("2") "hi");
    stage_hear(stage.client, CLOSED("2") "hi");
    assert_int_equal(stage_how_it_ended(stage.client), 0);
    assert_int_equal(stage.session.reason, REASON_CLIENT_CLOSED);
}

static void a_backend_that_closes_takes_the_client_along(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, OK("0"));
    stage_hear(stage.client, OK("0"));
    assert_int_equal(shutdown(stage.backend, SHUT_WR), 0);
    assert_int_equal(stage_how_it_ended(stage.client), 0);
    assert_int_equal(stage.session.reason, REASON_BACKEND_CLOSED);
}

static void a_backend_that_is_down_is_503(void **state)
{
    (void)state;
    (void)close(stage.listening);
    stage.listening = -1;
    stage_say(stage.client, GET);
    stage_hear(stage.client,
               "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n"
               "Retry-After: 10\r\nConnection: close\r\n\r\n503 Service Unavailable\n");
    assert_int_equal(stage_how_it_ended(stage.client), 0);
    assert_int_equal(stage.session.reason, REASON_BACKEND_UNREACHABLE);
}

static void a_cut_answer_is_cut_for_the_client(void **state)
{
    static const struct linger now = {.l_onoff = 1};

    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, "HTTP/1.1 200 OK\r\n\r\nhel");
    stage_hear(stage.client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel");
    assert_int_equal(setsockopt(stage.backend, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    (void)close(stage.backend);
    stage.backend = -1;
    assert_int_equal(stage_how_it_ended(stage.client), ECONNRESET);
    assert_int_equal(stage.session.reason, REASON_BACKEND_FAILED);
}

static void a_short_answer_is_cut_for_the_client(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, OK("5") "hel");
    stage_hear(stage.client, OK("5") "hel");
    assert_int_equal(shutdown(stage.backend, SHUT_WR), 0);
    assert_int_equal(stage_how_it_ended(stage.client), ECONNRESET);
}

static void a_cut_request_is_cut_for_the_backend(void **state)
{
    static const struct linger now = {.l_onoff = 1};

    (void)state;
    stage_say(stage.client, PUT("5") "hel");
    stage_meet();
    stage_hear(stage.backend, PUT_ON("5") "hel");
    assert_int_equal(setsockopt(stage.client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    (void)close(stage.client);
    stage.client = -1;
    assert_int_equal(stage_how_it_ended(stage.backend), ECONNRESET);
    assert_int_equal(stage.session.reason, REASON_CLIENT_CUT);
}

/* The backend answers and closes without reading what still comes: its answer must arrive nevertheless. */
static void an_early_answer_arrives(void **state)
{
    static uint8_t body[65536];
    static const char no[] = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    stage_say(stage.client, PUT("100000000"));
    stage_meet();
    stage_hear(stage.backend, PUT_ON("100000000"));
    for (int i = 0; i < 200; i++) {
        (void)send(stage.client, body, sizeof body, MSG_DONTWAIT | MSG_NOSIGNAL);
        net_turns(stage.loop, 1);
    }
    stage_say(stage.backend, no);
    (void)close(stage.backend);
    stage.backend = -1;
    stage_hear(stage.client, "HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(net_run_until(stage.loop, stage_is_over, NULL));
    assert_int_equal(stage.session.reason, REASON_QUIT);
}

/* The same, and what tells us that the backend is gone is a write. */
static void an_early_answer_arrives_although_a_write_fails(void **state)
{
    static const char no[] = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    stage_say(stage.client, PUT("100"));
    stage_meet();
    stage_hear(stage.backend, PUT_ON("100"));
    stage_say(stage.client, "some");
    assert_true(net_run_until(stage.loop, stage_can_read, &stage.backend));
    net_turns(stage.loop, 3);
    stage_say(stage.backend, no);
    (void)close(stage.backend);
    stage.backend = -1;
    stage_say(stage.client, "more"); /* libev calls the last one first */
    stage_hear(stage.client, "HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(net_run_until(stage.loop, stage_is_over, NULL));
    assert_int_equal(stage.session.reason, REASON_QUIT);
}

/* The end of an answer waits in our buffers for a client that does not read: it is not thrown away. */
static void a_slow_client_gets_all_of_the_last_answer(void **state)
{
    enum { BODY = 32 * 1024 * 1024, PART = 65536 };
    static uint8_t part[PART];
    size_t sent = 0, got = 0;
    ssize_t n;

    (void)state;
    stage_say(stage.client, "GET / HTTP/1.0\r\n\r\n");
    stage_meet();
    net_turns(stage.loop, 10);
    stage_say(stage.backend, "HTTP/1.1 200 OK\r\n\r\n");
    for (int idle = 0; idle < 50;) {
        n = send(stage.backend, part, sizeof part, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        net_turns(stage.loop, 1);
    }
    assert_int_equal(shutdown(stage.backend, SHUT_WR), 0);
    stage_hear(stage.client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    while (net_run_until(stage.loop, stage_can_read, &stage.client) &&
           (n = recv(stage.client, part, sizeof part, 0)) > 0)
        got += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(got, sent);
    assert_int_equal(stage.session.reason, REASON_QUIT);
}

static void silence_of_the_backend_is_504(void **state)
{
    (void)state;
    stage.conf.response_timeout_ms = 30;
    stage_say(stage.client, GET);
    stage_hear(stage.client,
               "HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n"
               "Connection: close\r\n\r\n504 Gateway Timeout\n");
    assert_int_equal(stage.session.reason, REASON_RESPONSE_TIMEOUT);
}

static void half_a_head_is_408(void **state)
{
    (void)state;
    stage.conf.head_timeout_ms = 30;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, OK("0"));
    stage_hear(stage.client, OK("0"));
    stage_say(stage.client, "GET / ");
    stage_hear(stage.client,
               "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n"
               "Connection: close\r\n\r\n408 Request Timeout\n");
    assert_int_equal(stage.session.reason, REASON_HEAD_TIMEOUT);
}

/* head-timeout is the one that open saw: a second session is made for it. */
static void a_silent_client_gets_no_answer(void **state)
{
    (void)state;
    session_abort(&stage.session, REASON_STOPPING, NULL);
    (void)close(stage.client);
    memset(&stage.session, 0, sizeof stage.session);
    stage.conf.head_timeout_ms = 30;
    stage.session.client = net_pair(stage.loop, &stage.client);
    stage.session.state = protocol_https.open(&stage.session);
    assert_non_null(stage.session.state);
    assert_int_equal(stage_how_it_ended(stage.client), 0);
    assert_int_equal(stage.session.reason, REASON_HEAD_TIMEOUT);
}

static void drained_when_idle_it_ends(void **state)
{
    (void)state;
    protocol_https.drain(stage.session.state);
    assert_true(stage.session.over);
    assert_int_equal(stage.session.reason, REASON_STOPPING);
    assert_int_equal(stage_how_it_ended(stage.client), 0);
}

static void drained_in_a_request_it_answers_first(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    protocol_https.drain(stage.session.state);
    assert_false(stage.session.over);
    stage_say(stage.backend, OK("2") "hi");
    stage_hear(stage.client, CLOSED("2") "hi");
    assert_int_equal(stage_how_it_ended(stage.client), 0);
    assert_int_equal(stage_how_it_ended(stage.backend), 0);
    assert_int_equal(stage.session.reason, REASON_STOPPING);
}

/* As the core stops a session. */
static void stop_session(void)
{
    if (protocol_https.farewell(stage.session.state, REASON_STOPPING))
        session_abort(&stage.session, REASON_STOPPING, NULL);
    else
        session_end(&stage.session, REASON_STOPPING, NULL);
}

static void stopped_in_an_answer_it_is_cut(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, "HTTP/1.1 200 OK\r\n\r\nhel");
    stage_hear(stage.client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhel");
    stop_session();
    assert_int_equal(stage_how_it_ended(stage.client), ECONNRESET);
}

static void stopped_in_a_request_it_is_503(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stop_session();
    stage_hear(stage.client, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_int_equal(stage_how_it_ended(stage.backend), ECONNRESET);
}

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
