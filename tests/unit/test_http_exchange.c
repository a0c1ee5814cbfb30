/* Requests and answers that go through as they should, and who is told when one is wrong. */
#include "unit.h"

#include "http_play.h"

#include <stdlib.h>
#include <string.h>

static const struct script scripts[] = {
    /* keep-alive, pipelining, closing */
    {"one request, then another",
     {{CLIENT, GET}, {BACKEND, OK(LENGTH("2")) "hi"}, {CLIENT, GET}, {BACKEND, OK(LENGTH("0"))}},
     GET_ON GET_ON,
     OK(LENGTH("2")) "hi" OK(LENGTH("0")),
     "GET / 200 done;GET / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"a body with a length",
     {{CLIENT, POST(LENGTH("5")) "hello"}, {BACKEND, OK(LENGTH("0"))}},
     POST_ON(LENGTH("5") FORWARDED) "hello",
     OK(LENGTH("0")),
     "POST /as2 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"a chunked body, both ways",
     {{CLIENT, POST(CHUNKED) "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n"},
      {BACKEND, OK(CHUNKED) "2\r\nhi\r\n0;a\r\n\r\n"}},
     POST_ON(CHUNKED FORWARDED) "5\r\nhello\r\n0\r\n\r\n",
     OK(CHUNKED) "2\r\nhi\r\n0\r\n\r\n",
     "POST /as2 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"pipelined requests wait for their turn",
     {{CLIENT, GET GET}, {BACKEND, OK(LENGTH("1")) "1"}, {BACKEND, OK(LENGTH("1")) "2"}},
     GET_ON GET_ON,
     OK(LENGTH("1")) "1" OK(LENGTH("1")) "2",
     "GET / 200 done;GET / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"a pipelined request is not sent on before the answer",
     {{CLIENT, POST(LENGTH("1")) "x" GET}, {BACKEND, OK(LENGTH("3")) "ab"}},
     POST_ON(LENGTH("1") FORWARDED) "x",
     OK(LENGTH("3")) "ab",
     "",
     {HTTP_PHASE_ANSWER, 0, UNSETTLED}},
    {"the client asks to close",
     {{CLIENT, "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n" GET}, {BACKEND, OK(LENGTH("0"))}},
     "GET / HTTP/1.1\r\n" H FORWARDED CLOSE "\r\n",
     OK(LENGTH("0") CLOSE),
     "GET / 200 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, 0}},
    {"the backend asks to close",
     {{CLIENT, GET}, {BACKEND, OK(LENGTH("0") CLOSE)}},
     GET_ON,
     OK(LENGTH("0") CLOSE),
     "GET / 200 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, 0}},
    {"an old backend closes",
     {{CLIENT, GET}, {BACKEND, "HTTP/1.0 200 OK\r\n" LENGTH("1") "\r\nx"}},
     GET_ON,
     OK(LENGTH("1") CLOSE) "x",
     "GET / 200 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, 0}},
    {"an old client is passed on as old",
     {{CLIENT, "GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n"},
      {BACKEND, "HTTP/1.1 100 Continue\r\n\r\n" OK(LENGTH("1")) "x"}},
     "GET / HTTP/1.0\r\n" H FORWARDED CLOSE "\r\n",
     OK(LENGTH("1") CLOSE) "x",
     "GET / 200 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, 0}},
    {"an old client gets no chunks",
     {{CLIENT, "GET / HTTP/1.0\r\n" H "\r\n"}, {BACKEND, OK(CHUNKED) "0\r\n\r\n"}},
     "GET / HTTP/1.0\r\n" H FORWARDED CLOSE "\r\n",
     OWN_502,
     "GET / 502 backend-protocol;",
     {HTTP_PHASE_OVER, REASON_BACKEND_PROTOCOL, UNSETTLED}},

    /* answers without a body */
    {"HEAD",
     {{CLIENT, "HEAD / HTTP/1.1\r\n" H "\r\n"}, {BACKEND, OK(LENGTH("9"))}},
     "HEAD / HTTP/1.1\r\n" H FORWARDED "\r\n",
     OK(LENGTH("9")),
     "HEAD / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"HEAD, chunked",
     {{CLIENT, "HEAD / HTTP/1.1\r\n" H "\r\n"}, {BACKEND, OK(CHUNKED)}},
     "HEAD / HTTP/1.1\r\n" H FORWARDED "\r\n",
     OK(CHUNKED),
     "HEAD / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"HEAD without a length stays open",
     {{CLIENT, "HEAD / HTTP/1.1\r\n" H "\r\n"}, {BACKEND, OK("")}},
     "HEAD / HTTP/1.1\r\n" H FORWARDED "\r\n",
     OK(""),
     "HEAD / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"204",
     {{CLIENT, GET}, {BACKEND, "HTTP/1.1 204 No Content\r\n\r\n"}, {CLIENT, GET}},
     GET_ON GET_ON,
     "HTTP/1.1 204 No Content\r\n\r\n",
     "GET / 204 done;",
     {HTTP_PHASE_ANSWER, 0, UNSETTLED}},
    {"304",
     {{CLIENT, GET}, {BACKEND, "HTTP/1.1 304 Not Modified\r\n" LENGTH("5") "\r\n"}},
     GET_ON,
     "HTTP/1.1 304 Not Modified\r\n" LENGTH("5") "\r\n",
     "GET / 304 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"a body behind 204",
     {{CLIENT, GET}, {BACKEND, "HTTP/1.1 204 No Content\r\n" LENGTH("2") "\r\nhi"}},
     GET_ON,
     "HTTP/1.1 204 No Content\r\n\r\n",
     "GET / 204 done;",
     {HTTP_PHASE_OVER, REASON_BACKEND_PROTOCOL, 0}},

    /* interim and early answers */
    {"100-continue",
     {{CLIENT, POST("Expect: 100-continue\r\n" LENGTH("2"))},
      {BACKEND, "HTTP/1.1 100 Continue\r\n\r\n"},
      {CLIENT, "hi"},
      {BACKEND, OK(LENGTH("0"))}},
     POST_ON("Expect: 100-continue\r\n" LENGTH("2") FORWARDED) "hi",
     "HTTP/1.1 100 Continue\r\n\r\n" OK(LENGTH("0")),
     "POST /as2 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"refused before the body",
     {{CLIENT, POST("Expect: 100-continue\r\n" LENGTH("2"))},
      {BACKEND, "HTTP/1.1 403 No\r\n" LENGTH("0") "\r\n"}},
     POST_ON("Expect: 100-continue\r\n" LENGTH("2") FORWARDED),
     "HTTP/1.1 403 No\r\n" LENGTH("0") CLOSE "\r\n",
     "POST /as2 403 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, UNSETTLED}},
    {"an unknown expectation",
     {{CLIENT, POST("Expect: money\r\n" LENGTH("2"))}},
     "",
     OWN("417 Expectation Failed", "23", ""),
     "POST /as2 417 bad-request;",
     {HTTP_PHASE_OVER, REASON_BAD_REQUEST, 0}},
    {"an early answer, the body goes on meanwhile",
     {{CLIENT, POST(LENGTH("4")) "ab"},
      {BACKEND, OK(LENGTH("2")) "x"},
      {CLIENT, "c"},
      {BACKEND, "y"},
      {CLIENT, "d"}},
     POST_ON(LENGTH("4") FORWARDED) "abc",
     OK(LENGTH("2") CLOSE) "xy",
     "POST /as2 200 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, UNSETTLED}},
    {"an early answer that ends after the request",
     {{CLIENT, POST(LENGTH("2")) "a"}, {BACKEND, OK(LENGTH("2")) "x"}, {CLIENT, "b"}, {BACKEND, "y"}},
     POST_ON(LENGTH("2") FORWARDED) "ab",
     OK(LENGTH("2") CLOSE) "xy",
     "POST /as2 200 done;",
     {HTTP_PHASE_OVER, REASON_QUIT, 0}},
    {"several interim answers",
     {{CLIENT, GET},
      {BACKEND, "HTTP/1.1 103 Early\r\nLink: a\r\nConnection: x\r\nX: 1\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK(
                    LENGTH("0"))}},
     GET_ON,
     "HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK(LENGTH("0")),
     "GET / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"an upgrade",
     {{CLIENT, "GET / HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
      {BACKEND, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"}},
     GET_ON,
     OWN_502,
     "GET / 502 backend-protocol;",
     {HTTP_PHASE_OVER, REASON_BACKEND_PROTOCOL, UNSETTLED}},

};

static void every_script_comes_to_its_end(void **state)
{
    (void)state;
    assert_int_equal(play_scripts(scripts, ROWS(scripts)), 0);
}

/* Eight interim answers are relayed, the ninth is too many. */
static void interim_answers_are_counted(void **state)
{
    (void)state;
    for (int count = 8; count <= 9; count++) {
        struct play play;

        play_begin(&play);
        play_client(&play, GET, 0);
        for (int i = 0; i < count; i++)
            play_backend(&play, "HTTP/1.1 102 P\r\n\r\n", 0);
        assert_int_equal(http_exchange_phase(play.exchange),
                         count == 8 ? HTTP_PHASE_ANSWER : HTTP_PHASE_OVER);
        play_end(&play);
    }
}

/* Bytes of a body leave where they stand: the outlet sees the very memory that came in. */
static const uint8_t *seen;

static void see_client(void *owner, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)len;
    seen = data;
}

static void see_finished(void *owner, const struct http_record *record)
{
    (void)owner;
    (void)record;
}

static void long_runs_are_not_copied(void **state)
{
    static const struct http_outlet outlet = {see_client, see_client, see_finished, NULL};
    static const char head[] = POST(LENGTH("100000")), answer[] = OK(LENGTH("100000"));
    static uint8_t body[50000];
    struct http_exchange *x;
    struct addr client;
    struct err err;

    (void)state;
    assert_true(addr_parse_host("192.0.2.9", &client, &err));
    x = http_exchange_new(&outlet, NULL, &client, true);
    assert_non_null(x);
    assert_int_equal(http_exchange_client_data(x, (const uint8_t *)head, sizeof head - 1), sizeof head - 1);
    assert_int_equal(http_exchange_client_data(x, body, sizeof body), sizeof body);
    assert_ptr_equal(seen, body);
    assert_int_equal(http_exchange_client_data(x, body, sizeof body), sizeof body);
    assert_int_equal(http_exchange_backend_data(x, (const uint8_t *)answer, sizeof answer - 1),
                     sizeof answer - 1);
    seen = NULL;
    assert_int_equal(http_exchange_backend_data(x, body, sizeof body), sizeof body);
    assert_ptr_equal(seen, body);
    http_exchange_free(x);
}

/* A body in crumbs leaves in few pieces. */
static size_t writes;

static void count_write(void *owner, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)data;
    (void)len;
    writes++;
}

static void crumbs_are_gathered(void **state)
{
    static const struct http_outlet outlet = {count_write, count_write, see_finished, NULL};
    static const char head[] = POST(CHUNKED), crumb[] = "1;a\r\nx\r\n";
    enum { CRUMBS = 10000, CRUMB_LEN = sizeof crumb - 1 };
    char *text = malloc(CRUMBS * CRUMB_LEN);
    struct http_exchange *x;
    struct addr client;
    struct err err;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < CRUMBS; i++)
        memcpy(text + i * CRUMB_LEN, crumb, CRUMB_LEN);
    assert_true(addr_parse_host("192.0.2.9", &client, &err));
    x = http_exchange_new(&outlet, NULL, &client, true);
    assert_non_null(x);
    assert_int_equal(http_exchange_client_data(x, (const uint8_t *)head, sizeof head - 1), sizeof head - 1);
    writes = 0;
    assert_int_equal(http_exchange_client_data(x, (const uint8_t *)text, CRUMBS * CRUMB_LEN),
                     CRUMBS * CRUMB_LEN);
    assert_in_range(writes, 1, CRUMBS * 6 / 8192 + 1);
    http_exchange_free(x);
    free(text);
}

static void bytes_are_counted(void **state)
{
    struct play play;

    (void)state;
    play_begin(&play);
    play_client(&play, POST(LENGTH("5")) "hello" GET, 3);
    play_backend(&play, OK(LENGTH("2")) "hi", 3);
    assert_int_equal(play.counted_in, strlen(POST(LENGTH("5")) "hello"));
    assert_int_equal(play.counted_out, strlen(OK(LENGTH("2")) "hi"));
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_script_comes_to_its_end),
        cmocka_unit_test(interim_answers_are_counted),
        cmocka_unit_test(long_runs_are_not_copied),
        cmocka_unit_test(crumbs_are_gathered),
        cmocka_unit_test(bytes_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
