#include "tls_kit.h"

#include "remote_provider.h"

#include <openssl/err.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- what is asked for ---- */

struct request {
    enum kit_kind kind;
    int version;
    const char *sigalgs; /* the client's; NULL: its own list */
    const char *suite;   /* TLS 1.3; NULL: the built-in */
    uint32_t scheme;
    size_t bytes_len;
};

enum { TLS12_X25519_LEN = 32 + 32 + 4 + 32 };

static const struct request requests[] = {
    {KIT_RSA, TLS1_3_VERSION, NULL, NULL, 0x0804, 130},
    {KIT_RSA, TLS1_3_VERSION, NULL, "TLS_AES_256_GCM_SHA384", 0x0804, 146},
    {KIT_RSA, TLS1_3_VERSION, "RSA-PSS+SHA384", NULL, 0x0805, 130},
    {KIT_RSA, TLS1_3_VERSION, "RSA-PSS+SHA512", NULL, 0x0806, 130},
    {KIT_P256, TLS1_3_VERSION, NULL, NULL, 0x0403, 130},
    {KIT_P384, TLS1_3_VERSION, NULL, "TLS_AES_256_GCM_SHA384", 0x0503, 146},
    {KIT_ED25519, TLS1_3_VERSION, NULL, NULL, 0x0807, 130},
    {KIT_ED25519, TLS1_3_VERSION, NULL, "TLS_AES_256_GCM_SHA384", 0x0807, 146},
    {KIT_ED25519, TLS1_2_VERSION, NULL, NULL, 0x0807, TLS12_X25519_LEN},
    {KIT_RSA, TLS1_2_VERSION, NULL, NULL, 0x0804, TLS12_X25519_LEN},
    {KIT_RSA, TLS1_2_VERSION, "RSA+SHA256", NULL, 0x0401, TLS12_X25519_LEN},
    {KIT_RSA, TLS1_2_VERSION, "RSA+SHA384", NULL, 0x0501, TLS12_X25519_LEN},
    {KIT_RSA, TLS1_2_VERSION, "RSA+SHA512", NULL, 0x0601, TLS12_X25519_LEN},
    {KIT_P256, TLS1_2_VERSION, NULL, NULL, 0x0403, TLS12_X25519_LEN},
    {KIT_P256, TLS1_2_VERSION, "ECDSA+SHA512", NULL, 0x0603, TLS12_X25519_LEN},
    {KIT_P384, TLS1_2_VERSION, "ECDSA+SHA384", NULL, 0x0503, TLS12_X25519_LEN},
};

/* RFC 8446 4.4.3 */
static void check_tls13_form(const struct kit_signer *signer)
{
    static const char context[] = "TLS 1.3, server CertificateVerify";

    for (size_t i = 0; i < 64; i++)
        assert_int_equal(signer->bytes[i], ' ');
    assert_memory_equal(signer->bytes + 64, context, sizeof context); /* with its 0 */
}

/* RFC 8422 5.4: randoms, named_curve, x25519, a point of 32 bytes. */
static void check_tls12_form(const struct kit_signer *signer, const SSL *client)
{
    uint8_t random[32];

    assert_int_equal(SSL_get_client_random(client, random, sizeof random), sizeof random);
    assert_memory_equal(signer->bytes, random, sizeof random);
    assert_int_equal(SSL_get_server_random(client, random, sizeof random), sizeof random);
    assert_memory_equal(signer->bytes + 32, random, sizeof random);
    assert_memory_equal(signer->bytes + 64, "\x03\x00\x1d\x20", 4);
}

static void request_row(const struct request *row)
{
    struct tls_policy policy = kit_policy();
    struct inventory_key key = kit_inventory(row->kind);
    struct kit kit;
    struct kit_pair pair;

    if (row->suite)
        policy.ciphersuites = row->suite;
    kit_open(&kit, &policy, 1U << row->kind, row->version);
    if (row->sigalgs)
        kit_client_sigalgs(&kit.client, row->sigalgs);
    kit_establish(&pair, &kit, NULL);
    assert_int_equal(kit.signer.submits, 1);
    assert_int_equal(kit.signer.scheme, row->scheme);
    assert_int_equal(kit.signer.bytes_len, row->bytes_len);
    assert_memory_equal(kit.signer.key, key.name, sizeof key.name);
    if (row->version == TLS1_3_VERSION) {
        assert_int_equal(kit.signer.form, SIGN_FORM_TLS13_SERVER);
        check_tls13_form(&kit.signer);
    } else {
        assert_int_equal(kit.signer.form, SIGN_FORM_TLS12_SERVER);
        check_tls12_form(&kit.signer, pair.client);
    }
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void the_bytes_to_be_signed_have_the_forms_of_tls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(requests); i++)
        request_row(&requests[i]);
}

/* What the token cannot do is not offered (T6). */
static void a_token_without_pss_or_pkcs1_is_not_asked_for_it(void **state)
{
    static const struct {
        uint32_t schemes;
        int client_version, version;
        uint32_t scheme;
    } rows[] = {
        {INVENTORY_RSA_PKCS1, 0, TLS1_2_VERSION, 0x0401},
        {INVENTORY_RSA_PKCS1, TLS1_3_VERSION, 0, 0},
        {INVENTORY_RSA_PSS, 0, TLS1_3_VERSION, 0x0804},
        {INVENTORY_RSA_PSS, TLS1_2_VERSION, TLS1_2_VERSION, 0x0804},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct tls_policy policy = kit_policy();
        struct inventory_key key = kit_inventory(KIT_RSA);
        struct kit kit;
        struct kit_pair pair;
        struct err err;

        key.schemes = rows[i].schemes;
        kit_open(&kit, &policy, 0, rows[i].client_version);
        assert_true(tls_ctx_add_key(kit.ctx, &key, NULL, &kit.signer.base, &err));
        kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
        assert_int_equal(kit_handshake(&pair, &kit.signer), rows[i].version != 0);
        assert_int_equal(kit.signer.scheme, rows[i].scheme);
        if (rows[i].version)
            assert_int_equal(SSL_version(pair.client), rows[i].version);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void the_client_chooses_between_an_rsa_and_an_ec_key(void **state)
{
    static const struct {
        const char *sigalgs;
        uint32_t scheme;
    } rows[] = {{NULL, 0x0403}, {"RSA-PSS+SHA256:RSA+SHA256", 0x0804}, {"ECDSA+SHA256", 0x0403}};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_policy policy = kit_policy();
            struct kit kit;
            struct kit_pair pair;

            kit_open(&kit, &policy, 1U << KIT_RSA | 1U << KIT_P256, versions[j]);
            if (rows[i].sigalgs)
                kit_client_sigalgs(&kit.client, rows[i].sigalgs);
            kit_establish(&pair, &kit, NULL);
            assert_int_equal(kit.signer.scheme, rows[i].scheme);
            assert_int_equal(kit.signer.admits, 1);
            kit_pair_free(&pair);
            kit_close(&kit);
        }
}

/* ---- while it is paused ---- */

static void stray_calls_while_paused_ask_for_nothing_more(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
        assert_int_equal(kit_server_step(&pair), TLS_WAITING);
        tls_wake(pair.server); /* though nothing was answered */
        assert_int_equal(pair.wakes, 1);
        tls_wake(pair.server);
        assert_int_equal(pair.wakes, 1);
        assert_int_equal(kit_server_step(&pair), TLS_WAITING);
        assert_int_equal(kit.signer.submits, 1);
        kit_signer_answer(&kit.signer);
        assert_int_equal(pair.wakes, 2);
        assert_true(kit_handshake(&pair, NULL));
        tls_wake(pair.server); /* nobody waits: nobody is woken */
        assert_int_equal(pair.wakes, 2);
        assert_int_equal(kit_server_step(&pair), TLS_OK);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* ChangeCipherSpec may come at any time before Finished and means nothing in TLS 1.3 (RFC 8446 5). */
static void input_that_comes_while_paused_is_kept_in_order(void **state)
{
    static const uint8_t compatible[] = {20, 3, 3, 0, 1, 1};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    BIO_write(pair.from_client, compatible, sizeof compatible);
    assert_int_equal(kit_server_step(&pair), TLS_WAITING);
    assert_int_equal(BIO_ctrl_pending(pair.from_client), 0);
    kit_signer_answer(&kit.signer);
    assert_true(kit_handshake(&pair, NULL));
    kit_pair_free(&pair);

    /* What is kept is not skipped either: a broken record behind the hello ends the handshake. */
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    BIO_write(pair.from_client, "nonsense", 8);
    assert_int_equal(kit_server_step(&pair), TLS_WAITING);
    kit_signer_answer(&kit.signer);
    assert_int_equal(kit_server_step(&pair), TLS_FAILED);
    assert_string_equal(tls_error(pair.server)->text, "client does not speak TLS");
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_client_that_sends_too_much_too_early_is_cut(void **state)
{
    static const uint8_t flood[TLS_KEPT_MAX];
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    BIO_write(pair.from_client, flood, sizeof flood);
    assert_int_equal(kit_server_step(&pair), TLS_WAITING);
    BIO_write(pair.from_client, flood, 1);
    assert_int_equal(kit_server_step(&pair), TLS_FAILED);
    assert_string_equal(tls_error(pair.server)->text, "client sent more than 32768 bytes before it may");
    assert_int_equal(kit.signer.cancels, 1);
    assert_int_equal(kit_server_step(&pair), TLS_FAILED);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void many_paused_handshakes_are_answered_in_any_order(void **state)
{
    enum { COUNT = KIT_PENDING_MAX };
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pairs[COUNT];

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(kit_begin(&pairs[i], &kit, NULL), TLS_WAITING);
    assert_int_equal(kit.signer.pending_count, COUNT);
    kit_pair_free(&pairs[1]); /* one client leaves */
    kit_signer_answer(&kit.signer);
    for (size_t i = COUNT; i-- > 0;) {
        if (i == 1)
            continue;
        assert_int_equal(pairs[i].wakes, 1);
        assert_true(kit_handshake(&pairs[i], NULL));
        kit_pair_free(&pairs[i]);
    }
    assert_int_equal(kit.signer.submits, COUNT);
    assert_int_equal(kit.signer.cancels, 1);
    kit_close(&kit);
}

/* ---- when there is no signature ---- */

static void a_failed_signature_ends_the_handshake_with_its_reason(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_RSA, versions[i]);
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
        kit_signer_fail(&kit.signer, "keystore edge: CKR_DEVICE_ERROR");
        assert_int_equal(kit_server_step(&pair), TLS_FAILED);
        assert_string_equal(tls_error(pair.server)->text, "keystore edge: CKR_DEVICE_ERROR");
        kit_client_step(&pair);
        assert_string_equal(kit_client_reason(), "tlsv1 alert internal error");
        assert_int_equal(kit.signer.leaves + kit.signer.cancels, 0);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void an_answer_of_a_wrong_length_is_no_signature(void **state)
{
    static const size_t lengths[] = {0, 257, SIGN_SIGNATURE_MAX, SIGN_SIGNATURE_MAX + 1};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(lengths); i++) {
        kit_open(&kit, &policy, 1U << KIT_RSA, 0);
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
        kit.signer.pending[0]->signature_len = lengths[i];
        remote_signature_done(kit.signer.pending[0]);
        assert_int_equal(kit_server_step(&pair), TLS_FAILED);
        assert_string_equal(tls_error(pair.server)->text,
                            "the signer's answer is not a signature of this key");
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void nothing_is_signed_outside_of_a_handshake(void **state)
{
    struct kit_signer signer;
    struct inventory_key inventory = kit_inventory(KIT_P256);
    uint8_t signature[128];
    size_t len = sizeof signature;
    struct err err = {""};
    struct remote_pause pause = {.err = &err};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY *key;

    (void)state;
    kit_signer_init(&signer);
    assert_true(remote_key_setup(&err));
    assert_true(remote_key_setup(&err)); /* a second time does nothing */
    key = remote_key_new(kit_key(KIT_P256), inventory.name, &signer.base, &err);
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_eq(key, kit_key(KIT_P256)), 1);
    assert_int_equal(EVP_PKEY_eq(key, kit_key(KIT_P384)), 0);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA1", remote_key_library(), NULL, key, NULL), 0);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", remote_key_library(), NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, (const uint8_t *)"x", 1), 0);
    remote_pause_set(&pause); /* a conversation, but no fibre that could be paused */
    assert_int_equal(EVP_DigestSign(ctx, signature, &len, (const uint8_t *)"x", 1), 0);
    remote_pause_set(NULL);
    assert_int_equal(signer.submits, 0);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

/* Ed25519 hashes by itself: who names a hash wants another signature. */
static void an_ed25519_key_takes_no_hash(void **state)
{
    struct inventory_key inventory = kit_inventory(KIT_ED25519);
    static const struct {
        const char *hash;
        int taken;
    } rows[] = {{NULL, 1}, {"SHA256", 0}, {"SHA512", 0}};
    struct kit_signer signer;
    struct err err = {""};
    EVP_PKEY *key;

    (void)state;
    kit_signer_init(&signer);
    assert_true(remote_key_setup(&err));
    key = remote_key_new(kit_key(KIT_ED25519), inventory.name, &signer.base, &err);
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_eq(key, kit_key(KIT_ED25519)), 1);
    assert_int_equal(EVP_PKEY_eq(key, kit_key(KIT_P256)), -1);
    for (size_t i = 0; i < ROWS(rows); i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        assert_int_equal(
            EVP_DigestSignInit_ex(ctx, NULL, rows[i].hash, remote_key_library(), NULL, key, NULL) == 1,
            rows[i].taken);
        EVP_MD_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_to_be_signed_have_the_forms_of_tls),
        cmocka_unit_test(a_token_without_pss_or_pkcs1_is_not_asked_for_it),
        cmocka_unit_test(the_client_chooses_between_an_rsa_and_an_ec_key),
        cmocka_unit_test(stray_calls_while_paused_ask_for_nothing_more),
        cmocka_unit_test(input_that_comes_while_paused_is_kept_in_order),
        cmocka_unit_test(a_client_that_sends_too_much_too_early_is_cut),
        cmocka_unit_test(many_paused_handshakes_are_answered_in_any_order),
        cmocka_unit_test(a_failed_signature_ends_the_handshake_with_its_reason),
        cmocka_unit_test(an_answer_of_a_wrong_length_is_no_signature),
        cmocka_unit_test(nothing_is_signed_outside_of_a_handshake),
        cmocka_unit_test(an_ed25519_key_takes_no_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
