/* What goes on of a head, byte for byte: fields removed, kept as they are, and set. */
#include "unit.h"

#include "http_fields.h"
#include "http_refusal.h"
#include "http_target.h"

#include <string.h>

#define FORWARDED                                                                                            \
    "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nForwarded: "                                  \
    "for=192.0.2.9;proto=https;host=\"h\"\r\n"                                                               \
    "X-Forwarded-Host: h\r\n"

struct row {
    const char *in, *out;
    bool close;
};

static const struct row requests[] = {
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n", false},
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: h\r\n" FORWARDED "Connection: close\r\n\r\n", true},
    {"\r\nGET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n",
     false},
    {"GET http://h?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?b HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n", false},
    {"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n", false},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n", false},
    /* H6: spelling, white space and order are the partner's */
    {"POST /as2 HTTP/1.1\r\naS2-FROM:  \"A  B\" \r\nHost:h\r\nMessage-ID:<1@x>\r\nContent-Length: "
     "007\r\nAS2-To:\t b\r\n\r\n",
     "POST /as2 HTTP/1.1\r\naS2-FROM:  \"A  B\" \r\nHost:h\r\nMessage-ID:<1@x>\r\nAS2-To:\t "
     "b\r\nContent-Length: 7\r\n" FORWARDED "\r\n",
     false},
    {"POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: CHUNKED\r\nTrailer: a\r\nTE: trailers\r\n\r\n",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" FORWARDED "\r\n", false},
    /* H2: for one hop only */
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade ,,x-a\r\nUpgrade: h2c\r\nKeep-Alive: "
     "5\r\nX-A: 1\r\n"
     "X-AB: 2\r\nProxy-Connection: a\r\nconnection:X-C\r\nX-c: 3\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: h\r\nX-AB: 2\r\n" FORWARDED "\r\n", false},
    {"POST / HTTP/1.1\r\nHost: h\r\nConnection: host, Content-Length, Transfer-Encoding, AS2-From, "
     "content-type, Client-Cert, "
     "Forwarded, X-Forwarded-For, Message-ID, Authorization, Expect\r\nContent-Length: 1\r\nAS2-From: "
     "a\r\nContent-Type: b\r\n"
     "Message-Id: c\r\nAuthorization: d\r\nExpect: 100-continue\r\n\r\n",
     "POST / HTTP/1.1\r\nHost: h\r\nAS2-From: a\r\nContent-Type: b\r\nMessage-Id: c\r\nAuthorization: d\r\n"
     "Expect: 100-continue\r\nContent-Length: 1\r\n" FORWARDED "\r\n",
     false},
    /* H7: who the client is, nobody may say but us */
    {"GET / HTTP/1.1\r\nHost: h\r\nClient-Cert: :AA==:\r\nclient_cert: a\r\nCLIENT-CERT-CHAIN: "
     "a\r\nClient.Cert: a\r\n"
     "X-Forwarded-Client-Cert: a\r\nX_Forwarded_Client_Cert: a\r\nX-SSL-Client-Cert: a\r\nx_ssl_verify: a\r\n"
     "SSL-Client-Cert: a\r\nSSL_CLIENT_VERIFY: SUCCESS\r\nForwarded: for=1\r\nX-Forwarded-For: "
     "1\r\nX-Forwarded_For: 1\r\n"
     "X-Forwarded-Proto: http\r\nX-Forwarded-Host: evil\r\nX-Forwarded: a\r\nX-Real-IP: 1\r\nX_Real_IP: "
     "1\r\nClient-Cert-Subject: a\r\nX-Client-Cert: a\r\nX_CLIENT_CERT_DN: a\r\nx~client~certificate: a\r\n"
     "X-Other: 1\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: h\r\nX-Other: 1\r\n" FORWARDED "\r\n", false},
    /* HTTP/1.0 stays HTTP/1.0, knows no expectation, may have no Host */
    {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
     "POST / HTTP/1.0\r\nContent-Length: 3\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"
     "Forwarded: for=192.0.2.9;proto=https\r\nConnection: close\r\n\r\n",
     true},
};

static const struct row answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\n",
     "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\n", false},
    {"HTTP/1.0 200\r\n\r\n", "HTTP/1.1 200 \r\nConnection: close\r\n\r\n", true},
    {"HTTP/1.1 404 Not  there\r\nConnection: close, X-A\r\nX-A: 1\r\nKeep-Alive: 1\r\nUpgrade: h2\r\nX-B: "
     "2\r\n\r\n",
     "HTTP/1.1 404 Not  there\r\nX-B: 2\r\n\r\n", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: a\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false},
    {"HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 X\r\n\r\n", false},
    {"HTTP/1.1 304 X\r\nContent-Length: 9\r\nETag: a\r\n\r\n",
     "HTTP/1.1 304 X\r\nETag: a\r\nContent-Length: 9\r\n\r\n", false},
    {"HTTP/1.1 200 OK\r\nAS2-From: b\r\nConnection: AS2-From\r\nForwarded: x\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nAS2-From: b\r\nForwarded: x\r\nContent-Length: 0\r\n\r\n", false},
};

static void forwarded_for(struct http_forwarded *out, const char *host)
{
    struct addr peer;
    struct err err;

    if (host)
        assert_true(addr_parse_host(host, &peer, &err));
    http_forwarded_init(out, host ? &peer : NULL, true);
}

static void rewrite(struct buf *out, const struct row *row, enum http_head_kind kind, const char *client)
{
    const uint8_t *bytes = (const uint8_t *)row->in;
    struct http_forwarded forwarded;
    struct http_options options;
    struct http_fault fault;
    struct http_head head;
    struct http_body body;

    forwarded_for(&forwarded, client);
    http_head_begin(&head, kind);
    assert_int_equal(http_head_parse(&head, bytes, strlen(row->in), &fault), HTTP_DONE);
    assert_true(http_options_read(&options, &head, bytes, &fault));
    if (kind == HTTP_HEAD_ANSWER) {
        assert_true(http_body_of_answer(&body, &head, bytes, false, false, &fault));
        assert_true(http_fields_answer(out, &head, bytes, &body, &options, row->close));
        return;
    }
    assert_true(http_target_check(&head, bytes, &fault));
    assert_true(http_body_of_request(&body, &head, bytes, &fault));
    assert_true(http_fields_request(out, &head, bytes, &body, &options, &forwarded, row->close));
}

static void check_rows(const struct row *rows, size_t count, enum http_head_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        struct buf out;

        buf_init(&out, 1 << 16);
        rewrite(&out, &rows[i], kind, "192.0.2.9");
        assert_true(buf_add(&out, "", 1));
        assert_string_equal((const char *)buf_data(&out), rows[i].out);
        buf_free(&out);
    }
}

static void requests_go_on_without_what_is_not_theirs(void **state)
{
    (void)state;
    check_rows(requests, ROWS(requests), HTTP_HEAD_REQUEST);
}

static void answers_go_on_without_what_is_not_theirs(void **state)
{
    (void)state;
    check_rows(answers, ROWS(answers), HTTP_HEAD_ANSWER);
}

/* On the way out (H8): what the client says about itself does not go on either. */
static void nobody_is_told_where_there_is_no_address(void **state)
{
    static const struct row rows[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.0.0.7\r\nForwarded: for=10.0.0.7\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: h\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: close\r\n\r\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf out;

        buf_init(&out, 1 << 16);
        rewrite(&out, &rows[i], HTTP_HEAD_REQUEST, NULL);
        assert_true(buf_add(&out, "", 1));
        assert_string_equal((const char *)buf_data(&out), rows[i].out);
        buf_free(&out);
    }
}

static void ipv6_is_quoted_in_forwarded(void **state)
{
    static const struct row row = {"GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", NULL, false};
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 16);
    rewrite(&out, &row, HTTP_HEAD_REQUEST, "2001:db8::9");
    assert_true(buf_add(&out, "", 1));
    assert_string_equal(
        (const char *)buf_data(&out),
        "GET / HTTP/1.1\r\nHost: [::1]:8443\r\nX-Forwarded-For: 2001:db8::9\r\n"
        "X-Forwarded-Proto: https\r\nForwarded: for=\"[2001:db8::9]\";proto=https;host=\"[::1]:8443\"\r\n"
        "X-Forwarded-Host: [::1]:8443\r\n\r\n");
    buf_free(&out);
}

/* Too small a buffer is told, at every size, and never written past. */
static void a_full_buffer_is_told(void **state)
{
    const uint8_t *bytes = (const uint8_t *)requests[0].in;
    size_t len = strlen(requests[0].out);
    struct http_forwarded forwarded;
    struct http_options options;
    struct http_fault fault;
    struct http_head head;
    struct http_body body;

    (void)state;
    forwarded_for(&forwarded, "192.0.2.9");
    http_head_begin(&head, HTTP_HEAD_REQUEST);
    assert_int_equal(http_head_parse(&head, bytes, strlen(requests[0].in), &fault), HTTP_DONE);
    assert_true(http_options_read(&options, &head, bytes, &fault));
    assert_true(http_target_check(&head, bytes, &fault));
    assert_true(http_body_of_request(&body, &head, bytes, &fault));
    for (size_t limit = 0; limit <= len; limit++) {
        struct buf out;

        buf_init(&out, limit);
        assert_int_equal(http_fields_request(&out, &head, bytes, &body, &options, &forwarded, false),
                         limit == len);
        buf_free(&out);
    }
}

static void our_own_answers_are_whole(void **state)
{
    static const char *const methods[] = {"POST", "PUT"};
    static const struct {
        unsigned code;
        bool to_head;
        const char *out;
        struct http_allowed allowed;
    } rows[] = {
        {400,
         false,
         "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 16\r\nConnection: "
         "close\r\n\r\n"
         "400 Bad Request\n",
         {NULL, 0}},
        {503,
         true,
         "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nRetry-After: "
         "10\r\n"
         "Connection: close\r\n\r\n",
         {NULL, 0}},
        {405,
         true,
         "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n"
         "Allow: POST, PUT\r\nConnection: close\r\n\r\n",
         {methods, 2}},
        {405,
         false,
         "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: 23\r\n"
         "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\nConnection: close\r\n\r\n405 Method Not Allowed\n",
         {NULL, 0}},
        {999,
         false,
         "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 26\r\n"
         "Connection: close\r\n\r\n500 Internal Server Error\n",
         {NULL, 0}},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf out;

        buf_init(&out, 4096);
        assert_true(http_refusal(&out, rows[i].code, rows[i].to_head, &rows[i].allowed));
        assert_true(buf_add(&out, "", 1));
        assert_string_equal((const char *)buf_data(&out), rows[i].out);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_on_without_what_is_not_theirs),
        cmocka_unit_test(answers_go_on_without_what_is_not_theirs),
        cmocka_unit_test(nobody_is_told_where_there_is_no_address),
        cmocka_unit_test(ipv6_is_quoted_in_forwarded),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(our_own_answers_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
