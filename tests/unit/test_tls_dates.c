/* What time does to tickets and certificates. The test has its own clock. */
#include "tls_kit.h"
#include "tls_kit_clock.h"

#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* The hello leaves now and is read wait_s later. A resumption needs no signature; the rest does. */
static bool resumes_after(struct kit *kit, SSL_SESSION *session, long wait_s)
{
    struct kit_pair pair;
    enum tls_status status;

    kit_connect(&pair, kit->ctx, TLS_MAIN, NULL, &kit->client, session);
    kit_client_step(&pair);
    kit_later_s += wait_s;
    status = kit_server_step(&pair);
    kit_later_s -= wait_s;
    assert_true(status == TLS_WANT_INPUT || status == TLS_WAITING);
    kit_pair_free(&pair);
    return status == TLS_WANT_INPUT;
}

static void a_ticket_lives_as_long_as_it_is_told(void **state)
{
    static const struct {
        long wait_s;
        bool resumes;
    } rows[] = {
        {0, true}, {7 * 3600, true}, {8 * 3600 - 60, true}, {8 * 3600 + 60, false}, {99 * 3600, false}};

    (void)state;
    for (size_t j = 0; j < ROWS(versions); j++) {
        struct tls_policy policy = kit_policy();
        struct kit kit;
        struct kit_pair pair;

        kit_open(&kit, &policy, 1U << KIT_P256, versions[j]);
        kit_establish(&pair, &kit, NULL);
        for (size_t i = 0; i < ROWS(rows); i++)
            assert_int_equal(resumes_after(&kit, kit_client_newest(&kit.client), rows[i].wait_s),
                             rows[i].resumes);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

/* F16: a control connection that stays open gets tickets whose time begins anew. */
static void a_renewed_ticket_lives_from_its_own_time(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair control;
    uint8_t data[16];

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    kit_establish(&control, &kit, NULL);
    kit_later_s = 7 * 3600;
    tls_renew_ticket(control.server);
    assert_int_equal(kit_server_write(&control, "200\r\n", 5), TLS_OK);
    assert_int_equal(kit_client_read(&control, data, sizeof data), 5);
    assert_true(resumes_after(&kit, kit_client_newest(&kit.client), 7 * 3600));
    assert_false(resumes_after(&kit, kit.client.sessions[0], 7 * 3600));
    kit_later_s = 0;
    kit_pair_free(&control);
    kit_close(&kit);
}

static struct kit_identity authority;

static void open_with_certificate(struct kit *kit, struct kit_identity *identity, bool reject, int version)
{
    const struct kit_wish ca = {.name = "CA", .authority = true};
    const struct kit_wish wish = {.name = "acme", .issuer = &authority, .valid_s = 3600};
    const struct kit_identity *trusted = &authority;
    struct tls_policy policy = kit_policy();
    struct tls_trust *trust;
    char *pem;

    authority = kit_identity(kit_key(KIT_P384), &ca);
    *identity = kit_identity(kit_key(KIT_P256), &wish);
    pem = kit_pem(&trusted, 1);
    policy.client_mode = TLS_CLIENT_REQUIRE;
    policy.reject_in_handshake = reject;
    policy.trust = trust = kit_trust(pem);
    kit_open(kit, &policy, 1U << KIT_P256, version);
    kit_show(kit->client.ctx, identity);
    tls_trust_unref(trust);
    OPENSSL_free(pem);
}

static void resumed_with(struct kit *kit, bool resumed, enum tls_verdict verdict)
{
    struct kit_pair pair;

    kit_establish(&pair, kit, kit_client_newest(&kit->client));
    assert_int_equal(kit_facts(&pair).resumed, resumed);
    assert_int_equal(kit_facts(&pair).verdict, verdict);
    kit_pair_free(&pair);
}

/* C5: a session of a certificate that has run out since is not resumed; the full handshake decides. */
static void a_certificate_that_runs_out_is_looked_at_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++)
        for (int reject = 0; reject < 2; reject++) {
            struct kit_identity identity;
            struct kit kit;
            struct kit_pair pair;

            open_with_certificate(&kit, &identity, reject, versions[i]);
            resumed_with(&kit, false, TLS_TRUSTED);
            resumed_with(&kit, true, TLS_TRUSTED);
            kit_later_s = 1800;
            resumed_with(&kit, true, TLS_TRUSTED);
            kit_later_s = 3700;
            if (reject) {
                kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, kit_client_newest(&kit.client));
                assert_false(kit_handshake(&pair, &kit.signer));
                assert_string_equal(tls_error(pair.server)->text,
                                    "client certificate refused: certificate has expired");
                kit_pair_free(&pair);
            } else {
                resumed_with(&kit, false, TLS_UNTRUSTED);
                resumed_with(&kit, true, TLS_UNTRUSTED);
            }
            kit_later_s = 0;
            kit_close(&kit);
            kit_identity_free(&identity);
            kit_identity_free(&authority);
        }
}

/* From the first question for a place to the answer, the wait for the place among it. */
static void the_time_for_the_key_is_measured(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    kit.signer.admission = REMOTE_WAIT;
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    kit_later_s = 2;
    kit.signer.admission = REMOTE_GO;
    tls_wake(pair.server);
    assert_int_equal(kit_server_step(&pair), TLS_WAITING);
    kit_later_s = 5;
    kit_signer_answer(&kit.signer);
    assert_int_equal(kit_server_step(&pair), TLS_WANT_INPUT);
    kit_later_s = 60; /* the client's own time is not the key's */
    assert_true(kit_handshake(&pair, NULL));
    assert_in_range(kit_facts(&pair).key_ms, 5000, 15000);
    kit_pair_free(&pair);
    kit_establish(&pair, &kit, kit_client_newest(&kit.client));
    assert_true(kit_facts(&pair).resumed);
    assert_int_equal(kit_facts(&pair).key_ms, 0);
    kit_pair_free(&pair);
    kit_later_s = 0;
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_lives_as_long_as_it_is_told),
        cmocka_unit_test(a_renewed_ticket_lives_from_its_own_time),
        cmocka_unit_test(a_certificate_that_runs_out_is_looked_at_again),
        cmocka_unit_test(the_time_for_the_key_is_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
