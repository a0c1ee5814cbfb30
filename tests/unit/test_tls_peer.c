#include "tls_kit.h"

#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

enum client_certificate { NONE, TRUSTED, LISTED, UNKNOWN_CA, EXPIRED, SERVER_ONLY, CERTIFICATES };

static struct kit_identity authority, certificates[CERTIFICATES];
static struct tls_trust *truststore, *announcing; /* the authority and the LISTED certificate itself */

static int make_certificates(void **state)
{
    static const struct kit_wish ca = {.name = "Partners CA", .authority = true};
    const struct kit_wish wishes[CERTIFICATES] = {
        [TRUSTED] = {.name = "acme", .issuer = &authority},
        [LISTED] = {.name = "listed"},
        [UNKNOWN_CA] = {.name = "stranger"},
        [EXPIRED] = {.name = "late", .issuer = &authority, .valid_s = -86400},
        [SERVER_ONLY] = {.name = "server", .issuer = &authority, .server_only = true},
    };
    const struct kit_identity *trusted[] = {&authority, &certificates[LISTED]};
    struct tls_trust_setup setup = {.verify_depth = 5};
    struct err err = {""};
    char *pem;

    (void)state;
    authority = kit_identity(kit_key(KIT_P384), &ca);
    for (int i = TRUSTED; i < CERTIFICATES; i++)
        certificates[i] = kit_identity(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), &wishes[i]);
    pem = kit_pem(trusted, 2);
    setup.ca_pem = pem;
    setup.ca_pem_len = strlen(pem);
    truststore = tls_trust_new(&setup, &err);
    setup.announce = true;
    announcing = tls_trust_new(&setup, &err);
    OPENSSL_free(pem);
    assert_true(truststore && announcing);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    kit_identity_free(&authority);
    for (int i = TRUSTED; i < CERTIFICATES; i++) {
        EVP_PKEY_free(certificates[i].key);
        kit_identity_free(&certificates[i]);
    }
    tls_trust_unref(truststore);
    tls_trust_unref(announcing);
    return 0;
}

static struct tls_policy policy_of(enum tls_client_mode mode, bool reject)
{
    struct tls_policy policy = kit_policy();

    policy.client_mode = mode;
    policy.reject_in_handshake = reject;
    policy.trust = truststore;
    return policy;
}

static void present(struct kit *kit, const struct kit_identity *identity)
{
    if (!identity->certificate)
        return;
    kit_show(kit->client.ctx, identity);
}

/* What is thought of each certificate, and what a client hears that is refused for it. */
static const struct {
    enum tls_verdict verdict;
    const char *reason, *alert, *error;
} opinions[CERTIFICATES] = {
    [NONE] = {TLS_NO_CERTIFICATE, "", NULL, "client sent no certificate"},
    [TRUSTED] = {TLS_TRUSTED, "", NULL, NULL},
    [LISTED] = {TLS_TRUSTED, "", NULL, NULL},
    [UNKNOWN_CA] = {TLS_UNTRUSTED, "self-signed certificate", "tlsv1 alert unknown ca",
                    "client certificate refused: self-signed certificate"},
    [EXPIRED] = {TLS_UNTRUSTED, "certificate has expired", "sslv3 alert certificate expired",
                 "client certificate refused: certificate has expired"},
    [SERVER_ONLY] = {TLS_UNTRUSTED, "unsuitable certificate purpose", "sslv3 alert unsupported certificate",
                     "client certificate refused: unsuitable certificate purpose"},
};

static void check_facts(const struct kit_pair *pair, enum client_certificate which)
{
    struct tls_facts facts = kit_facts(pair);
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1] = "", subject[100] = "";

    assert_int_equal(facts.verdict, opinions[which].verdict);
    assert_string_equal(facts.reason, opinions[which].reason);
    if (which == NONE) {
        assert_string_equal(facts.subject, "");
        assert_string_equal(facts.serial, "");
        assert_string_equal(facts.fingerprint, "");
        return;
    }
    SHA256(certificates[which].der, certificates[which].der_len, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(facts.fingerprint, hex);
    snprintf(hex, sizeof hex, "%04lx",
             ASN1_INTEGER_get(X509_get0_serialNumber(certificates[which].certificate)));
    assert_string_equal(facts.serial, hex);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificates[which].certificate), NID_commonName, subject,
                              sizeof subject);
    assert_memory_equal(facts.subject, "CN=", 3);
    assert_memory_equal(facts.subject + 3, subject, strlen(subject));
    assert_string_equal(facts.subject + 3 + strlen(subject), ",O=p11gate tests");
}

/* Accepted: the verdict is known, and known again after each resumption, of main and data. */
static void accepted(struct kit *kit, enum client_certificate seen)
{
    struct kit_pair first, pair;

    kit_establish(&first, kit, NULL);
    assert_false(kit_facts(&first).resumed);
    check_facts(&first, seen);
    kit_establish(&pair, kit, kit_client_newest(&kit->client));
    assert_true(kit_facts(&pair).resumed);
    check_facts(&pair, seen);
    kit_pair_free(&pair);
    kit_establish(&pair, kit, kit_client_newest(&kit->client));
    assert_true(kit_facts(&pair).resumed);
    check_facts(&pair, seen);
    kit_pair_free(&pair);
    kit_connect(&pair, kit->ctx, TLS_DATA, first.server, &kit->client, kit_client_newest(&kit->client));
    assert_true(kit_handshake(&pair, &kit->signer));
    assert_true(kit_facts(&pair).bound);
    check_facts(&pair, seen);
    kit_pair_free(&pair);
    kit_pair_free(&first);
    assert_int_equal(kit->signer.submits, 1);
}

static void refused(struct kit *kit, enum client_certificate which)
{
    const char *alert = opinions[which].alert;
    struct kit_pair pair;

    kit_connect(&pair, kit->ctx, TLS_MAIN, NULL, &kit->client, NULL);
    assert_false(kit_handshake(&pair, &kit->signer));
    assert_int_equal(pair.status, TLS_FAILED);
    assert_string_equal(tls_error(pair.server)->text, opinions[which].error);
    assert_true(tls_certificate_refused(pair.server));
    if (pair.client_error == SSL_ERROR_NONE) /* TLS 1.3: it believes that it is connected (T4) */
        kit_client_read(&pair, pair.plain, KIT_ROOM);
    if (!alert)
        alert = SSL_version(pair.client) == TLS1_3_VERSION ? "tlsv13 alert certificate required"
                                                           : "sslv3 alert handshake failure";
    assert_string_equal(kit_client_reason(), alert);
    assert_int_equal(kit->client.session_count, 0);
    kit_pair_free(&pair);
}

static void certificate_row(enum tls_client_mode mode, bool reject, enum client_certificate which,
                            int version)
{
    struct tls_policy policy = policy_of(mode, reject);
    bool bad = opinions[which].verdict == TLS_UNTRUSTED;
    bool missing = which == NONE && mode == TLS_CLIENT_REQUIRE;
    struct kit kit;

    kit_open(&kit, &policy, 1U << KIT_P256, version);
    present(&kit, &certificates[which]);
    if (mode != TLS_CLIENT_NONE && reject && (bad || missing))
        refused(&kit, which);
    else
        accepted(&kit, mode == TLS_CLIENT_NONE ? NONE : which);
    kit_close(&kit);
}

static void the_verdict_is_that_of_the_table_and_survives_resumption(void **state)
{
    static const enum tls_client_mode modes[] = {TLS_CLIENT_NONE, TLS_CLIENT_REQUEST, TLS_CLIENT_REQUIRE};

    (void)state;
    for (size_t mode = 0; mode < ROWS(modes); mode++)
        for (int reject = 0; reject < 2; reject++)
            for (int which = NONE; which < CERTIFICATES; which++)
                for (size_t i = 0; i < ROWS(versions); i++)
                    certificate_row(modes[mode], reject, (enum client_certificate)which, versions[i]);
}

/* ---- the request ---- */

static unsigned requests_seen, names_seen;

static int request_came(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);

    (void)certificate;
    (void)key;
    requests_seen++;
    names_seen = names ? (unsigned)sk_X509_NAME_num(names) : 0;
    return 0;
}

static void a_certificate_is_asked_for_only_where_it_is_wanted(void **state)
{
    static const struct {
        enum tls_client_mode mode;
        bool announce;
        unsigned requests, names;
    } rows[] = {
        {TLS_CLIENT_NONE, false, 0, 0},    {TLS_CLIENT_NONE, true, 0, 0},
        {TLS_CLIENT_REQUEST, false, 1, 0}, {TLS_CLIENT_REQUEST, true, 1, 2},
        {TLS_CLIENT_REQUIRE, false, 1, 0}, {TLS_CLIENT_REQUIRE, true, 1, 2},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_policy policy = policy_of(rows[i].mode, false);
            struct kit kit;
            struct kit_pair pair;

            if (rows[i].announce)
                policy.trust = announcing;
            kit_open(&kit, &policy, 1U << KIT_P256, versions[j]);
            SSL_CTX_set_client_cert_cb(kit.client.ctx, request_came);
            requests_seen = names_seen = 0;
            kit_establish(&pair, &kit, NULL);
            assert_int_equal(requests_seen, rows[i].requests);
            assert_int_equal(names_seen, rows[i].names);
            kit_pair_free(&pair);
            kit_close(&kit);
        }
}

/* ---- chains ---- */

static void the_chain_may_be_as_deep_as_the_truststore_says(void **state)
{
    static const struct {
        unsigned depth;
        bool trust_middle; /* the truststore holds the intermediate instead of the root */
        enum tls_verdict verdict;
    } rows[] = {
        {0, false, TLS_UNTRUSTED}, {1, false, TLS_TRUSTED}, {5, false, TLS_TRUSTED}, {0, true, TLS_TRUSTED}};
    const struct kit_wish middle_wish = {.name = "Middle CA", .issuer = &authority, .authority = true};
    struct kit_identity middle = kit_identity(kit_key(KIT_RSA), &middle_wish);
    const struct kit_wish leaf_wish = {.name = "leaf", .issuer = &middle};
    struct kit_identity leaf = kit_identity(kit_key(KIT_P256), &leaf_wish);

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct kit_identity *trusted = rows[i].trust_middle ? &middle : &authority;
        struct tls_policy policy = policy_of(TLS_CLIENT_REQUEST, false);
        char *pem = kit_pem(&trusted, 1);
        struct kit kit;
        struct kit_pair pair;
        struct tls_trust_setup setup = {
            .ca_pem = pem, .ca_pem_len = strlen(pem), .verify_depth = rows[i].depth};
        struct tls_trust *trust;
        struct err err;

        trust = tls_trust_new(&setup, &err);
        assert_non_null(trust);
        policy.trust = trust;
        kit_open(&kit, &policy, 1U << KIT_P256, 0);
        present(&kit, &leaf);
        assert_true(SSL_CTX_add1_chain_cert(kit.client.ctx, middle.certificate));
        kit_establish(&pair, &kit, NULL);
        assert_int_equal(kit_facts(&pair).verdict, rows[i].verdict);
        kit_pair_free(&pair);
        kit_close(&kit);
        tls_trust_unref(trust);
        OPENSSL_free(pem);
    }
    kit_identity_free(&leaf);
    kit_identity_free(&middle);
}

/* The ticket carries the certificate and must stay below 64 KB, whatever a client comes with. */
static void a_long_certificate_resumes_and_a_too_long_one_is_refused(void **state)
{
    static const struct {
        size_t comment_len;
        bool accepted;
    } rows[] = {{16 * 1024, true}, {46 * 1024, true}, {49 * 1024, false}};
    uint8_t data[16];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            const struct kit_wish wish = {
                .name = "long", .issuer = &authority, .comment_len = rows[i].comment_len};
            struct kit_identity identity = kit_identity(kit_key(KIT_P256), &wish);
            struct tls_policy policy = policy_of(TLS_CLIENT_REQUIRE, true);
            struct kit kit;
            struct kit_pair pair;

            kit_open(&kit, &policy, 1U << KIT_P256, versions[j]);
            present(&kit, &identity);
            if (!rows[i].accepted) {
                kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
                assert_false(kit_handshake(&pair, &kit.signer));
                assert_string_equal(tls_error(pair.server)->text,
                                    "client sent a handshake message that is too long");
            } else {
                kit_establish(&pair, &kit, NULL);
                kit_pair_free(&pair);
                kit_establish(&pair, &kit, kit_client_newest(&kit.client));
                assert_true(kit_facts(&pair).resumed);
                assert_int_equal(kit_facts(&pair).verdict, TLS_TRUSTED);
                tls_renew_ticket(pair.server);
                assert_int_equal(kit_server_write(&pair, "226", 3), TLS_OK);
                assert_int_equal(kit_client_read(&pair, data, sizeof data), 3);
            }
            kit_pair_free(&pair);
            kit_close(&kit);
            kit_identity_free(&identity);
        }
}

/* What a client calls itself ends in a log line and in an access decision. */
static void a_hostile_subject_is_one_line_of_plain_text(void **state)
{
    static const struct {
        const char *name, *subject;
    } rows[] = {
        {"a\nlevel=error", "CN=a\\0Alevel=error,O=p11gate tests"},
        {"x,O=admins", "CN=x\\,O=admins,O=p11gate tests"},
        {"quote\"back\\slash", "CN=quote\\\"back\\\\slash,O=p11gate tests"},
        {"M\xc3\xbcller", "CN=M\\C3\\BCller,O=p11gate tests"},
        {"\x1b[31m", "CN=\\1B[31m,O=p11gate tests"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct kit_wish wish = {.name = rows[i].name};
        struct kit_identity identity = kit_identity(kit_key(KIT_P256), &wish);
        struct tls_policy policy = policy_of(TLS_CLIENT_REQUEST, false);
        struct kit kit;
        struct kit_pair pair;

        kit_open(&kit, &policy, 1U << KIT_P256, 0);
        present(&kit, &identity);
        kit_establish(&pair, &kit, NULL);
        assert_string_equal(kit_facts(&pair).subject, rows[i].subject);
        kit_pair_free(&pair);
        kit_close(&kit);
        kit_identity_free(&identity);
    }
}

/* Our authority's name over another key: checking the signature leaves errors in OpenSSL's queue, which must
 * not pass for a failure of the handshake when the rest of it comes later. */
static void a_forged_certificate_is_a_verdict_however_it_comes(void **state)
{
    static const struct kit_wish ca = {.name = "Partners CA", .authority = true};
    struct kit_identity forger = kit_identity(kit_key(KIT_P256), &ca);
    const struct kit_wish wish = {.name = "acme", .issuer = &forger};
    struct kit_identity forged = kit_identity(kit_key(KIT_RSA), &wish);

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        struct tls_policy policy = policy_of(TLS_CLIENT_REQUIRE, false);
        struct kit kit;
        struct kit_pair pair;
        size_t lent_len;

        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        present(&kit, &forged);
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
        kit_signer_answer(&kit.signer);
        assert_int_equal(kit_server_step(&pair), TLS_WANT_INPUT);
        kit_client_step(&pair);
        do {
            struct tls_io io = kit_lend(&pair);

            lent_len = io.in_len;
            io.in_len = 1;
            pair.status = tls_handshake(pair.server, &io);
            io.in_len += lent_len - 1;
            kit_return(&pair, &io, lent_len);
        } while (pair.status == TLS_WANT_INPUT && lent_len > 1);
        assert_int_equal(pair.status, TLS_OK);
        assert_int_equal(kit_facts(&pair).verdict, TLS_UNTRUSTED);
        assert_string_equal(kit_facts(&pair).reason, "certificate signature failure");
        kit_pair_free(&pair);
        kit_close(&kit);
    }
    kit_identity_free(&forged);
    kit_identity_free(&forger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_is_that_of_the_table_and_survives_resumption),
        cmocka_unit_test(a_certificate_is_asked_for_only_where_it_is_wanted),
        cmocka_unit_test(the_chain_may_be_as_deep_as_the_truststore_says),
        cmocka_unit_test(a_long_certificate_resumes_and_a_too_long_one_is_refused),
        cmocka_unit_test(a_hostile_subject_is_one_line_of_plain_text),
        cmocka_unit_test(a_forged_certificate_is_a_verdict_however_it_comes),
    };

    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
