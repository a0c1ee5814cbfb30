/* Heads, above all hostile ones: each row names the exact answer, and gets it whether it comes at once or
 * byte by byte. */
#include "unit.h"

#include "http_body.h"
#include "http_fields.h"
#include "http_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

enum { ACCEPTED = 0, UNFINISHED = 1 };

struct row {
    const char *name, *bytes;
    size_t len;
    unsigned code; /* or ACCEPTED, UNFINISHED */
};

#define H    "Host: h\r\n"
#define POST "POST /as2 HTTP/1.1\r\n" H

static const struct row requests[] = {
    {"plain", BYTES("GET / HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"lower-case method", BYTES("get / HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"one empty line before", BYTES("\r\nGET / HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"two empty lines before", BYTES("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400},
    {"HTTP/1.0 without Host", BYTES("GET / HTTP/1.0\r\n\r\n"), ACCEPTED},
    {"high bytes in a value", BYTES("GET / HTTP/1.1\r\n" H "X: caf\xc3\xa9\r\n\r\n"), ACCEPTED},
    {"tab in a value", BYTES("GET / HTTP/1.1\r\n" H "X:\ta\tb\t\r\n\r\n"), ACCEPTED},
    {"empty value", BYTES("GET / HTTP/1.1\r\n" H "X:\r\n\r\n"), ACCEPTED},
    {"IPv6 Host", BYTES("GET / HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n"), ACCEPTED},
    {"asterisk", BYTES("OPTIONS * HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"absolute form", BYTES("GET https://h/a HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"absolute form in other case", BYTES("GET HTTP://H?q HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"nothing", BYTES(""), UNFINISHED},
    {"no empty line", BYTES("GET / HTTP/1.1\r\n" H), UNFINISHED},
    {"half of the last line end", BYTES("GET / HTTP/1.1\r\n" H "\r"), UNFINISHED},

    /* the request line */
    {"HTTP/0.9", BYTES("GET /\r\n\r\n"), 400},
    {"no spaces", BYTES("GET\r\n\r\n"), 400},
    {"leading space", BYTES(" GET / HTTP/1.1\r\n" H "\r\n"), 400},
    {"two spaces", BYTES("GET  / HTTP/1.1\r\n" H "\r\n"), 400},
    {"tab as a space", BYTES("GET\t/\tHTTP/1.1\r\n" H "\r\n"), 400},
    {"space in the target", BYTES("GET /a b HTTP/1.1\r\n" H "\r\n"), 400},
    {"space behind the version", BYTES("GET / HTTP/1.1 \r\n" H "\r\n"), 400},
    {"lower-case version", BYTES("GET / http/1.1\r\n" H "\r\n"), 400},
    {"version 1.10", BYTES("GET / HTTP/1.10\r\n" H "\r\n"), 400},
    {"version 1", BYTES("GET / HTTP/1\r\n" H "\r\n"), 400},
    {"version 1.2", BYTES("GET / HTTP/1.2\r\n" H "\r\n"), 505},
    {"version 2.0", BYTES("PRI * HTTP/2.0\r\n\r\n"), 505},
    {"version 0.9", BYTES("GET / HTTP/0.9\r\n" H "\r\n"), 505},
    {"method with a colon", BYTES("G:T / HTTP/1.1\r\n" H "\r\n"), 400},
    {"method of 33", BYTES("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n" H "\r\n"), 400},
    {"NUL in the target", BYTES("GET /\0 HTTP/1.1\r\n" H "\r\n"), 400},
    {"DEL in the target", BYTES("GET /\x7f HTTP/1.1\r\n" H "\r\n"), 400},
    {"high byte in the target", BYTES("GET /\xe9 HTTP/1.1\r\n" H "\r\n"), 400},
    {"CR in the target", BYTES("GET /\rX HTTP/1.1\r\n" H "\r\n"), 400},
    {"CONNECT", BYTES("CONNECT h:443 HTTP/1.1\r\n" H "\r\n"), 405},
    {"CONNECT with a path", BYTES("CONNECT / HTTP/1.1\r\n" H "\r\n"), 405},
    {"TLS inside TLS", BYTES("\x16\x03\x01\x02\x00\x01\n"), 400},
    {"an FTP command", BYTES("USER anonymous\r\n"), 400},

    /* line ends and folding */
    {"bare LF", BYTES("GET / HTTP/1.1\n" H "\r\n"), 400},
    {"bare LF behind a field", BYTES("GET / HTTP/1.1\r\nHost: h\n\r\n"), 400},
    {"bare LF behind a longer field", BYTES("GET / HTTP/1.1\r\n" H "X: ab\n\r\n"), 400},
    {"bare LF at the end", BYTES("GET / HTTP/1.1\r\n" H "\n"), 400},
    {"LF first", BYTES("\nGET / HTTP/1.1\r\n" H "\r\n"), 400},
    {"bare CR in a value", BYTES("GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"), 400},
    {"CR CR LF", BYTES("GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n"), 400},
    {"CR in a name", BYTES("GET / HTTP/1.1\r\n" H "X\rY: a\r\n\r\n"), 400},
    {"folded", BYTES("GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"), 400},
    {"folded with a tab", BYTES("GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"), 400},
    {"folded first field", BYTES("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400},
    {"folded coding", BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n"), 400},
    {"a line of one space", BYTES("GET / HTTP/1.1\r\n" H " \r\n\r\n"), 400},

    /* names and values */
    {"space before the colon", BYTES("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400},
    {"tab before the colon", BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding\t: chunked\r\n\r\n"), 400},
    {"no colon", BYTES("GET / HTTP/1.1\r\n" H "nonsense\r\n\r\n"), 400},
    {"no name", BYTES("GET / HTTP/1.1\r\n" H ": a\r\n\r\n"), 400},
    {"bracket in a name", BYTES("GET / HTTP/1.1\r\n" H "X[0]: a\r\n\r\n"), 400},
    {"high byte in a name", BYTES("GET / HTTP/1.1\r\n" H "X\xe9: a\r\n\r\n"), 400},
    {"NUL in a name", BYTES("GET / HTTP/1.1\r\n" H "X\0Y: a\r\n\r\n"), 400},
    {"NUL in a value", BYTES("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), 400},
    {"DEL in a value", BYTES("GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n"), 400},
    {"escape in a value", BYTES("GET / HTTP/1.1\r\n" H "X: \x1b[2J\r\n\r\n"), 400},
    {"vertical tab in a value", BYTES("GET / HTTP/1.1\r\n" H "X: \va\r\n\r\n"), 400},

    /* Host */
    {"no Host", BYTES("GET / HTTP/1.1\r\n\r\n"), 400},
    {"two Hosts", BYTES("GET / HTTP/1.1\r\n" H H "\r\n"), 400},
    {"two Hosts in 1.0", BYTES("GET / HTTP/1.0\r\n" H "Host: i\r\n\r\n"), 400},
    {"empty Host", BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400},
    {"Host with a path", BYTES("GET / HTTP/1.1\r\nHost: h/a\r\n\r\n"), 400},
    {"Host with a user", BYTES("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"), 400},
    {"Host with a quote", BYTES("GET / HTTP/1.1\r\nHost: h\";for=1\r\n\r\n"), 400},
    {"two names in Host", BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400},
    {"Host with port 65536", BYTES("GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n"), 400},
    {"Host with an empty port", BYTES("GET / HTTP/1.1\r\nHost: h:\r\n\r\n"), 400},
    {"Host with a port only", BYTES("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), 400},
    {"open bracket in Host", BYTES("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400},
    {"empty brackets in Host", BYTES("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), 400},

    /* the target */
    {"no slash", BYTES("GET as2 HTTP/1.1\r\n" H "\r\n"), 400},
    {"asterisk with GET", BYTES("GET * HTTP/1.1\r\n" H "\r\n"), 400},
    {"another scheme", BYTES("GET ftp://h/ HTTP/1.1\r\n" H "\r\n"), 400},
    {"another host", BYTES("GET http://i/ HTTP/1.1\r\n" H "\r\n"), 400},
    {"user in the target", BYTES("GET http://u@h/ HTTP/1.0\r\n\r\n"), 400},
    {"URL without host", BYTES("GET http:/// HTTP/1.0\r\n\r\n"), 400},
    {"fragment", BYTES("GET /a#b HTTP/1.1\r\n" H "\r\n"), 400},
    {"fragment in the query", BYTES("GET /a?b#c HTTP/1.1\r\n" H "\r\n"), 400},
    {"dot segment", BYTES("GET /a/./b HTTP/1.1\r\n" H "\r\n"), 400},
    {"dot segments", BYTES("GET /a/../b HTTP/1.1\r\n" H "\r\n"), 400},
    {"dots at the end", BYTES("GET /a/.. HTTP/1.1\r\n" H "\r\n"), 400},
    {"dots and a query", BYTES("GET /..?a HTTP/1.1\r\n" H "\r\n"), 400},
    {"encoded dots", BYTES("GET /a/%2e%2E/b HTTP/1.1\r\n" H "\r\n"), 400},
    {"half encoded dots", BYTES("GET /a/.%2e/b HTTP/1.1\r\n" H "\r\n"), 400},
    {"dots with parameters", BYTES("GET /a/..;x=1/b HTTP/1.1\r\n" H "\r\n"), 400},
    {"dots in absolute form", BYTES("GET http://h/a/../b HTTP/1.1\r\n" H "\r\n"), 400},
    {"three dots", BYTES("GET /a/.../b HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"hidden file", BYTES("GET /.well-known/a..b HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"dots in the query", BYTES("GET /a?/../%2F//%00 HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"encoded slash", BYTES("GET /a%2Fb HTTP/1.1\r\n" H "\r\n"), 400},
    {"encoded slash, lower case", BYTES("GET /a%2fb HTTP/1.1\r\n" H "\r\n"), 400},
    {"encoded backslash", BYTES("GET /a%5cb HTTP/1.1\r\n" H "\r\n"), 400},
    {"backslash", BYTES("GET /a\\..\\b HTTP/1.1\r\n" H "\r\n"), 400},
    {"encoded NUL", BYTES("GET /a%00 HTTP/1.1\r\n" H "\r\n"), 400},
    {"double slash", BYTES("GET //a HTTP/1.1\r\n" H "\r\n"), 400},
    {"double slash inside", BYTES("GET /a//b HTTP/1.1\r\n" H "\r\n"), 400},
    {"slash at the end", BYTES("GET /a/ HTTP/1.1\r\n" H "\r\n"), ACCEPTED},
    {"bad percent", BYTES("GET /a%zz HTTP/1.1\r\n" H "\r\n"), 400},
    {"short percent", BYTES("GET /a%2 HTTP/1.1\r\n" H "\r\n"), 400},
    {"percent before a slash", BYTES("GET /a%2/b HTTP/1.1\r\n" H "\r\n"), 400},

    /* framing */
    {"length", BYTES(POST "Content-Length: 5\r\n\r\n"), ACCEPTED},
    {"length with zeros", BYTES(POST "Content-Length: 005\r\n\r\n"), ACCEPTED},
    {"largest length", BYTES(POST "Content-Length: 9223372036854775807\r\n\r\n"), ACCEPTED},
    {"chunked", BYTES(POST "Transfer-Encoding: chunked\r\n\r\n"), ACCEPTED},
    {"Chunked", BYTES(POST "transfer-encoding:\tChunked \r\n\r\n"), ACCEPTED},
    {"length and coding", BYTES(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {"coding and length", BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), 400},
    {"two lengths", BYTES(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400},
    {"two equal lengths", BYTES(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
    {"list of lengths", BYTES(POST "Content-Length: 5, 5\r\n\r\n"), 400},
    {"empty length", BYTES(POST "Content-Length:\r\n\r\n"), 400},
    {"signed length", BYTES(POST "Content-Length: +5\r\n\r\n"), 400},
    {"negative length", BYTES(POST "Content-Length: -1\r\n\r\n"), 400},
    {"hex length", BYTES(POST "Content-Length: 0x5\r\n\r\n"), 400},
    {"fraction", BYTES(POST "Content-Length: 5.0\r\n\r\n"), 400},
    {"length and words", BYTES(POST "Content-Length: 5 bytes\r\n\r\n"), 400},
    {"length of 2^63", BYTES(POST "Content-Length: 9223372036854775808\r\n\r\n"), 400},
    {"length of 2^64 + 5", BYTES(POST "Content-Length: 18446744073709551621\r\n\r\n"), 400},
    {"length of 30 digits", BYTES(POST "Content-Length: 100000000000000000000000000005\r\n\r\n"), 400},
    {"length with _", BYTES(POST "Content_Length: 5\r\n\r\n"), 400},
    {"length with .", BYTES(POST "Content.Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
    {"coding with _", BYTES(POST "Transfer_Encoding: chunked\r\n\r\n"), 400},
    {"coding in 1.0", BYTES("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), 400},
    {"chunked twice", BYTES(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400},
    {"two codings", BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {"coding in two lines", BYTES(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    {"chunked not last", BYTES(POST "Transfer-Encoding: chunked, gzip\r\n\r\n"), 400},
    {"chunked last of two", BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
    {"unknown coding", BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n"), 501},
    {"identity", BYTES(POST "Transfer-Encoding: identity\r\n\r\n"), 501},
    {"empty coding", BYTES(POST "Transfer-Encoding:\r\n\r\n"), 400},
    {"comma behind chunked", BYTES(POST "Transfer-Encoding: chunked,\r\n\r\n"), 400},
    {"comma before chunked", BYTES(POST "Transfer-Encoding: ,chunked\r\n\r\n"), 400},
    {"quoted chunked", BYTES(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400},
    {"chunked with a parameter", BYTES(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"), 400},
    {"vertical tab before chunked", BYTES(POST "Transfer-Encoding: \vchunked\r\n\r\n"), 400},
    {"two words", BYTES(POST "Transfer-Encoding: chunked foo\r\n\r\n"), 400},
};

#define OK "HTTP/1.1 200 OK\r\n"

static const struct row answers[] = {
    {"plain", BYTES(OK "Content-Length: 0\r\n\r\n"), ACCEPTED},
    {"no reason", BYTES("HTTP/1.1 200\r\n\r\n"), ACCEPTED},
    {"empty reason", BYTES("HTTP/1.0 404 \r\n\r\n"), ACCEPTED},
    {"interim", BYTES("HTTP/1.1 100 Continue\r\n\r\n"), ACCEPTED},
    {"length in 204", BYTES("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), ACCEPTED},
    {"look-alike", BYTES(OK "Content_Length: 5\r\n\r\n"), ACCEPTED},
    {"unfinished", BYTES(OK "Server: x\r\n"), UNFINISHED},
    {"empty line before", BYTES("\r\n" OK "\r\n"), 502},
    {"no head", BYTES("hello, world\r\n"), 502},
    {"ICY", BYTES("ICY 200 OK\r\n\r\n"), 502},
    {"version 2", BYTES("HTTP/2.0 200 OK\r\n\r\n"), 502},
    {"version 1.2", BYTES("HTTP/1.2 200 OK\r\n\r\n"), 502},
    {"two digits", BYTES("HTTP/1.1 20 OK\r\n\r\n"), 502},
    {"four digits", BYTES("HTTP/1.1 2000 OK\r\n\r\n"), 502},
    {"code 099", BYTES("HTTP/1.1 099 X\r\n\r\n"), 502},
    {"code 600", BYTES("HTTP/1.1 600 X\r\n\r\n"), 502},
    {"letters", BYTES("HTTP/1.1 2xx OK\r\n\r\n"), 502},
    {"escape in the reason", BYTES("HTTP/1.1 200 \x1b[2J\r\n\r\n"), 502},
    {"bare LF", BYTES("HTTP/1.1 200 OK\n\n"), 502},
    {"folded", BYTES(OK "X: a\r\n b\r\n\r\n"), 502},
    {"space before the colon", BYTES(OK "Content-Length : 5\r\n\r\n"), 502},
    {"length and coding", BYTES(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 502},
    {"two lengths", BYTES(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 502},
    {"bad length", BYTES(OK "Content-Length: five\r\n\r\n"), 502},
    {"unknown coding", BYTES(OK "Transfer-Encoding: gzip\r\n\r\n"), 502},
    {"two codings", BYTES(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"), 502},
    {"coding in 1.0", BYTES("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), 502},
    {"coding in 304", BYTES("HTTP/1.1 304 X\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"), 502},
};

/* What stands in the head is looked at as the exchange does. */
static unsigned judge_whole(struct http_head *head, const uint8_t *bytes, struct http_fault *fault)
{
    struct http_options options;
    struct http_body body;
    bool fine;

    if (head->kind == HTTP_HEAD_REQUEST)
        fine = http_target_check(head, bytes, fault) && http_options_read(&options, head, bytes, fault) &&
               http_body_of_request(&body, head, bytes, fault);
    else
        fine = http_options_read(&options, head, bytes, fault) &&
               http_body_of_answer(&body, head, bytes, false, false, fault);
    return fine ? ACCEPTED : fault->code;
}

static unsigned judge_progress(enum http_progress progress, struct http_head *head, const uint8_t *bytes,
                               struct http_fault *fault)
{
    if (progress == HTTP_DONE)
        return judge_whole(head, bytes, fault);
    return progress == HTTP_MORE ? UNFINISHED : fault->code;
}

/* step 0: all at once. The bytes stand elsewhere each time, with nothing behind them. */
static unsigned judge(enum http_head_kind kind, const char *bytes, size_t len, size_t step)
{
    struct http_fault fault = {0};
    struct http_head head;
    unsigned verdict = UNFINISHED;
    size_t have = 0;

    http_head_begin(&head, kind);
    while (have < len && verdict == UNFINISHED) {
        uint8_t *copy;

        have = step && step < len - have ? have + step : len;
        copy = malloc(have);
        assert_non_null(copy);
        memcpy(copy, bytes, have);
        verdict = judge_progress(http_head_parse(&head, copy, have, &fault), &head, copy, &fault);
        free(copy);
    }
    assert_true(verdict < 400 || fault.why);
    return verdict;
}

static void check_rows(const struct row *rows, size_t count, enum http_head_kind kind)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned at_once = judge(kind, rows[i].bytes, rows[i].len, 0);
        unsigned in_bytes = judge(kind, rows[i].bytes, rows[i].len, 1);

        if (at_once == rows[i].code && in_bytes == rows[i].code)
            continue;
        print_error("%s: %u at once, %u byte by byte, not %u\n", rows[i].name, at_once, in_bytes,
                    rows[i].code);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void every_request_gets_its_verdict(void **state)
{
    (void)state;
    check_rows(requests, ROWS(requests), HTTP_HEAD_REQUEST);
}

static void every_answer_gets_its_verdict(void **state)
{
    (void)state;
    check_rows(answers, ROWS(answers), HTTP_HEAD_ANSWER);
}

/* A request with `count` short fields besides Host, filled up with one long field to `len` bytes (0: not). */
static char *make_request(size_t count, size_t len)
{
    static const char start[] = "GET / HTTP/1.1\r\nHost: h\r\n", line[] = "A: b\r\n";
    size_t at = sizeof start - 1, size = at + count * (sizeof line - 1) + 2;
    char *text = malloc((len > size ? len : size) + 1);

    assert_non_null(text);
    memcpy(text, start, at);
    for (size_t i = 0; i < count; i++, at += sizeof line - 1)
        memcpy(text + at, line, sizeof line - 1);
    if (len > size) {
        memset(text + at, 'x', len - at);
        memcpy(text + at, "B:", 2);
        at = len - 4;
        memcpy(text + at, "\r\n", 2);
        at += 2;
    }
    memcpy(text + at, "\r\n", 3);
    return text;
}

static void limits_are_exact(void **state)
{
    static const struct {
        size_t fields, len;
        unsigned code;
    } rows[] = {
        {HTTP_FIELDS_MAX - 1, 0, ACCEPTED},
        {HTTP_FIELDS_MAX, 0, 431},
        {0, HTTP_HEAD_BYTES_MAX, ACCEPTED},
        {0, HTTP_HEAD_BYTES_MAX + 1, 431},
        {HTTP_FIELDS_MAX - 2, HTTP_HEAD_BYTES_MAX, ACCEPTED},
        {0, 200000, 431},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *text = make_request(rows[i].fields, rows[i].len);

        assert_int_equal(judge(HTTP_HEAD_REQUEST, text, strlen(text), 0), rows[i].code);
        assert_int_equal(judge(HTTP_HEAD_REQUEST, text, strlen(text), 97), rows[i].code);
        free(text);
    }
}

static void a_host_is_no_longer_than_a_name_can_be(void **state)
{
    char text[400];

    (void)state;
    for (int len = 258; len <= 260; len++) {
        int all = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %0*d\r\n\r\n", len, 0);

        assert_int_equal(judge(HTTP_HEAD_REQUEST, text, (size_t)all, 0), len <= 259 ? ACCEPTED : 400);
    }
}

static void too_many_connection_options_are_refused(void **state)
{
    char text[512] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, keep-alive";
    size_t len = strlen(text);

    (void)state;
    for (int i = 0; i < HTTP_CONNECTION_OPTIONS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ",x%d", i);
    memcpy(text + len, "\r\n\r\n", 5);
    assert_int_equal(judge(HTTP_HEAD_REQUEST, text, len + 4, 0), ACCEPTED);
    memcpy(text + len, ",y\r\n\r\n", 7);
    assert_int_equal(judge(HTTP_HEAD_REQUEST, text, len + 6, 0), 400);
}

static void slices_name_what_was_read(void **state)
{
    static const char text[] =
        "\r\nPOST https://h/as2?x HTTP/1.1\r\nHost:  h\t\r\nAS2-From: \"a  b\"\r\n\r\nrest";
    const uint8_t *bytes = (const uint8_t *)text;
    struct http_fault fault;
    struct http_head head;

    (void)state;
    http_head_begin(&head, HTTP_HEAD_REQUEST);
    assert_int_equal(http_head_parse(&head, bytes, sizeof text - 1, &fault), HTTP_DONE);
    assert_true(http_target_check(&head, bytes, &fault));
    assert_int_equal(head.len, sizeof text - 1 - 4);
    assert_true(http_slice_is(bytes, head.method, "POST"));
    assert_true(http_slice_is(bytes, head.path, "/as2?x"));
    assert_int_equal(head.field_count, 2);
    assert_true(http_slice_is(bytes, http_head_field(&head, HTTP_NAME_HOST)->value, "h"));
    assert_true(http_slice_is(bytes, head.fields[1].name, "AS2-From"));
    assert_true(http_slice_is(bytes, head.fields[1].value, "\"a  b\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_gets_its_verdict),
        cmocka_unit_test(every_answer_gets_its_verdict),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(a_host_is_no_longer_than_a_name_can_be),
        cmocka_unit_test(too_many_connection_options_are_refused),
        cmocka_unit_test(slices_name_what_was_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
