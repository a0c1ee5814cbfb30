#include "tls_kit.h"
#include "tls_ocsp.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

enum { HOUR_S = 3600, LONGEST = 16380 };

/* ---- responses ---- */

struct answer {
    int status;                  /* V_OCSP_CERTSTATUS_... */
    long from_s, until_s;        /* from now; until_s 0: none */
    const EVP_MD *(*hash)(void); /* of the CertID; NULL: SHA-1 */
};

struct response {
    uint8_t *der;
    size_t len;
};

static const struct answer good = {V_OCSP_CERTSTATUS_GOOD, -HOUR_S, HOUR_S, NULL};

static struct response pack(OCSP_RESPONSE *made)
{
    struct response response = {0};
    int len = i2d_OCSP_RESPONSE(made, &response.der);

    assert_true(len > 0);
    response.len = (size_t)len;
    OCSP_RESPONSE_free(made);
    return response;
}

/* Ed25519 hashes by itself. */
static const EVP_MD *signing_hash(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}

/* About the certificates, which issuer has issued and signs for. */
static struct response respond(const struct kit_identity *const *leaves, size_t count,
                               const struct kit_identity *issuer, const struct answer *answer)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, answer->from_s), *until = X509_gmtime_adj(NULL, answer->until_s);
    ASN1_TIME *revoked = answer->status == V_OCSP_CERTSTATUS_REVOKED ? from : NULL;
    struct response response;

    assert_true(ASN1_TIME_to_generalizedtime(from, NULL) != NULL);
    for (size_t i = 0; i < count; i++) {
        OCSP_CERTID *id = OCSP_cert_to_id(answer->hash ? answer->hash() : EVP_sha1(), leaves[i]->certificate,
                                          issuer->certificate);

        assert_non_null(OCSP_basic_add1_status(basic, id, answer->status, OCSP_REVOKED_STATUS_NOSTATUS,
                                               revoked, from, answer->until_s ? until : NULL));
        OCSP_CERTID_free(id);
    }
    assert_true(OCSP_basic_sign(basic, issuer->certificate, issuer->key, signing_hash(issuer->key), NULL, 0));
    response = pack(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return response;
}

/* The kit's servers are self-signed: each speaks for itself. */
static struct response respond_for(enum kit_kind kind, const struct answer *answer)
{
    const struct kit_identity *leaf = kit_server_identity(kind);

    return respond(&leaf, 1, leaf, answer);
}

/* ---- a listener that staples ---- */

struct notices {
    unsigned count;
    struct err last;
};

static void noticed(void *owner, const struct err *what)
{
    struct notices *notices = owner;

    notices->count++;
    notices->last = *what;
}

static void open_stapling(struct kit *kit, struct notices *notices, int version)
{
    static const char *const names[] = {"ftp.example.com"};
    struct tls_policy policy = kit_policy();

    *notices = (struct notices){0};
    policy.notice = noticed;
    policy.notice_owner = notices;
    policy.server_names = names;
    policy.server_name_count = 1;
    kit_open(kit, &policy, 0, version);
}

static void add(struct kit *kit, enum kit_kind kind, const char *name, const struct response *response)
{
    const struct tls_key_use use = {.server_name = name, .ocsp = response->der, .ocsp_len = response->len};
    struct inventory_key key = kit_inventory(kind);
    struct err err = {""};

    if (!tls_ctx_add_key(kit->ctx, &key, &use, &kit->signer.base, &err))
        fail_msg("tls_ctx_add_key: %s", err.text);
}

static void connect_asking(struct kit_pair *pair, struct kit *kit, SSL_SESSION *session)
{
    kit_connect(pair, kit->ctx, TLS_MAIN, NULL, &kit->client, session);
    SSL_set_tlsext_status_type(pair->client, TLSEXT_STATUSTYPE_ocsp);
}

/* The client got exactly these bytes; NULL: none. */
static void got(const struct kit_pair *pair, const struct response *response)
{
    const uint8_t *der = NULL;
    long len = SSL_get_tlsext_status_ocsp_resp(pair->client, &der);

    assert_int_equal(len, response ? (long)response->len : -1);
    if (response)
        assert_memory_equal(der, response->der, response->len);
}

static void it_is_stapled_when_the_client_asks(void **state)
{
    (void)state;
    for (int kind = 0; kind < KIT_KINDS; kind++)
        for (size_t i = 0; i < ROWS(versions); i++) {
            struct response response = respond_for((enum kit_kind)kind, &good);
            struct notices notices;
            struct kit kit;
            struct kit_pair pair;

            open_stapling(&kit, &notices, versions[i]);
            add(&kit, (enum kit_kind)kind, "", &response);
            kit_establish(&pair, &kit, NULL);
            got(&pair, NULL);
            kit_pair_free(&pair);
            connect_asking(&pair, &kit, NULL);
            assert_true(kit_handshake(&pair, &kit.signer));
            got(&pair, &response);
            kit_pair_free(&pair);
            connect_asking(&pair, &kit, kit_client_newest(&kit.client)); /* no certificate, no response */
            assert_true(kit_handshake(&pair, &kit.signer));
            assert_true(kit_facts(&pair).resumed);
            kit_pair_free(&pair);
            assert_int_equal(notices.count, 0);
            kit_close(&kit);
            OPENSSL_free(response.der);
        }
}

static void each_certificate_has_its_own(void **state)
{
    struct response rsa = respond_for(KIT_RSA, &good), p256 = respond_for(KIT_P256, &good),
                    named = respond_for(KIT_P384, &good), none = {0};
    const struct {
        const char *name, *sigalgs;
        const struct response *response;
    } rows[] = {
        {NULL, "RSA-PSS+SHA256:RSA+SHA256", &rsa},
        {NULL, "ECDSA+SHA256", &p256},
        {NULL, "ed25519", NULL},
        {"ftp.example.com", "ECDSA+SHA384:ECDSA+SHA256", &named},
        {"www.example.com", "ECDSA+SHA384:ECDSA+SHA256", &p256},
    };
    struct notices notices;
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        open_stapling(&kit, &notices, versions[i]);
        add(&kit, KIT_RSA, "", &rsa);
        add(&kit, KIT_P256, "", &p256);
        add(&kit, KIT_ED25519, "", &none);
        add(&kit, KIT_P384, "ftp.example.com", &named);
        for (size_t j = 0; j < ROWS(rows); j++) {
            kit_client_sigalgs(&kit.client, rows[j].sigalgs);
            connect_asking(&pair, &kit, NULL);
            kit_client_asks(&pair, rows[j].name);
            assert_true(kit_handshake(&pair, &kit.signer));
            got(&pair, rows[j].response);
            kit_pair_free(&pair);
        }
        kit_close(&kit);
    }
    OPENSSL_free(rsa.der);
    OPENSSL_free(p256.der);
    OPENSSL_free(named.der);
}

/* ---- what is no use ---- */

/* Adds the P-256 key with the response; the error, "" for none. */
static const char *added(const void *der, size_t len)
{
    static struct err err;
    const struct tls_key_use use = {.server_name = "", .ocsp = der, .ocsp_len = len};
    struct inventory_key key = kit_inventory(KIT_P256);
    struct notices notices;
    struct kit kit;
    bool done;

    open_stapling(&kit, &notices, 0);
    err.text[0] = 0;
    done = tls_ctx_add_key(kit.ctx, &key, &use, &kit.signer.base, &err);
    assert_int_equal(done, !err.text[0]);
    assert_int_equal(tls_ctx_has_key(kit.ctx), done);
    kit_close(&kit);
    return err.text;
}

static void a_response_must_be_about_the_certificate(void **state)
{
    static const struct answer revoked = {V_OCSP_CERTSTATUS_REVOKED, -HOUR_S, HOUR_S, NULL},
                               unknown = {V_OCSP_CERTSTATUS_UNKNOWN, -HOUR_S, HOUR_S, NULL},
                               sha256 = {V_OCSP_CERTSTATUS_GOOD, -HOUR_S, HOUR_S, EVP_sha256};
    const struct kit_identity *leaf = kit_server_identity(KIT_P256), *other = kit_server_identity(KIT_P384);
    const struct kit_identity *both[] = {other, leaf};
    struct {
        struct response response;
        const char *error;
    } rows[] = {
        {respond_for(KIT_P256, &good), ""},
        {respond_for(KIT_P256, &sha256), ""},
        {respond(both, 2, leaf, &good), ""}, /* one of several */
        {respond_for(KIT_RSA, &good), "the OCSP response is not about this certificate"},
        {respond(&other, 1, leaf, &good), "the OCSP response is not about this certificate"},
        {respond(&leaf, 0, leaf, &good), "the OCSP response is not about this certificate"},
        {respond_for(KIT_P256, &revoked), "the OCSP response says that the certificate is revoked"},
        {respond_for(KIT_P256, &unknown), "the OCSP response says that the certificate is unknown"},
        {pack(OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL)),
         "the OCSP response is the responder's failure \"trylater\""},
        {pack(OCSP_response_create(OCSP_RESPONSE_STATUS_UNAUTHORIZED, NULL)),
         "the OCSP response is the responder's failure \"unauthorized\""},
        {pack(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, NULL)),
         "the OCSP response has no basic response in it"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_string_equal(added(rows[i].response.der, rows[i].response.len), rows[i].error);
        OPENSSL_free(rows[i].response.der);
    }
}

/* With the issuer in the chain its key is compared too: an authority of the same name is another one. */
static void the_issuer_is_compared_when_it_is_known(void **state)
{
    static const struct kit_wish root_wish = {.name = "Root", .authority = true};
    struct kit_identity root = kit_identity(kit_key(KIT_P384), &root_wish),
                        namesake = kit_identity(kit_key(KIT_RSA), &root_wish);
    const struct kit_wish leaf_wish = {.name = "ftp.example.com", .issuer = &root};
    struct kit_identity leaf = kit_identity(kit_key(KIT_P256), &leaf_wish);
    const struct kit_identity *leaves[] = {&leaf};
    struct response right = respond(leaves, 1, &root, &good), wrong = respond(leaves, 1, &namesake, &good);
    struct err err = {""};

    (void)state;
    for (int known = 0; known < 2; known++) {
        X509 *issuer = known ? root.certificate : NULL;
        struct tls_ocsp *ocsp = tls_ocsp_new(right.der, right.len, leaf.certificate, issuer, &err);

        assert_non_null(ocsp);
        tls_ocsp_free(ocsp);
        ocsp = tls_ocsp_new(wrong.der, wrong.len, leaf.certificate, issuer, &err);
        assert_int_equal(ocsp == NULL, known);
        tls_ocsp_free(ocsp);
    }
    OPENSSL_free(right.der);
    OPENSSL_free(wrong.der);
    kit_identity_free(&leaf);
    kit_identity_free(&namesake);
    kit_identity_free(&root);
}

static void what_is_not_a_response_is_refused(void **state)
{
    static const char no_response[] = "the OCSP response is not one: DER of an OCSPResponse is wanted";
    struct response response = respond_for(KIT_P256, &good);
    uint8_t *longer = calloc(1, LONGEST + 1);

    (void)state;
    assert_string_equal(added("rubbish", 7), no_response);
    assert_string_equal(added("-----BEGIN OCSP RESPONSE-----", 29), no_response);
    assert_string_equal(added(longer, LONGEST + 1), "the OCSP response is longer than 16380 bytes");
    memcpy(longer, response.der, response.len);
    assert_string_equal(added(longer, response.len), "");
    assert_string_equal(added(longer, response.len + 1), no_response);
    for (size_t len = 1; len < response.len; len++)
        assert_string_equal(added(response.der, len), no_response);
    free(longer);
    OPENSSL_free(response.der);
}

/* A byte of it is changed: it is refused, or taken as it is; the signature is the client's to check. */
static void a_changed_response_does_no_harm(void **state)
{
    struct response response = respond_for(KIT_P256, &good);
    X509 *leaf = kit_server_identity(KIT_P256)->certificate;
    unsigned refused = 0;

    (void)state;
    for (size_t i = 0; i < response.len; i++) {
        struct err err = {""};
        struct tls_ocsp *ocsp;

        response.der[i] ^= 0xff;
        ocsp = tls_ocsp_new(response.der, response.len, leaf, leaf, &err);
        response.der[i] ^= 0xff;
        assert_int_equal(ocsp == NULL, err.text[0] != 0);
        refused += ocsp == NULL;
        tls_ocsp_free(ocsp);
    }
    assert_true(refused > 50);
    OPENSSL_free(response.der);
}

/* ---- dates ---- */

static void a_response_is_current_between_its_dates(void **state)
{
    static const struct answer endless = {V_OCSP_CERTSTATUS_GOOD, -HOUR_S, 0, NULL};
    struct response response = respond_for(KIT_P256, &good), without_end = respond_for(KIT_P256, &endless);
    X509 *leaf = kit_server_identity(KIT_P256)->certificate;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    const struct {
        const struct response *response;
        long after_s;
        bool current;
    } rows[] = {
        {&response, 0, true},
        {&response, HOUR_S - 30, true},
        {&response, HOUR_S + 1, false},
        {&response, -HOUR_S - 200, true}, /* clocks differ a little */
        {&response, -HOUR_S - 330, false},
        {&without_end, 1000L * HOUR_S, true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct err err;
        struct tls_ocsp *ocsp = tls_ocsp_new(rows[i].response->der, rows[i].response->len, leaf, NULL, &err);

        assert_non_null(ocsp);
        assert_int_equal(tls_ocsp_is_current(ocsp, now_ms + (uint64_t)(rows[i].after_s * 1000)),
                         rows[i].current);
        tls_ocsp_free(ocsp);
    }
    OPENSSL_free(response.der);
    OPENSSL_free(without_end.der);
}

/* Handshakes go on without it, and the log hears of it once. */
static void a_stale_response_is_not_stapled_and_told_once(void **state)
{
    static const struct {
        struct answer answer;
        const char *words;
    } rows[] = {
        {{V_OCSP_CERTSTATUS_GOOD, -2 * HOUR_S, -HOUR_S, NULL},
         "the OCSP response of CN=ftp.example.com,O=p11gate tests is not stapled: it has expired at 20"},
        {{V_OCSP_CERTSTATUS_GOOD, HOUR_S, 2 * HOUR_S, NULL},
         "the OCSP response of CN=ftp.example.com,O=p11gate tests is not stapled: it begins at 20"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct response response = respond_for(KIT_P256, &rows[i].answer);
        struct notices notices;
        struct kit kit;
        struct kit_pair pair;

        open_stapling(&kit, &notices, 0);
        add(&kit, KIT_P256, "", &response);
        assert_int_equal(notices.count, 1);
        assert_memory_equal(notices.last.text, rows[i].words, strlen(rows[i].words));
        for (int turn = 0; turn < 2; turn++) {
            connect_asking(&pair, &kit, NULL);
            assert_true(kit_handshake(&pair, &kit.signer));
            got(&pair, NULL);
            kit_pair_free(&pair);
        }
        assert_int_equal(notices.count, 1);
        kit_close(&kit);
        OPENSSL_free(response.der);
    }
}

/* One that ends while the listener is at work. */
static void a_response_that_ends_is_told_at_the_next_handshake(void **state)
{
    static const struct answer short_lived = {V_OCSP_CERTSTATUS_GOOD, -HOUR_S, 2, NULL};
    struct response response = respond_for(KIT_P256, &short_lived);
    uint64_t until_s = (uint64_t)time(NULL) + 2;
    struct notices notices;
    struct kit kit;
    struct kit_pair pair;
    unsigned told_early = 0;

    (void)state;
    open_stapling(&kit, &notices, 0);
    add(&kit, KIT_P256, "", &response);
    do {
        connect_asking(&pair, &kit, NULL);
        assert_true(kit_handshake(&pair, &kit.signer));
        told_early += notices.count && (uint64_t)time(NULL) + 1 < until_s;
        kit_pair_free(&pair);
    } while (!notices.count && (uint64_t)time(NULL) < until_s + 5);
    assert_int_equal(notices.count, 1);
    assert_int_equal(told_early, 0);
    kit_close(&kit);
    OPENSSL_free(response.der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_stapled_when_the_client_asks),
        cmocka_unit_test(each_certificate_has_its_own),
        cmocka_unit_test(a_response_must_be_about_the_certificate),
        cmocka_unit_test(the_issuer_is_compared_when_it_is_known),
        cmocka_unit_test(what_is_not_a_response_is_refused),
        cmocka_unit_test(a_changed_response_does_no_harm),
        cmocka_unit_test(a_response_is_current_between_its_dates),
        cmocka_unit_test(a_stale_response_is_not_stapled_and_told_once),
        cmocka_unit_test(a_response_that_ends_is_told_at_the_next_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
