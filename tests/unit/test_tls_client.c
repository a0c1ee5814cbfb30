/* Towards partners: what our key signs, and what happens when it cannot. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "handshake_form.h"
#include "tls_way.h"

#include <stdio.h>

/* ---- our key ---- */

static const struct {
    const char *versions;
    enum kit_kind kind;
    enum sign_form form;
} key_rows[] = {
    {"1.3", KIT_RSA, SIGN_FORM_TLS13_CLIENT},     {"1.3", KIT_P256, SIGN_FORM_TLS13_CLIENT},
    {"1.3", KIT_P384, SIGN_FORM_TLS13_CLIENT},    {"1.3", KIT_ED25519, SIGN_FORM_TLS13_CLIENT},
    {"1.2", KIT_RSA, SIGN_FORM_TLS12_CLIENT},     {"1.2", KIT_P256, SIGN_FORM_TLS12_CLIENT},
    {"1.2", KIT_P384, SIGN_FORM_TLS12_CLIENT},    {"1.2", KIT_ED25519, SIGN_FORM_TLS12_CLIENT},
    {"1.2-1.3", KIT_RSA, SIGN_FORM_TLS13_CLIENT}, {"1.2-1.3", KIT_P256, SIGN_FORM_TLS13_CLIENT},
};

/* Each key of ours signs in each version, and what it signs is what a signer lets through. */
static void our_key_signs_when_the_partner_asks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(key_rows); i++) {
        struct way way;

        way_open(&way, key_rows[i].versions);
        way_serve(&way, &way_good, KIT_RSA);
        way_add_key(&way, key_rows[i].kind, 0);
        way_ask(&way, true);
        way_begin(&way, PARTNER);
        way_run(&way, true);
        way_expect_established(&way, key_rows[i].versions);
        assert_int_equal(way.signer.submits, 1);
        assert_int_equal(way.signer.leaves, 0);
        assert_int_equal(way.signer.form, key_rows[i].form);
        assert_int_equal(handshake_form_check(way.signer.form, way.signer.bytes, way.signer.bytes_len),
                         FORM_OK);
        assert_int_equal(X509_cmp(SSL_get0_peer_certificate(way.server),
                                  kit_server_identity(key_rows[i].kind)->certificate),
                         0);
        assert_string_equal(SSL_get_servername(way.server, TLSEXT_NAMETYPE_host_name), PARTNER);
        way_expect_data(&way);
        way_close(&way);
    }
}

static void nothing_is_signed_when_nobody_asks(void **state)
{
    static const char *const versions[] = {"1.2", "1.3"};

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        struct way way;

        way_open(&way, versions[i]);
        way_serve(&way, &way_good, KIT_P256);
        way_add_key(&way, KIT_RSA, 0);
        way_begin(&way, PARTNER);
        way_run(&way, true);
        way_expect_established(&way, versions[i]);
        assert_int_equal(way.signer.admits, 0);
        way_expect_data(&way);
        way_close(&way);
    }
}

/* A partner who asks and gets none decides himself. */
static void without_a_key_the_partner_decides(void **state)
{
    (void)state;
    for (int require = 0; require < 2; require++) {
        struct way way;

        way_open(&way, "1.2");
        way_serve(&way, &way_good, KIT_P256);
        way_ask(&way, require);
        way_begin(&way, PARTNER);
        way_run(&way, true);
        if (require) {
            assert_int_equal(way.status, TLS_FAILED);
            assert_non_null(strstr(tls_error(way.client)->text, "partner sent"));
            assert_false(tls_certificate_refused(way.client));
        } else {
            way_expect_established(&way, "request");
        }
        way_close(&way);
    }
}

/* Of two keys the one that the partner can verify; of none, none. */
static void the_key_is_one_that_the_partner_can_verify(void **state)
{
    static const struct {
        const char *versions, *schemes;
        int kind; /* -1: none fits */
    } rows[] = {
        {"1.2", "ECDSA+SHA256", KIT_P256},  {"1.3", "ECDSA+SHA256", KIT_P256},
        {"1.2", "RSA+SHA256", KIT_RSA},     {"1.2", "RSA-PSS+SHA384", KIT_RSA},
        {"1.3", "RSA-PSS+SHA256", KIT_RSA}, {"1.2", "ed25519", -1},
        {"1.3", "ECDSA+SHA384:ed448", -1},  {"1.2", "ECDSA+SHA256:RSA+SHA256", KIT_RSA},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct way way;

        way_open(&way, rows[i].versions);
        way_serve(&way, &way_good, KIT_RSA);
        way_add_key(&way, KIT_RSA, 0);
        way_add_key(&way, KIT_P256, 0);
        way_ask(&way, false);
        assert_true(SSL_CTX_ctrl(way.server_ctx, SSL_CTRL_SET_CLIENT_SIGALGS_LIST, 0,
                                 (void *)(uintptr_t)rows[i].schemes));
        way_begin(&way, PARTNER);
        way_run(&way, true);
        way_expect_established(&way, rows[i].schemes);
        if (rows[i].kind < 0)
            assert_null(SSL_get0_peer_certificate(way.server));
        else
            assert_int_equal(X509_cmp(SSL_get0_peer_certificate(way.server),
                                      kit_server_identity((enum kit_kind)rows[i].kind)->certificate),
                             0);
        way_close(&way);
    }
}

/* T6: a token without PSS serves in TLS 1.2, one without PKCS#1 in both. */
static void what_the_token_cannot_do_is_not_tried(void **state)
{
    static const struct {
        uint32_t without;
        int version;
    } rows[] = {{INVENTORY_RSA_PSS, TLS1_2_VERSION}, {INVENTORY_RSA_PKCS1, TLS1_3_VERSION}};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct way way;

        way_open(&way, "1.2-1.3");
        way_serve(&way, &way_good, KIT_P256);
        way_add_key(&way, KIT_RSA, rows[i].without);
        way_ask(&way, true);
        way_begin(&way, PARTNER);
        way_run(&way, true);
        way_expect_established(&way, "RSA");
        assert_int_equal(SSL_version(way.server), rows[i].version);
        way_close(&way);
    }
}

/* So many names of authorities in the partner's CertificateRequest. */
static void way_announce(struct way *way, int count)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    for (int i = 0; i < count; i++) {
        X509_NAME *name = X509_NAME_new();
        char text[64];

        (void)snprintf(text, sizeof text, "Certification authority %04d of some size", i);
        assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)text, -1, -1, 0));
        assert_true(sk_X509_NAME_push(names, name));
    }
    SSL_CTX_set_client_CA_list(way->server_ctx, names);
}

/* TRAPS 32: 600 names make a transcript of 30 KB, which is signed as a whole; what no signer takes says so.
 */
static void six_hundred_authorities_are_no_trouble(void **state)
{
    (void)state;
    for (int count = 600; count <= 1000; count += 400) {
        struct way way;

        way_open(&way, "1.2");
        way_serve(&way, &way_good, KIT_P256);
        way_add_key(&way, KIT_RSA, 0);
        way_ask(&way, true);
        way_announce(&way, count);
        way_begin(&way, PARTNER);
        way_run(&way, true);
        if (count == 600) {
            way_expect_established(&way, "600 names");
            assert_true(way.signer.bytes_len > 30 * 1024);
            assert_int_equal(
                handshake_form_check(SIGN_FORM_TLS12_CLIENT, way.signer.bytes, way.signer.bytes_len),
                FORM_OK);
        } else {
            assert_int_equal(way.status, TLS_FAILED);
            assert_non_null(strstr(tls_error(way.client)->text, "bytes to be signed, more than 49152"));
            assert_int_equal(way.signer.admits, 0);
        }
        way_close(&way);
    }
}

static void a_key_for_servers_is_not_taken(void **state)
{
    struct inventory_key key = kit_inventory(KIT_P256);
    struct err err = {""};
    struct way way;

    (void)state;
    way_open(&way, "1.2-1.3");
    assert_false(tls_client_ctx_add_key(way.ctx, &key, &way.signer.base, &err));
    assert_string_equal(err.text, "the key is for servers");
    assert_false(tls_client_ctx_has_key(way.ctx));
    way_add_key(&way, KIT_P256, 0);
    key.client = true;
    assert_false(tls_client_ctx_add_key(way.ctx, &key, &way.signer.base, &err));
    tls_client_ctx_clear_keys(way.ctx);
    assert_false(tls_client_ctx_has_key(way.ctx));
    way_close(&way);
}

/* ---- the token ---- */

static void way_to_the_signature(struct way *way, const char *versions)
{
    way_open(way, versions);
    way_serve(way, &way_good, KIT_RSA);
    way_add_key(way, KIT_P256, 0);
    way_ask(way, true);
    way_begin(way, PARTNER);
}

static const char *const both[] = {"1.2", "1.3"};

static void without_the_token_it_fails_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(both); i++) {
        struct way way;

        way_to_the_signature(&way, both[i]);
        way.signer.admission = REMOTE_REFUSE;
        way_run(&way, true);
        assert_int_equal(way.status, TLS_FAILED);
        assert_string_equal(tls_error(way.client)->text, "the token is away");
        assert_int_equal(way.signer.submits, 0);
        assert_int_equal(way.signer.leaves, 0); /* it was never promised a place */
        way_close(&way);
    }
}

static void it_waits_for_its_turn(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(both); i++) {
        struct way way;

        way_to_the_signature(&way, both[i]);
        way.signer.admission = REMOTE_WAIT;
        way_run(&way, true);
        assert_int_equal(way.status, TLS_WAITING);
        assert_int_equal(way.signer.admits, 1);
        assert_int_equal(way.signer.submits, 0);
        way.signer.admission = REMOTE_GO;
        tls_wake(way.client);
        way_run(&way, true);
        way_expect_established(&way, both[i]);
        assert_int_equal(way.signer.submits, 1);
        assert_int_equal(way.signer.leaves, 0);
        way_close(&way);
    }
}

/* The token goes away while it waits: the promised place is given back. */
static void a_promise_that_is_broken_is_left(void **state)
{
    struct way way;

    (void)state;
    way_to_the_signature(&way, "1.3");
    way.signer.admission = REMOTE_WAIT;
    way_run(&way, true);
    way.signer.admission = REMOTE_REFUSE;
    tls_wake(way.client);
    way_run(&way, true);
    assert_int_equal(way.status, TLS_FAILED);
    assert_int_equal(way.signer.leaves, 1);
    way_close(&way);
}

static void ended_in_the_middle_it_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(both); i++) {
        struct way way;

        way_to_the_signature(&way, both[i]);
        way.signer.admission = REMOTE_WAIT;
        way_run(&way, true);
        way_end(&way);
        assert_int_equal(way.signer.leaves, 1);
        way.signer.admission = REMOTE_GO;
        way_begin(&way, PARTNER);
        way_run(&way, false); /* the signature never comes */
        assert_int_equal(way.status, TLS_WAITING);
        assert_int_equal(way.signer.pending_count, 1);
        way_end(&way);
        assert_int_equal(way.signer.cancels, 1);
        assert_int_equal(way.signer.leaves, 1);
        way_close(&way);
    }
}

static void a_signature_that_fails_ends_it(void **state)
{
    struct way way;

    (void)state;
    way_to_the_signature(&way, "1.2");
    way_run(&way, false);
    assert_int_equal(way.status, TLS_WAITING);
    kit_signer_fail(&way.signer, "keystore edge: no signature within sign-timeout");
    way_run(&way, false);
    assert_int_equal(way.status, TLS_FAILED);
    assert_string_equal(tls_error(way.client)->text, "keystore edge: no signature within sign-timeout");
    way_close(&way);
}

/* It has asked for the certificate and says no more: no place at the signers is taken for it. */
static void a_partner_that_stops_holds_no_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(both); i++) {
        struct way way;

        way_to_the_signature(&way, both[i]);
        way.cut = 4;
        way_run(&way, true);
        assert_int_equal(way.status, TLS_WANT_INPUT);
        assert_int_equal(way.signer.admits, 0);
        way.cut = 0;
        way_run(&way, true);
        way_expect_established(&way, both[i]);
        way_close(&way);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_key_signs_when_the_partner_asks),
        cmocka_unit_test(nothing_is_signed_when_nobody_asks),
        cmocka_unit_test(without_a_key_the_partner_decides),
        cmocka_unit_test(the_key_is_one_that_the_partner_can_verify),
        cmocka_unit_test(what_the_token_cannot_do_is_not_tried),
        cmocka_unit_test(six_hundred_authorities_are_no_trouble),
        cmocka_unit_test(a_key_for_servers_is_not_taken),
        cmocka_unit_test(without_the_token_it_fails_at_once),
        cmocka_unit_test(it_waits_for_its_turn),
        cmocka_unit_test(a_promise_that_is_broken_is_left),
        cmocka_unit_test(ended_in_the_middle_it_leaves_nothing),
        cmocka_unit_test(a_signature_that_fails_ends_it),
        cmocka_unit_test(a_partner_that_stops_holds_no_place),
    };

    return cmocka_run_group_tests(tests, way_setup, way_teardown);
}
