#include "tls_kit.h"

#include <string.h>

/* ---- the policy ---- */

struct wrong_policy {
    const char *versions, *ciphers, *ciphersuites, *groups;
    const char *error; /* "": it is right */
};

static const struct wrong_policy wrong_policies[] = {
    {"1.2-1.3", "", "", "", ""},
    {"1.2", "HIGH", "", "", ""}, /* what is left of it has ECDHE */
    {"1.2-1.3", "ECDHE+AESGCM", "TLS_CHACHA20_POLY1305_SHA256", "P-256", ""},
    {"1.1", "", "", "", "TLS versions \"1.1\": one of 1.2-1.3, 1.2, 1.3"},
    {"", "", "", "", "TLS versions \"\": one of 1.2-1.3, 1.2, 1.3"},
    {"1.2-1.3", "AES128-GCM-SHA256", "", "",
     "ciphers \"AES128-GCM-SHA256\": no cipher suite with ECDHE is left of it"},
    {"1.2-1.3", "DHE-RSA-AES128-GCM-SHA256", "", "",
     "ciphers \"DHE-RSA-AES128-GCM-SHA256\": no cipher suite with ECDHE is left of it"},
    {"1.2-1.3", "no-such", "", "", "ciphers \"no-such\": no cipher suite with ECDHE is left of it"},
    {"1.2-1.3", "", "no-such", "", "ciphersuites \"no-such\": not TLS 1.3 cipher suites"},
    {"1.2-1.3", "", "", "no-such", "groups \"no-such\": not a list of key exchange groups"},
};

static void a_wrong_policy_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(wrong_policies); i++) {
        const struct wrong_policy *row = &wrong_policies[i];
        struct tls_policy policy = kit_policy();
        struct err err = {""};
        struct tls_ctx *ctx;

        policy.versions = row->versions;
        policy.ciphers = row->ciphers;
        policy.ciphersuites = row->ciphersuites;
        policy.groups = row->groups;
        ctx = tls_ctx_new(&policy, &err);
        assert_string_equal(err.text, row->error);
        assert_int_equal(ctx == NULL, row->error[0] != 0);
        tls_ctx_unref(ctx);
    }
}

/* No key exchange with the certificate's own key, whatever the list says (T2). */
static void a_list_with_rsa_key_exchange_does_not_offer_it(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    policy.ciphers = "ALL:COMPLEMENTOFALL";
    kit_open(&kit, &policy, 1U << KIT_RSA, TLS1_2_VERSION);
    assert_true(SSL_CTX_set_cipher_list(kit.client.ctx, "kRSA:DHE"));
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    assert_false(kit_handshake(&pair, &kit.signer));
    assert_string_equal(tls_error(pair.server)->text, "client offered no common cipher suite");
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_truststore_must_be_readable_to_its_end(void **state)
{
    const struct kit_identity *authorities[] = {kit_server_identity(KIT_P256), kit_server_identity(KIT_P384)};
    char *pem = kit_pem(authorities, 2);
    struct {
        const char *pem;
        size_t len;
        const char *error;
    } rows[] = {
        {pem, strlen(pem), ""},
        {NULL, 0, ""}, /* partners alone */
        {"", 0, "the truststore has no certificate"},
        {"rubbish", 7, "the truststore has no certificate"},
        {pem, strlen(pem) - 40, "certificate number 2 of the truststore cannot be read"},
        {pem, 100, "certificate number 1 of the truststore cannot be read"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 58,
         "certificate number 1 of the truststore cannot be read"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct tls_trust_setup setup = {.ca_pem = rows[i].pem, .ca_pem_len = rows[i].len};
        struct err err = {""};
        struct tls_trust *trust = tls_trust_new(&setup, &err);

        assert_string_equal(err.text, rows[i].error);
        assert_int_equal(trust == NULL, rows[i].error[0] != 0);
        tls_trust_unref(trust);
    }
    OPENSSL_free(pem);
}

static void client_certificates_need_somebody_who_judges(void **state)
{
    struct tls_policy policy = kit_policy();
    struct err err = {""};

    (void)state;
    policy.client_mode = TLS_CLIENT_REQUEST;
    assert_null(tls_ctx_new(&policy, &err));
    assert_string_equal(err.text, "client certificates are wanted, and nothing says which are trusted");
}

/* Cut anywhere inside a certificate it is an error: half a truststore is not a truststore. */
static void a_cut_truststore_is_never_taken_for_a_whole_one(void **state)
{
    static const char begin[] = "-----BEGIN ";
    const struct kit_identity *authorities[] = {kit_server_identity(KIT_P256), kit_server_identity(KIT_P384)};
    char *first = kit_pem(authorities, 1), *both = kit_pem(authorities, 2);
    size_t first_len = strlen(first), whole_len = strlen(both) - 1; /* the last line's end is not needed */
    struct tls_trust_setup setup = {.ca_pem = both};

    (void)state;
    for (size_t len = 1; len <= whole_len; len++) {
        bool between = len >= first_len - 1 && len < first_len + strlen(begin);
        struct tls_trust *trust;
        struct err err;

        setup.ca_pem_len = len;
        trust = tls_trust_new(&setup, &err);
        assert_int_equal(trust != NULL, between || len == whole_len);
        tls_trust_unref(trust);
    }
    OPENSSL_free(first);
    OPENSSL_free(both);
}

/* ---- keys ---- */

static struct inventory_key inventory_of(const struct kit_identity *identity, uint32_t schemes)
{
    struct inventory_key key = {
        .schemes = schemes, .chain_len = 1, .chain = {{identity->der, identity->der_len}}};

    kit_name(identity->key, key.name);
    return key;
}

/* Tries to add the key to a context without keys; the error, "" for none. */
static const char *added(const struct inventory_key *key)
{
    static struct err err;
    struct tls_policy policy = kit_policy();
    struct kit_signer signer;
    struct tls_ctx *ctx;
    bool done;

    kit_signer_init(&signer);
    ctx = kit_ctx(&policy, &signer, 0);
    err.text[0] = 0;
    done = tls_ctx_add_key(ctx, key, NULL, &signer.base, &err);
    assert_int_equal(done, !err.text[0]);
    assert_int_equal(tls_ctx_has_key(ctx), done);
    tls_ctx_unref(ctx);
    return err.text;
}

static void a_key_must_fit_its_certificate(void **state)
{
    const struct kit_identity *identity = kit_server_identity(KIT_P256);
    uint8_t longer[4096];
    struct inventory_key key = kit_inventory(KIT_P256);

    (void)state;
    assert_string_equal(added(&key), "");
    key.name[31] ^= 1;
    assert_string_equal(added(&key), "the certificate does not belong to the key: their public keys differ");
    key = kit_inventory(KIT_P256);
    key.chain[0].der = kit_server_identity(KIT_RSA)->der;
    key.chain[0].len = kit_server_identity(KIT_RSA)->der_len;
    assert_string_equal(added(&key), "the certificate does not belong to the key: their public keys differ");
    key = kit_inventory(KIT_P256);
    key.chain_len = 0;
    assert_string_equal(added(&key), "the key has no certificate");
    key.chain_len = INVENTORY_CHAIN_MAX + 1;
    assert_string_equal(added(&key), "the key has no certificate");
    key = kit_inventory(KIT_P256);
    key.chain[0].len--;
    assert_string_equal(added(&key), "certificate number 1 of the chain cannot be read");
    memcpy(longer, identity->der, identity->der_len);
    longer[identity->der_len] = 0;
    key.chain[0].der = longer;
    key.chain[0].len = identity->der_len + 1;
    assert_string_equal(added(&key), "certificate number 1 of the chain cannot be read");
    key = kit_inventory(KIT_P256);
    key.chain[1].der = longer;
    key.chain[1].len = 0;
    key.chain_len = 2;
    assert_string_equal(added(&key), "certificate number 2 of the chain cannot be read");
}

static void a_key_must_be_of_a_kind_that_tls_can_use(void **state)
{
    static const char unfit[] =
        "the key is not RSA, EC (P-256, P-384) or Ed25519, or the token cannot sign with it";
    const uint32_t all = INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS | INVENTORY_ECDSA | INVENTORY_ED25519;
    struct {
        EVP_PKEY *key;
        uint32_t schemes;
        const char *error;
    } rows[] = {
        {kit_key(KIT_RSA), INVENTORY_ECDSA, unfit},
        {kit_key(KIT_RSA), 0, unfit},
        {kit_key(KIT_P256), INVENTORY_RSA_PKCS1, unfit},
        {EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"), all, unfit},
        {EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), all, unfit},
        {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), all & ~(uint32_t)INVENTORY_ED25519, unfit},
        {EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), all, unfit},
        {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), all, ""},
        {EVP_RSA_gen(1024), all, "ee key too small"},
    };
    const struct kit_wish wish = {.name = "kind"};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct kit_identity identity = kit_identity(rows[i].key, &wish);
        struct inventory_key key = inventory_of(&identity, rows[i].schemes);

        assert_string_equal(added(&key), rows[i].error);
        kit_identity_free(&identity);
        if (i > 2)
            EVP_PKEY_free(rows[i].key);
    }
}

static void one_key_of_each_kind_and_one_keystore(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit_signer signer, other;
    struct inventory_key rsa = kit_inventory(KIT_RSA), p256 = kit_inventory(KIT_P256),
                         p384 = kit_inventory(KIT_P384);
    struct err err = {""};
    struct tls_ctx *ctx;

    (void)state;
    kit_signer_init(&signer);
    kit_signer_init(&other);
    ctx = kit_ctx(&policy, &signer, 0);
    assert_true(tls_ctx_add_key(ctx, &p256, NULL, &signer.base, &err));
    assert_false(tls_ctx_add_key(ctx, &p384, NULL, &signer.base, &err));
    assert_string_equal(err.text, "a second EC key: one RSA, one EC and one Ed25519 key are possible");
    assert_false(tls_ctx_add_key(ctx, &rsa, NULL, &other.base, &err));
    assert_string_equal(err.text, "the keys of a listener must come from one keystore");
    assert_true(tls_ctx_add_key(ctx, &rsa, NULL, &signer.base, &err));
    tls_ctx_clear_keys(ctx);
    assert_false(tls_ctx_has_key(ctx));
    assert_true(tls_ctx_add_key(ctx, &p384, NULL, &other.base, &err));
    assert_true(tls_ctx_has_key(ctx));
    tls_ctx_unref(ctx);
}

/* The whole chain goes to the client, and nothing of the clients' truststore is mixed into it. */
static void the_chain_of_the_inventory_is_sent(void **state)
{
    const struct kit_wish root_wish = {.name = "Root", .authority = true};
    struct kit_identity root = kit_identity(kit_key(KIT_P384), &root_wish);
    const struct kit_wish middle_wish = {.name = "Middle", .issuer = &root, .authority = true};
    struct kit_identity middle = kit_identity(kit_key(KIT_RSA), &middle_wish);
    const struct kit_wish leaf_wish = {.name = "ftp.example.com", .issuer = &middle};
    struct kit_identity leaf = kit_identity(kit_key(KIT_P256), &leaf_wish);
    const struct kit_identity *trusted[] = {&root, &middle};
    char *pem = kit_pem(trusted, 2);
    struct tls_trust *trust = kit_trust(pem);

    (void)state;
    for (size_t chain_len = 1; chain_len <= 2; chain_len++) {
        struct tls_policy policy = kit_policy();
        struct inventory_key key = inventory_of(&leaf, INVENTORY_ECDSA);
        struct kit kit;
        struct kit_pair pair;
        struct err err;

        policy.client_mode = TLS_CLIENT_REQUEST;
        policy.trust = trust;
        key.chain_len = chain_len;
        key.chain[1].der = middle.der;
        key.chain[1].len = middle.der_len;
        kit_open(&kit, &policy, 0, 0);
        assert_true(tls_ctx_add_key(kit.ctx, &key, NULL, &kit.signer.base, &err));
        kit_establish(&pair, &kit, NULL);
        assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair.client)), chain_len);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
    tls_trust_unref(trust);
    OPENSSL_free(pem);
    kit_identity_free(&leaf);
    kit_identity_free(&middle);
    kit_identity_free(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_policy_is_refused_with_a_reason),
        cmocka_unit_test(a_list_with_rsa_key_exchange_does_not_offer_it),
        cmocka_unit_test(a_truststore_must_be_readable_to_its_end),
        cmocka_unit_test(client_certificates_need_somebody_who_judges),
        cmocka_unit_test(a_cut_truststore_is_never_taken_for_a_whole_one),
        cmocka_unit_test(a_key_must_fit_its_certificate),
        cmocka_unit_test(a_key_must_be_of_a_kind_that_tls_can_use),
        cmocka_unit_test(one_key_of_each_kind_and_one_keystore),
        cmocka_unit_test(the_chain_of_the_inventory_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
