/* Several certificates for one name: the client's algorithms choose, and the token's limits are kept to. */
#include "tls_kit.h"

#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

enum { ALL_THREE = 1U << KIT_RSA | 1U << KIT_P256 | 1U << KIT_ED25519 };

static void the_clients_algorithms_choose(void **state)
{
    static const struct {
        unsigned kinds;
        const char *sigalgs; /* NULL: the client's own list */
        enum kit_kind kind;
    } rows[] = {
        {ALL_THREE, NULL, KIT_P256},
        {ALL_THREE, "ed25519", KIT_ED25519},
        {ALL_THREE, "ed25519:RSA-PSS+SHA256:RSA+SHA256", KIT_ED25519},
        {ALL_THREE, "RSA-PSS+SHA256:RSA+SHA256", KIT_RSA},
        {ALL_THREE, "ECDSA+SHA256", KIT_P256},
        {1U << KIT_RSA | 1U << KIT_ED25519, NULL, KIT_ED25519},
        {1U << KIT_RSA | 1U << KIT_ED25519, "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256", KIT_RSA},
        {1U << KIT_RSA | 1U << KIT_P384, NULL, KIT_P384},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_policy policy = kit_policy();
            struct kit kit;
            struct kit_pair pair;

            kit_open(&kit, &policy, rows[i].kinds, versions[j]);
            if (rows[i].sigalgs)
                kit_client_sigalgs(&kit.client, rows[i].sigalgs);
            kit_establish(&pair, &kit, NULL);
            assert_int_equal(kit_client_sees(&pair), rows[i].kind);
            assert_int_equal(kit.signer.admits, 1);
            kit_pair_free(&pair);
            kit_close(&kit);
        }
}

struct limit {
    uint32_t rsa_schemes;
    int other;          /* a kind, or -1 */
    int client_version; /* 0: both */
    const char *sigalgs;
    int version;     /* 0: no handshake */
    uint32_t scheme; /* that is signed with */
};

#define NO_ECDSA "RSA-PSS+SHA256:RSA+SHA256"

/* T6: an RSA key that cannot do PSS serves TLS 1.2; who takes the other key gets TLS 1.3. */
static const struct limit limits[] = {
    {INVENTORY_RSA_PKCS1, KIT_P256, 0, NULL, TLS1_3_VERSION, 0x0403},
    {INVENTORY_RSA_PKCS1, KIT_P256, 0, NO_ECDSA, TLS1_2_VERSION, 0x0401},
    {INVENTORY_RSA_PKCS1, KIT_P256, 0, "ECDSA+SHA512:RSA+SHA256", TLS1_2_VERSION, 0x0603}, /* not in 1.3 */
    {INVENTORY_RSA_PKCS1, KIT_P256, 0, "ECDSA+SHA384:RSA-PSS+SHA256:RSA+SHA256", TLS1_2_VERSION, 0x0503},
    {INVENTORY_RSA_PKCS1, KIT_P384, 0, "ECDSA+SHA384:RSA-PSS+SHA256:RSA+SHA256", TLS1_3_VERSION, 0x0503},
    {INVENTORY_RSA_PKCS1, KIT_ED25519, 0, NULL, TLS1_3_VERSION, 0x0807},
    {INVENTORY_RSA_PKCS1, KIT_ED25519, 0, "ECDSA+SHA256:RSA+SHA256", TLS1_2_VERSION, 0x0401},
    {INVENTORY_RSA_PKCS1, KIT_P256, TLS1_2_VERSION, NULL, TLS1_2_VERSION, 0x0403},
    {INVENTORY_RSA_PKCS1, KIT_P256, TLS1_2_VERSION, "RSA+SHA384", TLS1_2_VERSION, 0x0501},
    {INVENTORY_RSA_PKCS1, KIT_P256, TLS1_3_VERSION, "ECDSA+SHA256", TLS1_3_VERSION, 0x0403},
    {INVENTORY_RSA_PKCS1, KIT_P256, TLS1_3_VERSION, NO_ECDSA, 0, 0},
    {INVENTORY_RSA_PKCS1, -1, 0, NULL, TLS1_2_VERSION, 0x0401},
    {INVENTORY_RSA_PKCS1, -1, TLS1_3_VERSION, NULL, 0, 0},
    {INVENTORY_RSA_PSS, KIT_P256, 0, NO_ECDSA, TLS1_3_VERSION, 0x0804},
    {INVENTORY_RSA_PSS, KIT_P256, TLS1_2_VERSION, "RSA+SHA256:ECDSA+SHA256", TLS1_2_VERSION, 0x0403},
    {INVENTORY_RSA_PSS, -1, TLS1_2_VERSION, "RSA+SHA256:RSA-PSS+SHA384", TLS1_2_VERSION, 0x0805},
    {INVENTORY_RSA_PSS, -1, TLS1_2_VERSION, "RSA+SHA256", 0, 0},
    {INVENTORY_RSA_PSS, KIT_P256, TLS1_2_VERSION, "RSA+SHA256", 0, 0},
    {INVENTORY_RSA_PSS | INVENTORY_RSA_PKCS1, KIT_P256, 0, NO_ECDSA, TLS1_3_VERSION, 0x0804},
};

static void limit_row(const struct limit *row)
{
    struct tls_policy policy = kit_policy();
    struct inventory_key rsa = kit_inventory(KIT_RSA);
    struct kit kit;
    struct kit_pair pair;
    struct err err;

    rsa.schemes = row->rsa_schemes;
    kit_open(&kit, &policy, row->other < 0 ? 0 : 1U << row->other, row->client_version);
    assert_true(tls_ctx_add_key(kit.ctx, &rsa, NULL, &kit.signer.base, &err));
    if (row->sigalgs)
        kit_client_sigalgs(&kit.client, row->sigalgs);
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    assert_int_equal(kit_handshake(&pair, &kit.signer), row->version != 0);
    assert_int_equal(kit.signer.scheme, row->scheme);
    if (row->version)
        assert_int_equal(SSL_version(pair.client), row->version);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void a_key_is_asked_only_for_what_its_token_can(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(limits); i++)
        limit_row(&limits[i]);
}

static void an_rsa_key_without_pss_is_no_use_where_only_tls13_is(void **state)
{
    static const char no_pss[] =
        "the listener's only version, TLS 1.3, needs RSA-PSS, which the token cannot sign";
    static const struct {
        const char *versions;
        uint32_t schemes;
        bool taken;
    } rows[] = {
        {"1.3", INVENTORY_RSA_PKCS1, false},
        {"1.3", INVENTORY_RSA_PSS, true},
        {"1.2", INVENTORY_RSA_PKCS1, true},
        {"1.2-1.3", INVENTORY_RSA_PKCS1, true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct tls_policy policy = kit_policy();
        struct inventory_key rsa = kit_inventory(KIT_RSA);
        struct err err = {""};
        struct kit kit;

        policy.versions = rows[i].versions;
        rsa.schemes = rows[i].schemes;
        kit_open(&kit, &policy, 0, 0);
        assert_int_equal(tls_ctx_add_key(kit.ctx, &rsa, NULL, &kit.signer.base, &err), rows[i].taken);
        assert_string_equal(err.text, rows[i].taken ? "" : no_pss);
        kit_close(&kit);
    }
}

/* The limits of one name's key are not those of another's. */
static void each_name_has_its_own_limits(void **state)
{
    static const char *const names[] = {"old.example.com", "new.example.com"};
    const struct tls_key_use old = {.server_name = names[0]}, new = {.server_name = names[1]};
    struct inventory_key weak = kit_inventory(KIT_RSA), strong = kit_inventory(KIT_RSA);
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    struct err err;

    (void)state;
    policy.server_names = names;
    policy.server_name_count = ROWS(names);
    weak.schemes = INVENTORY_RSA_PKCS1;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    assert_true(tls_ctx_add_key(kit.ctx, &weak, &old, &kit.signer.base, &err));
    assert_true(tls_ctx_add_key(kit.ctx, &strong, &new, &kit.signer.base, &err));
    for (size_t i = 0; i < ROWS(names); i++) {
        kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
        kit_client_asks(&pair, names[i]);
        assert_true(kit_handshake(&pair, &kit.signer));
        assert_int_equal(SSL_version(pair.client), versions[i]);
        assert_int_equal(kit.signer.scheme, i ? 0x0804 : 0x0401);
        kit_pair_free(&pair);
    }
    kit_close(&kit);
}

/* A ClientHello that stops in the middle of its algorithms must not be read further. */
static void cut_signature_algorithms_do_no_harm(void **state)
{
    struct tls_policy policy = kit_policy();
    struct inventory_key rsa = kit_inventory(KIT_RSA);
    uint8_t hello[2048], *list;
    struct kit kit;
    struct kit_pair pair;
    struct err err;
    size_t len;

    (void)state;
    rsa.schemes = INVENTORY_RSA_PKCS1;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    assert_true(tls_ctx_add_key(kit.ctx, &rsa, NULL, &kit.signer.base, &err));
    kit_client_sigalgs(&kit.client, "RSA-PSS+SHA256:RSA+SHA256");
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    kit_client_step(&pair);
    len = kit_lend(&pair).in_len;
    assert_true(len < sizeof hello);
    memcpy(hello, kit_lend(&pair).in, len);
    list = memmem(hello, len, "\x00\x0d\x00\x06\x00\x04\x08\x04\x04\x01", 10);
    assert_non_null(list);
    for (uint8_t said = 0; said < 8; said++) { /* the length that the list says of itself */
        struct tls *tls = tls_new(kit.ctx, TLS_MAIN, NULL, &err);
        struct tls_io io = {.in = hello, .in_len = len, .out = pair.out, .out_size = KIT_ROOM};

        list[5] = said;
        assert_int_equal(tls_handshake(tls, &io), said == 4 ? TLS_WAITING : TLS_FAILED);
        tls_free(tls);
    }
    kit_pair_free(&pair);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clients_algorithms_choose),
        cmocka_unit_test(a_key_is_asked_only_for_what_its_token_can),
        cmocka_unit_test(an_rsa_key_without_pss_is_no_use_where_only_tls13_is),
        cmocka_unit_test(each_name_has_its_own_limits),
        cmocka_unit_test(cut_signature_algorithms_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
