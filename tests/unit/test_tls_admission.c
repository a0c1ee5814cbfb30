#include "tls_kit.h"

#include <malloc.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void a_handshake_waits_for_its_place_and_goes_on(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit.signer.admission = REMOTE_WAIT;
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
        assert_int_equal(kit_server_step(&pair), TLS_WAITING); /* not woken: admit is not asked again */
        assert_int_equal(kit.signer.admits, 1);
        tls_wake(pair.server);
        assert_int_equal(kit_server_step(&pair), TLS_WAITING); /* woken in vain */
        assert_int_equal(kit.signer.admits, 2);
        kit.signer.admission = REMOTE_GO;
        tls_wake(kit.signer.asked);
        assert_int_equal(pair.wakes, 2);
        assert_int_equal(kit_server_step(&pair), TLS_WAITING); /* for the signature, now */
        assert_int_equal(kit.signer.submits, 1);
        kit_signer_answer(&kit.signer);
        assert_true(kit_handshake(&pair, NULL));
        assert_int_equal(kit.signer.admits, 3);
        assert_int_equal(kit.signer.leaves + kit.signer.cancels, 0);
        kit_pair_free(&pair);
        assert_int_equal(kit.signer.leaves + kit.signer.cancels, 0);
        kit_close(&kit);
    }
}

/* Where a handshake ends, and which of leave and cancel tells the signer. */
static void every_place_is_accounted_for_exactly_once(void **state)
{
    static const struct {
        enum remote_admission first, second;
        unsigned leaves, cancels, submits;
        const char *error;
    } rows[] = {
        {REMOTE_REFUSE, REMOTE_REFUSE, 0, 0, 0, "the token is away"},
        {REMOTE_WAIT, REMOTE_REFUSE, 1, 0, 0, "the token is away"},
        {REMOTE_WAIT, REMOTE_WAIT, 1, 0, 0, ""},
        {REMOTE_WAIT, REMOTE_GO, 0, 1, 1, ""},
        {REMOTE_GO, REMOTE_GO, 0, 1, 1, ""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_policy policy = kit_policy();
            struct kit kit;
            struct kit_pair pair;

            kit_open(&kit, &policy, 1U << KIT_P256, versions[j]);
            kit.signer.admission = rows[i].first;
            kit_begin(&pair, &kit, NULL);
            kit.signer.admission = rows[i].second;
            if (rows[i].first == REMOTE_WAIT) {
                tls_wake(pair.server);
                kit_server_step(&pair);
            }
            assert_int_equal(pair.status, rows[i].error[0] ? TLS_FAILED : TLS_WAITING);
            assert_string_equal(tls_error(pair.server)->text, rows[i].error);
            kit_pair_free(&pair);
            assert_int_equal(kit.signer.leaves, rows[i].leaves);
            assert_int_equal(kit.signer.cancels, rows[i].cancels);
            assert_int_equal(kit.signer.submits, rows[i].submits);
            kit_close(&kit);
        }
}

/* F22: the token is away, sessions of before still resume. */
static void a_resumption_asks_nobody(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&pair, &kit, NULL);
        kit_pair_free(&pair);
        kit.signer.admission = REMOTE_REFUSE;
        tls_ctx_clear_keys(kit.ctx);
        assert_false(tls_ctx_has_key(kit.ctx));
        kit_establish(&pair, &kit, kit_client_newest(&kit.client));
        assert_true(kit_facts(&pair).resumed);
        kit_pair_free(&pair);
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_FAILED);
        assert_string_equal(tls_error(pair.server)->text,
                            "no key can sign: the listener's keystore has offered none");
        assert_int_equal(kit.signer.admits, 1);
        kit_pair_free(&pair);
        kit_close(&kit);
    }
}

static void a_hello_retry_is_admitted_once(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    policy.groups = "P-384";
    for (int waits = 0; waits < 2; waits++) {
        kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
        kit_client_groups(&kit.client, "X25519:P-384");
        kit.signer.admission = waits ? REMOTE_WAIT : REMOTE_GO;
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WANT_INPUT);
        assert_int_equal(kit.signer.admits, 0);
        if (waits) {
            kit_client_step(&pair);
            assert_int_equal(kit_server_step(&pair), TLS_WAITING);
            kit.signer.admission = REMOTE_GO;
            tls_wake(pair.server);
        }
        assert_true(kit_handshake(&pair, &kit.signer));
        assert_int_equal(kit.signer.admits, waits ? 2 : 1);
        assert_int_equal(kit.signer.submits, 1);
        assert_int_equal(kit.signer.leaves, 0);
        kit_pair_free(&pair);

        /* A client that never says its second hello has no place that others wait for. */
        kit.signer.admission = REMOTE_GO;
        assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WANT_INPUT);
        assert_int_equal(kit.signer.admits, waits ? 2 : 1);
        kit_pair_free(&pair);
        assert_int_equal(kit.signer.leaves, 0);
        kit_close(&kit);
    }
}

static void keys_may_be_taken_away_under_a_paused_handshake(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    tls_ctx_clear_keys(kit.ctx);
    kit_signer_answer(&kit.signer);
    assert_true(kit_handshake(&pair, NULL));
    kit_pair_free(&pair);

    /* One that waited for its place comes back and finds none: it leaves the queue. */
    kit_close(&kit);
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    kit.signer.admission = REMOTE_WAIT;
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    tls_ctx_clear_keys(kit.ctx);
    tls_wake(pair.server);
    assert_int_equal(kit_server_step(&pair), TLS_FAILED);
    assert_int_equal(kit.signer.leaves, 1);
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* A conversation's end in each of its waiting states, many times: neither fibres nor bytes may stay. The
 * context may go first: the conversation keeps it. */
static void a_thousand_aborted_handshakes_leak_nothing(void **state)
{
    enum { WARM_UP = 100, COUNT = 1100 };
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    size_t before = 0, after;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        if (i == WARM_UP)
            before = mallinfo2().uordblks;
        kit.signer.admission = i % 4 == 1 ? REMOTE_WAIT : i % 4 == 2 ? REMOTE_REFUSE : REMOTE_GO;
        kit_begin(&pair, &kit, NULL);
        if (i % 4 == 0) { /* with input kept */
            BIO_write(pair.from_client, "early", 5);
            assert_int_equal(kit_server_step(&pair), TLS_WAITING);
        }
        if (i % 4 == 3)
            kit_signer_answer(&kit.signer); /* answered, but the client has left */
        kit_pair_free(&pair);
    }
    after = mallinfo2().uordblks;
    /* One fibre has a stack of 32 KB. */
    assert_true(after < before + 32 * 1024);
    assert_int_equal(kit.signer.cancels, COUNT / 4);
    assert_int_equal(kit.signer.leaves, COUNT / 4);
    assert_int_equal(kit.signer.pending_count, 0);
    kit_begin(&pair, &kit, NULL);
    tls_ctx_unref(tls_ctx_ref(kit.ctx));
    kit_close(&kit);
    kit_pair_free(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_waits_for_its_place_and_goes_on),
        cmocka_unit_test(every_place_is_accounted_for_exactly_once),
        cmocka_unit_test(a_resumption_asks_nobody),
        cmocka_unit_test(a_hello_retry_is_admitted_once),
        cmocka_unit_test(keys_may_be_taken_away_under_a_paused_handshake),
        cmocka_unit_test(a_thousand_aborted_handshakes_leak_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
