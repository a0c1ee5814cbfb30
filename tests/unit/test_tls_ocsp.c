/* Which OCSP responses are taken for a certificate. */
#include "tls_kit_ocsp.h"
#include "tls_ocsp.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 16380 };

/* Adds the P-256 key with the response; the error, "" for none. */
static const char *added(const void *der, size_t len)
{
    static struct err err;
    const struct tls_key_use use = {.server_name = "", .ocsp = der, .ocsp_len = len};
    struct inventory_key key = kit_inventory(KIT_P256);
    struct tls_policy policy = kit_policy();
    struct kit kit;
    bool done;

    kit_open(&kit, &policy, 0, 0);
    err.text[0] = 0;
    done = tls_ctx_add_key(kit.ctx, &key, &use, &kit.signer.base, &err);
    assert_int_equal(done, !err.text[0]);
    assert_int_equal(tls_ctx_has_key(kit.ctx), done);
    kit_close(&kit);
    return err.text;
}

static void a_response_must_be_about_the_certificate(void **state)
{
    static const struct answer revoked = {V_OCSP_CERTSTATUS_REVOKED, -KIT_HOUR_S, KIT_HOUR_S, NULL},
                               unknown = {V_OCSP_CERTSTATUS_UNKNOWN, -KIT_HOUR_S, KIT_HOUR_S, NULL},
                               sha256 = {V_OCSP_CERTSTATUS_GOOD, -KIT_HOUR_S, KIT_HOUR_S, EVP_sha256};
    const struct kit_identity *leaf = kit_server_identity(KIT_P256), *other = kit_server_identity(KIT_P384);
    const struct kit_identity *both[] = {other, leaf};
    struct {
        struct response response;
        const char *error;
    } rows[] = {
        {kit_respond_for(KIT_P256, &kit_good_answer), ""},
        {kit_respond_for(KIT_P256, &sha256), ""},
        {kit_respond(both, 2, leaf, &kit_good_answer), ""}, /* one of several */
        {kit_respond_for(KIT_RSA, &kit_good_answer), "the OCSP response is not about this certificate"},
        {kit_respond(&other, 1, leaf, &kit_good_answer), "the OCSP response is not about this certificate"},
        {kit_respond(&leaf, 0, leaf, &kit_good_answer), "the OCSP response is not about this certificate"},
        {kit_respond_for(KIT_P256, &revoked), "the OCSP response says that the certificate is revoked"},
        {kit_respond_for(KIT_P256, &unknown), "the OCSP response says that the certificate is unknown"},
        {kit_response_pack(OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL)),
         "the OCSP response is the responder's failure \"trylater\""},
        {kit_response_pack(OCSP_response_create(OCSP_RESPONSE_STATUS_UNAUTHORIZED, NULL)),
         "the OCSP response is the responder's failure \"unauthorized\""},
        {kit_response_pack(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, NULL)),
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
    struct response right = kit_respond(leaves, 1, &root, &kit_good_answer),
                    wrong = kit_respond(leaves, 1, &namesake, &kit_good_answer);
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

/* Name and serial number count always, each by itself. */
static void every_part_of_the_id_counts(void **state)
{
    struct response response = kit_respond_for(KIT_P256, &kit_good_answer);
    X509 *leaf = kit_server_identity(KIT_P256)->certificate;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
    uint8_t name[EVP_MAX_MD_SIZE];
    unsigned name_len = 0;
    const struct {
        const void *bytes;
        size_t len;
    } parts[] = {{name, 20}, {ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)}};

    (void)state;
    assert_true(X509_NAME_digest(X509_get_issuer_name(leaf), EVP_sha1(), name, &name_len));
    assert_int_equal(name_len, 20);
    for (size_t i = 0; i < ROWS(parts); i++) {
        uint8_t *part = memmem(response.der, response.len, parts[i].bytes, parts[i].len);
        struct err err = {""};

        assert_non_null(part);
        *part ^= 1;
        assert_null(tls_ocsp_new(response.der, response.len, leaf, NULL, &err));
        assert_string_equal(err.text, "the OCSP response is not about this certificate");
        *part ^= 1;
    }
    OPENSSL_free(response.der);
}

static void what_is_not_a_response_is_refused(void **state)
{
    static const char no_response[] = "the OCSP response is not one: DER of an OCSPResponse is wanted";
    struct response response = kit_respond_for(KIT_P256, &kit_good_answer);
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
    struct response response = kit_respond_for(KIT_P256, &kit_good_answer);
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
    static const struct answer endless = {V_OCSP_CERTSTATUS_GOOD, -KIT_HOUR_S, 0, NULL};
    struct response response = kit_respond_for(KIT_P256, &kit_good_answer),
                    without_end = kit_respond_for(KIT_P256, &endless);
    X509 *leaf = kit_server_identity(KIT_P256)->certificate;
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    const struct {
        const struct response *response;
        long after_s;
        bool current;
    } rows[] = {
        {&response, 0, true},
        {&response, KIT_HOUR_S - 30, true},
        {&response, KIT_HOUR_S + 1, false},
        {&response, -KIT_HOUR_S - 200, true}, /* clocks differ a little */
        {&response, -KIT_HOUR_S - 330, false},
        {&without_end, 1000L * KIT_HOUR_S, true},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_must_be_about_the_certificate),
        cmocka_unit_test(the_issuer_is_compared_when_it_is_known),
        cmocka_unit_test(every_part_of_the_id_counts),
        cmocka_unit_test(what_is_not_a_response_is_refused),
        cmocka_unit_test(a_changed_response_does_no_harm),
        cmocka_unit_test(a_response_is_current_between_its_dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
