/* OCSP responses on their way to the clients that ask for them. */
#include "tls_kit_ocsp.h"

#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

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
            struct response response = kit_respond_for((enum kit_kind)kind, &kit_good_answer);
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
    struct response rsa = kit_respond_for(KIT_RSA, &kit_good_answer),
                    p256 = kit_respond_for(KIT_P256, &kit_good_answer),
                    named = kit_respond_for(KIT_P384, &kit_good_answer), none = {0};
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

/* ---- when it is not current ---- */

/* Handshakes go on without it, and the log hears of it once. */
static void a_stale_response_is_not_stapled_and_told_once(void **state)
{
    static const struct {
        struct answer answer;
        const char *words;
    } rows[] = {
        {{V_OCSP_CERTSTATUS_GOOD, -2 * KIT_HOUR_S, -KIT_HOUR_S, NULL},
         "the OCSP response of CN=ftp.example.com,O=p11gate tests is not stapled: it has expired at 20"},
        {{V_OCSP_CERTSTATUS_GOOD, KIT_HOUR_S, 2 * KIT_HOUR_S, NULL},
         "the OCSP response of CN=ftp.example.com,O=p11gate tests is not stapled: it begins at 20"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct response response = kit_respond_for(KIT_P256, &rows[i].answer);
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
    static const struct answer short_lived = {V_OCSP_CERTSTATUS_GOOD, -KIT_HOUR_S, 2, NULL};
    struct response response = kit_respond_for(KIT_P256, &short_lived);
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
        cmocka_unit_test(a_stale_response_is_not_stapled_and_told_once),
        cmocka_unit_test(a_response_that_ends_is_told_at_the_next_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
