/* Exchanges of which the owner or the configuration says that they may not go on: refused before anything
 * reaches the backend, or before it has a whole message (H1, H10, C5, max-body, min-rate). */
#include "unit.h"

#include "http_play.h"

#include <string.h>

#define OWN_403         OWN("403 Forbidden", "14", "")
#define OWN_405         OWN("405 Method Not Allowed", "23", "Allow: GET, PUT\r\n")
#define FOUR(fields)    "POST /four HTTP/1.1\r\n" H fields "\r\n"
#define FOUR_ON(fields) "POST /four HTTP/1.1\r\n" H fields FORWARDED "\r\n"

static const struct script scripts[] = {
    {"forbidden",
     {{CLIENT, "GET /forbidden HTTP/1.1\r\n" H "\r\n" GET}},
     "",
     OWN_403,
     "GET /forbidden 403 refused;",
     {HTTP_PHASE_OVER, REASON_REFUSED, 0}},
    {"not trusted any more, on the second request",
     {{CLIENT, GET}, {BACKEND, OK(LENGTH("0"))}, {CLIENT, "GET /untrusted HTTP/1.1\r\n" H "\r\n"}},
     GET_ON,
     OK(LENGTH("0")) OWN_403,
     "GET / 200 done;GET /untrusted 403 certificate-refused;",
     {HTTP_PHASE_OVER, REASON_CERTIFICATE_REFUSED, 0}},
    {"a method that a route does not take",
     {{CLIENT, "POST /methods HTTP/1.1\r\n" H LENGTH("5") "\r\nhello"}},
     "",
     OWN_405,
     "POST /methods 405 refused;",
     {HTTP_PHASE_OVER, REASON_REFUSED, 0}},
    {"what is malformed is malformed first",
     {{CLIENT, "POST /forbidden HTTP/1.1\r\n" H LENGTH("5") CHUNKED "\r\n"}},
     "",
     OWN_400,
     "POST /forbidden 400 bad-request;",
     {HTTP_PHASE_OVER, REASON_BAD_REQUEST, 0}},
    {"who the client is",
     {{CLIENT, "GET /known HTTP/1.1\r\n" H "Client-Cert: :BB==:\r\n\r\n"},
      {BACKEND, OK(LENGTH("0"))},
      {CLIENT, GET},
      {BACKEND, OK(LENGTH("0"))}},
     "GET /known HTTP/1.1\r\n" H "Client-Cert: :AA==:\r\n" FORWARDED "\r\n" GET_ON,
     OK(LENGTH("0")) OK(LENGTH("0")),
     "GET /known 200 done;GET / 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},

    /* max-body */
    {"a length that is just allowed",
     {{CLIENT, FOUR(LENGTH("4")) "four"}, {BACKEND, OK(LENGTH("0"))}},
     FOUR_ON(LENGTH("4")) "four",
     OK(LENGTH("0")),
     "POST /four 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"a length above the limit",
     {{CLIENT, FOUR(LENGTH("5")) "hello"}},
     "",
     OWN_413,
     "POST /four 413 refused;",
     {HTTP_PHASE_OVER, REASON_REFUSED, 0}},
    {"a length above the limit with an expectation",
     {{CLIENT, FOUR(LENGTH("5") "Expect: 100-continue\r\n")}},
     "",
     OWN_413,
     "POST /four 413 refused;",
     {HTTP_PHASE_OVER, REASON_REFUSED, 0}},
    {"chunks that are just allowed",
     {{CLIENT, FOUR(CHUNKED) "1\r\nf\r\n3\r\nour\r\n0\r\n\r\n"}, {BACKEND, OK(LENGTH("0"))}},
     FOUR_ON(CHUNKED) "1\r\nf\r\n3\r\nour\r\n0\r\n\r\n",
     OK(LENGTH("0")),
     "POST /four 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
    {"the limit is of one request",
     {{CLIENT, FOUR(CHUNKED) "3\r\nabc\r\n0\r\n\r\n"},
      {BACKEND, OK(LENGTH("0"))},
      {CLIENT, FOUR(CHUNKED) "3\r\nabc\r\n0\r\n\r\n"},
      {BACKEND, OK(LENGTH("0"))}},
     FOUR_ON(CHUNKED) "3\r\nabc\r\n0\r\n\r\n" FOUR_ON(CHUNKED) "3\r\nabc\r\n0\r\n\r\n",
     OK(LENGTH("0")) OK(LENGTH("0")),
     "POST /four 200 done;POST /four 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},

    /* min-rate */
    {"a body that is too slow",
     {{CLIENT, POST(LENGTH("5")) "he"}, {BODY_SLOW, NULL}},
     POST_ON(LENGTH("5") FORWARDED) "he",
     OWN_408,
     "POST /as2 408 too-slow;",
     {HTTP_PHASE_OVER, REASON_TOO_SLOW, UNSETTLED}},
    {"a body that is too slow behind an interim answer",
     {{CLIENT, POST(CHUNKED) "5\r\nhe"}, {BACKEND, "HTTP/1.1 100 C\r\n\r\n"}, {BODY_SLOW, NULL}},
     POST_ON(CHUNKED FORWARDED) "5\r\nhe",
     "HTTP/1.1 100 C\r\n\r\n" OWN_408,
     "POST /as2 408 too-slow;",
     {HTTP_PHASE_OVER, REASON_TOO_SLOW, UNSETTLED}},
    {"too late to be too slow",
     {{CLIENT, POST(LENGTH("2")) "hi"}, {BODY_SLOW, NULL}, {BACKEND, OK(LENGTH("0"))}},
     POST_ON(LENGTH("2") FORWARDED) "hi",
     OK(LENGTH("0")),
     "POST /as2 200 done;",
     {HTTP_PHASE_IDLE, 0, 0}},
};

static void every_script_comes_to_its_end(void **state)
{
    (void)state;
    assert_int_equal(play_scripts(scripts, ROWS(scripts)), 0);
}

/* What the backend has by then depends on how the bytes came; it never has a whole message. */
static void chunks_above_the_limit_are_refused(void **state)
{
    static const char *const bodies[] = {"5\r\nhello\r\n0\r\n\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                                         "7fffffffffffffff\r\n", "1\r\na\r\n7fffffffffffffff\r\n"};

    (void)state;
    for (size_t i = 0; i < ROWS(bodies) * 3; i++) {
        struct play play;

        play_begin(&play);
        play_client(&play, FOUR(CHUNKED), i % 3);
        play_client(&play, bodies[i / 3], i % 3);
        assert_true(buf_add(&play.to_client, "", 1) && buf_add(&play.to_backend, "", 1));
        assert_string_equal((const char *)buf_data(&play.to_client), OWN_413);
        assert_null(strstr((const char *)buf_data(&play.to_backend), "\n0\r\n"));
        assert_false(http_exchange_is_settled(play.exchange));
        play_end(&play);
    }
}

/* Whose turn it is: only a client that may send can be too slow. */
static void a_body_is_awaited_from_the_client_alone(void **state)
{
    struct play play;

    (void)state;
    play_begin(&play);
    assert_false(http_exchange_awaits_body(play.exchange));
    play_client(&play, POST(LENGTH("5") "Expect: 100-continue\r\n"), 0);
    assert_false(http_exchange_awaits_body(play.exchange));
    play_backend(&play, "HTTP/1.1 100 C\r\n\r\n", 0);
    assert_true(http_exchange_awaits_body(play.exchange));
    play_client(&play, "hell", 0);
    assert_true(http_exchange_awaits_body(play.exchange));
    play_backend(&play, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0);
    assert_false(http_exchange_awaits_body(play.exchange));
    play_end(&play);

    play_begin(&play);
    play_client(&play, POST(LENGTH("5") "Expect: 100-continue\r\n") "h", 0);
    assert_true(http_exchange_awaits_body(play.exchange)); /* it did not wait */
    play_client(&play, "ello", 0);
    assert_false(http_exchange_awaits_body(play.exchange));
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_script_comes_to_its_end),
        cmocka_unit_test(chunks_above_the_limit_are_refused),
        cmocka_unit_test(a_body_is_awaited_from_the_client_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
