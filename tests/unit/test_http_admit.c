/* Whether a request may go on, and what its backend is told, for a session of this test's own: routes, AS2
 * names, trust, the certificate (H7, H10, C5). */
#include "unit.h"

#include "http_head.h"
#include "http_private.h"
#include "http_target.h"

#include <string.h>

struct session {
    bool distrusted, resumed;
    const struct conf_partner *partner;
    struct identity identity;
    struct conf_listener conf;
};

static const uint8_t certificate[] = "foo", issuers[2][4] = {"bar", "baz"};

/* --- the session, as far as http_admit.c uses it --- */

const struct conf_listener *session_conf(const struct session *session)
{
    return &session->conf;
}

const struct identity *session_identity(const struct session *session)
{
    return &session->identity;
}

const struct conf_partner *session_partner(const struct session *session)
{
    return session->partner;
}

bool session_recheck(struct session *session, struct err *why)
{
    if (session->distrusted)
        err_set(why, "the certificate was revoked");
    return !session->distrusted;
}

bool session_certificate(const struct session *session, const uint8_t **der, size_t *len)
{
    *der = certificate;
    *len = 3;
    return session->identity.verdict != TLS_NO_CERTIFICATE;
}

bool session_chain_certificate(struct session *session, size_t i, const uint8_t **der, size_t *len)
{
    if (session->resumed || i >= ROWS(issuers))
        return false;
    *der = issuers[i];
    *len = 3;
    return true;
}

/* --- asking --- */

struct question {
    struct http http;
    struct http_permit permit;
    struct http_fault fault;
};

static bool ask(struct question *question, struct session *session, const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    struct http_head head;

    memset(question, 0, sizeof *question);
    question->http.session = session;
    question->permit.reason = REASON_REFUSED;
    buf_init(&question->http.identity, 1 << 16);
    http_head_begin(&head, HTTP_HEAD_REQUEST);
    assert_int_equal(http_head_parse(&head, bytes, strlen(text), &question->fault), HTTP_DONE);
    assert_true(http_target_check(&head, bytes, &question->fault));
    return http_admit(&question->http, &head, bytes, &question->permit, &question->fault);
}

static const char *posts[] = {"POST"};
static struct conf_backend as2_backend = {.text = "10.0.0.7:8080"}, other_backend = {.text = "10.0.0.9:80"};
static struct conf_route routes[] = {{.path = "/as2",
                                      .backends = {1, &as2_backend},
                                      .methods = posts,
                                      .method_count = 1,
                                      .max_body_bytes = 9}};

struct row {
    const char *name, *request;
    unsigned code; /* 0: it may go on */
    const char *why;
};

#define AS2(fields) "POST /as2 HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

static void check_rows(struct session *session, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct question question;
        bool fine = ask(&question, session, rows[i].request);

        if (fine != !rows[i].code || (!fine && question.fault.code != rows[i].code) ||
            (!fine && strcmp(question.fault.why, rows[i].why) != 0))
            fail_msg("%s: %u %s", rows[i].name, question.fault.code, fine ? "" : question.fault.why);
        buf_free(&question.http.identity);
    }
}

static void routes_decide(void **state)
{
    static const struct row rows[] = {
        {"it fits", AS2(""), 0, NULL},
        {"another method", "GET /as2 HTTP/1.1\r\nHost: h\r\n\r\n", 405,
         "a method that the route does not take"},
        {"in lower case", "post /as2 HTTP/1.1\r\nHost: h\r\n\r\n", 405,
         "a method that the route does not take"},
        {"no route", "POST /as2x HTTP/1.1\r\nHost: h\r\n\r\n", 404, "no route for this path"},
        {"all of the server", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 404, "no route for this path"},
        {"absolute", "POST http://h/as2 HTTP/1.1\r\nHost: h\r\n\r\n", 0, NULL},
        {"absolute without a path", "POST http://h HTTP/1.1\r\nHost: h\r\n\r\n", 404,
         "no route for this path"},
    };
    struct session session = {.conf = {.routes = routes, .route_count = 1}};
    struct question question;

    (void)state;
    check_rows(&session, rows, ROWS(rows));
    assert_true(ask(&question, &session, AS2("")));
    assert_ptr_equal(question.http.route, &routes[0]);
    assert_int_equal(question.permit.max_body_bytes, 9);
    assert_false(ask(&question, &session, "GET /as2 HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_int_equal(question.permit.allowed.count, 1);
    assert_string_equal(question.permit.allowed.methods[0], "POST");
    session.conf.backends = (struct conf_backends){1, &other_backend};
    assert_true(ask(&question, &session, "POST /as2x HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_null(question.http.route);
    assert_int_equal(question.permit.max_body_bytes, 0);
}

static void names_belong_to_partners(void **state)
{
    static const struct row rows[] = {
        {"its name", AS2("AS2-From: ACME\r\n"), 0, NULL},
        {"its name in quotes", AS2("AS2-From: \"ACME\"\r\n"), 0, NULL},
        {"its other name", AS2("as2-FROM:\"Ac\\\\me \\\"GmbH\\\"\"\r\n"), 0, NULL},
        {"in another case", AS2("AS2-From: acme\r\n"), 403, "AS2-From acme is not one of partner acme"},
        {"of somebody else", AS2("AS2-From: OTHER\r\n"), 403, "AS2-From OTHER is not one of partner acme"},
        {"a part of it", AS2("AS2-From: ACM\r\n"), 403, "AS2-From ACM is not one of partner acme"},
        {"with a blank", AS2("AS2-From: \"ACME \"\r\n"), 403, "AS2-From ACME  is not one of partner acme"},
        {"none", AS2(""), 403, "no AS2-From"},
        {"empty", AS2("AS2-From:\r\n"), 403, "an AS2-From that is no AS2 name"},
        {"two", AS2("AS2-From: ACME\r\nAS2-From: ACME\r\n"), 403, "more than one AS2-From"},
        {"two for a CGI", AS2("AS2-From: ACME\r\nAS2_From: OTHER\r\n"), 403, "more than one AS2-From"},
        {"one for a CGI", AS2("AS2_From: ACME\r\n"), 403, "no AS2-From"},
        {"a list", AS2("AS2-From: ACME, OTHER\r\n"), 403, "an AS2-From that is no AS2 name"},
        {"half a quote", AS2("AS2-From: \"ACME\r\n"), 403, "an AS2-From that is no AS2 name"},
    };
    static const char *ids[] = {"ACME", "Ac\\me \"GmbH\""};
    static const struct conf_partner acme = {.alias = "acme", .as2_ids = ids, .as2_id_count = 2};
    static const struct row unknown[] = {
        {"nobody", AS2("AS2-From: ACME\r\n"), 403, "the client certificate is no partner's"}};
    static const struct row anyone[] = {{"whoever", AS2("AS2-From: OTHER\r\nAS2-From: x\r\n"), 0, NULL}};
    struct session session = {.partner = &acme, .conf = {.require_as2_id = true}};

    (void)state;
    check_rows(&session, rows, ROWS(rows));
    session.partner = NULL;
    check_rows(&session, unknown, ROWS(unknown));
    session.conf.require_as2_id = false;
    check_rows(&session, anyone, ROWS(anyone));
}

static void trust_is_that_of_now(void **state)
{
    struct session session = {.distrusted = true, .conf = {.client_certificate = CONF_CLIENT_REQUIRE}};
    struct question question;

    (void)state;
    assert_false(ask(&question, &session, AS2("")));
    assert_int_equal(question.fault.code, 403);
    assert_int_equal(question.permit.reason, REASON_CERTIFICATE_REFUSED);
    assert_string_equal(question.fault.why, "the certificate was revoked");
    session.identity.verdict = TLS_TRUSTED; /* so it is the address, or the partner's limits */
    assert_false(ask(&question, &session, AS2("")));
    assert_int_equal(question.permit.reason, REASON_REFUSED);
    session.distrusted = false;
    assert_true(ask(&question, &session, AS2("")));
}

/* Asked twice, as two requests of a session ask. */
static void is_told(struct session *session, const char *expected)
{
    struct question question;
    struct http_fault fault;

    assert_true(ask(&question, session, AS2("")));
    for (int i = 0; i < 2; i++) {
        struct http_head head;

        assert_int_equal(question.permit.identity_len, strlen(expected));
        assert_memory_equal(question.permit.identity, expected, strlen(expected));
        http_head_begin(&head, HTTP_HEAD_REQUEST);
        assert_int_equal(http_head_parse(&head, (const uint8_t *)AS2(""), sizeof AS2("") - 1, &fault),
                         HTTP_DONE);
        question.permit = (struct http_permit){.reason = REASON_REFUSED};
        assert_true(http_admit(&question.http, &head, (const uint8_t *)AS2(""), &question.permit, &fault));
    }
    buf_free(&question.http.identity);
}

#define CHAIN "Client-Cert: :Zm9v:\r\nClient-Cert-Chain: :YmFy:, :YmF6:\r\n"
#define XFCC                                                                                                 \
    "X-Forwarded-Client-Cert: Hash=ab12;Cert=\"-----BEGIN%20CERTIFICATE-----%0AZm9v%0A"                      \
    "-----END%20CERTIFICATE-----%0A\";Subject=\"CN=Acme\"\r\n"

static void only_a_trusted_certificate_is_told(void **state)
{
    static const enum tls_verdict others[] = {TLS_UNTRUSTED, TLS_NO_CERTIFICATE};
    struct session session = {
        .identity = {.verdict = TLS_TRUSTED, .subject = "CN=Acme", .fingerprint = "ab12"}};

    (void)state;
    is_told(&session, "");
    session.conf.client_cert_header = CONF_HEADER_RFC9440;
    is_told(&session, CHAIN);
    session.resumed = true; /* its chain is not there any more */
    is_told(&session, "Client-Cert: :Zm9v:\r\n");
    session.conf.client_cert_header = CONF_HEADER_XFCC;
    is_told(&session, XFCC);
    for (size_t i = 0; i < ROWS(others); i++) {
        session.identity.verdict = others[i];
        is_told(&session, "");
    }
}

/* A subject that did not fit into its place would be another one. */
static void a_subject_that_was_cut_is_left_out(void **state)
{
    struct session session = {.identity = {.verdict = TLS_TRUSTED, .fingerprint = "ab12"},
                              .conf = {.client_cert_header = CONF_HEADER_XFCC}};

    (void)state;
    memset(session.identity.subject, 'x', sizeof session.identity.subject - 1);
    is_told(&session, "X-Forwarded-Client-Cert: Hash=ab12;Cert=\"-----BEGIN%20CERTIFICATE-----%0AZm9v%0A"
                      "-----END%20CERTIFICATE-----%0A\"\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_decide),
        cmocka_unit_test(names_belong_to_partners),
        cmocka_unit_test(trust_is_that_of_now),
        cmocka_unit_test(only_a_trusted_certificate_is_told),
        cmocka_unit_test(a_subject_that_was_cut_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
