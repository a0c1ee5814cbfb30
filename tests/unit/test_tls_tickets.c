#include "tls_kit.h"

#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* Connects, lets the tickets come, and tells how many came. */
static size_t tickets_of(struct kit_pair *pair, struct kit *kit, SSL_SESSION *session)
{
    size_t before = kit->client.session_count;

    kit_establish(pair, kit, session);
    return kit->client.session_count - before;
}

static bool resumes(struct kit *kit, SSL_SESSION *session)
{
    struct kit_pair pair;
    bool resumed;

    kit_establish(&pair, kit, session);
    resumed = kit_facts(&pair).resumed;
    kit_pair_free(&pair);
    return resumed;
}

static void as_many_tickets_come_as_the_policy_says(void **state)
{
    static const struct {
        int version;
        unsigned policy;
        size_t full, resumed;
    } rows[] = {
        {TLS1_3_VERSION, 0, 0, 0}, {TLS1_3_VERSION, 1, 1, 1}, {TLS1_3_VERSION, 2, 2, 1},
        {TLS1_3_VERSION, 4, 4, 1}, {TLS1_2_VERSION, 2, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct tls_policy policy = kit_policy();
        struct kit kit;
        struct kit_pair pair;

        policy.tickets = rows[i].policy;
        kit_open(&kit, &policy, 1U << KIT_P256, rows[i].version);
        assert_int_equal(tickets_of(&pair, &kit, NULL), rows[i].full);
        kit_pair_free(&pair);
        if (rows[i].full) {
            assert_int_equal(tickets_of(&pair, &kit, kit_client_newest(&kit.client)), rows[i].resumed);
            assert_true(kit_facts(&pair).resumed);
            kit_pair_free(&pair);
        }
        kit_close(&kit);
    }
}

/* Another worker, another node: the same secret and policy is the same listener. */
static void another_worker_resumes_the_session(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        assert_false(resumes(&kit, NULL));
        tls_ctx_unref(kit.ctx);
        kit.ctx = kit_ctx(&policy, &kit.signer, 1U << KIT_P256);
        assert_true(resumes(&kit, kit_client_newest(&kit.client)));
        kit_close(&kit);
    }
}

/* C5: a session belongs to a listener, a mode and a truststore, by their names. */
static void another_listener_or_trust_does_not(void **state)
{
    static const uint8_t other_secret[TLS_TICKET_SECRET_LEN] = "another";
    const struct kit_identity *authority = kit_server_identity(KIT_P256);
    char *pem = kit_pem(&authority, 1);
    struct tls_trust *trust = kit_trust(pem);
    struct tls_policy base = kit_policy(), rows[6];

    (void)state;
    base.client_mode = TLS_CLIENT_REQUEST;
    base.trust = trust;
    base.trust_name = "partners";
    for (size_t i = 0; i < ROWS(rows); i++)
        rows[i] = base;
    rows[0].name = "unit2";
    rows[1].client_mode = TLS_CLIENT_REQUIRE;
    rows[2].client_mode = TLS_CLIENT_NONE;
    rows[3].reject_in_handshake = true;
    rows[4].trust_name = "others";
    rows[5].ticket_secret = other_secret;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct kit kit;

            kit_open(&kit, &base, 1U << KIT_P256, versions[j]);
            assert_false(resumes(&kit, NULL));
            assert_true(resumes(&kit, kit_client_newest(&kit.client)));
            tls_ctx_unref(kit.ctx);
            kit.ctx = kit_ctx(&rows[i], &kit.signer, 1U << KIT_P256);
            assert_false(resumes(&kit, kit_client_newest(&kit.client)));
            /* and what it gave in place of the old one is good */
            assert_true(resumes(&kit, kit_client_newest(&kit.client)));
            kit_close(&kit);
        }
    tls_trust_unref(trust);
    OPENSSL_free(pem);
}

/* A spoiled ticket is a full handshake, never an error. */
static void a_changed_ticket_is_ignored(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        unsigned char *der = NULL;
        const unsigned char *ticket, *start;
        size_t ticket_len;
        SSL_SESSION *session, *spoiled;
        int len;

        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        assert_false(resumes(&kit, NULL));
        session = kit_client_newest(&kit.client);
        SSL_SESSION_get0_ticket(session, &ticket, &ticket_len);
        len = i2d_SSL_SESSION(session, &der);
        assert_true(len > 0);
        start = memmem(der, (size_t)len, ticket, ticket_len);
        assert_non_null(start);
        der[start - der + (ptrdiff_t)ticket_len / 2] ^= 1;
        start = der;
        spoiled = d2i_SSL_SESSION(NULL, &start, len);
        assert_non_null(spoiled);
        assert_false(resumes(&kit, spoiled));
        assert_true(resumes(&kit, session));
        SSL_SESSION_free(spoiled);
        OPENSSL_free(der);
        kit_close(&kit);
    }
}

/* ---- data channels ---- */

/* A data channel beside control, with the session; tells whether it was resumed. No ticket may come (F16). */
static bool data_channel(struct kit *kit, const struct kit_pair *control, SSL_SESSION *session)
{
    struct kit_pair pair;
    struct tls_facts facts;
    size_t before = kit->client.session_count;
    size_t id_len = 1;

    kit_connect(&pair, kit->ctx, TLS_DATA, control ? control->server : NULL, &kit->client, session);
    assert_true(kit_handshake(&pair, &kit->signer));
    facts = kit_facts(&pair);
    assert_int_equal(facts.bound, facts.resumed);
    assert_int_equal(kit->client.session_count, before);
    if (!facts.resumed) {
        unsigned len;

        SSL_SESSION_get_id(SSL_get_session(pair.client), &len);
        id_len = len;
        assert_false(SSL_SESSION_has_ticket(SSL_get_session(pair.client)));
        if (SSL_version(pair.client) == TLS1_2_VERSION)
            assert_int_equal(id_len, 0); /* nor a session id that nobody would know */
    }
    assert_int_equal(kit_server_write(&pair, "listing\r\n", 9), TLS_OK);
    kit_server_close(&pair);
    kit_client_read(&pair, pair.plain, KIT_ROOM);
    assert_int_equal(pair.client_error, SSL_ERROR_ZERO_RETURN);
    assert_int_equal(kit->client.session_count, before);
    kit_pair_free(&pair);
    return facts.resumed;
}

static void a_data_channel_resumes_its_own_control_session_only(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair one, other;
    SSL_SESSION *of_one, *of_other;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&one, &kit, NULL);
        of_one = kit_client_newest(&kit.client);
        kit_establish(&other, &kit, NULL);
        of_other = kit_client_newest(&kit.client);
        assert_false(kit_facts(&one).bound);
        assert_false(data_channel(&kit, &one, NULL));
        assert_true(data_channel(&kit, &one, of_one));
        assert_true(data_channel(&kit, &one, of_one)); /* each as often as the client likes */
        assert_false(data_channel(&kit, &one, of_other));
        assert_true(data_channel(&kit, &other, of_other));
        assert_false(data_channel(&kit, &other, of_one));
        assert_false(data_channel(&kit, NULL, of_one));
        kit_pair_free(&one);
        kit_pair_free(&other);
        kit_close(&kit);
    }
}

/* The client comes back with an old session: its data channels may use the old ticket and the new one. */
static void a_resumed_control_session_keeps_its_binding(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair control;
    SSL_SESSION *old;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&control, &kit, NULL);
        old = kit_client_newest(&kit.client);
        kit_pair_free(&control);
        kit_establish(&control, &kit, old);
        assert_true(kit_facts(&control).resumed);
        assert_false(kit_facts(&control).bound); /* which is said of data channels only */
        assert_true(data_channel(&kit, &control, old));
        assert_true(data_channel(&kit, &control, kit_client_newest(&kit.client)));
        kit_pair_free(&control);
        kit_close(&kit);
    }
}

/* F16: clients that use each ticket once get a fresh one. */
static void a_fresh_ticket_comes_with_the_next_reply(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair control;
    uint8_t data[64];

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    kit_establish(&control, &kit, NULL);
    assert_int_equal(kit.client.session_count, 2);
    tls_renew_ticket(control.server);
    tls_renew_ticket(control.server); /* one, not two */
    assert_int_equal(kit_server_write(&control, "226 done\r\n", 10), TLS_OK);
    assert_int_equal(kit_client_read(&control, data, sizeof data), 10);
    assert_int_equal(kit.client.session_count, 3);
    assert_int_equal(kit_server_write(&control, "226 done\r\n", 10), TLS_OK);
    assert_int_equal(kit_client_read(&control, data, sizeof data), 10);
    assert_int_equal(kit.client.session_count, 3);
    assert_true(data_channel(&kit, &control, kit_client_newest(&kit.client)));

    /* Without room for it the reply goes alone, and the ticket with the next one. */
    struct tls_io io = {.out = control.out, .out_size = tls_sealed_size(10)};
    tls_renew_ticket(control.server);
    assert_int_equal(tls_write(control.server, &io, (const uint8_t *)"250 okay\r\n", 10), TLS_OK);
    kit_return(&control, &io, 0);
    assert_int_equal(kit_client_read(&control, data, sizeof data), 10);
    assert_int_equal(kit.client.session_count, 3);
    assert_int_equal(kit_server_write(&control, NULL, 0), TLS_OK); /* nothing but the ticket */
    assert_int_equal(kit_client_read(&control, data, sizeof data), 0);
    assert_int_equal(kit.client.session_count, 4);
    assert_true(data_channel(&kit, &control, kit_client_newest(&kit.client)));
    kit_pair_free(&control);
    kit_close(&kit);
}

static void where_no_ticket_may_come_none_is_renewed(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair control, data;
    uint8_t got[64];

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        size_t before;

        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&control, &kit, NULL);
        kit_connect(&data, kit.ctx, TLS_DATA, control.server, &kit.client, NULL);
        tls_renew_ticket(data.server); /* before the handshake: nothing */
        assert_true(kit_handshake(&data, &kit.signer));
        before = kit.client.session_count;
        tls_renew_ticket(data.server);
        assert_int_equal(kit_server_write(&data, "x", 1), TLS_OK);
        assert_int_equal(kit_client_read(&data, got, sizeof got), 1);
        if (versions[i] == TLS1_2_VERSION) {
            tls_renew_ticket(control.server);
            assert_int_equal(kit_server_write(&control, "x", 1), TLS_OK);
            assert_int_equal(kit_client_read(&control, got, sizeof got), 1);
        }
        assert_int_equal(kit.client.session_count, before);
        kit_pair_free(&data);
        kit_pair_free(&control);
        kit_close(&kit);
    }
}

static void tickets_say_how_long_they_live(void **state)
{
    static const struct {
        uint64_t lifetime_ms;
        unsigned long hint_s;
    } rows[] = {
        {8 * 3600 * 1000ULL, 8 * 3600}, {60 * 1000ULL, 60}, {30 * 24 * 3600 * 1000ULL, 7 * 24 * 3600}};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_policy policy = kit_policy();
            struct kit kit;

            policy.session_lifetime_ms = rows[i].lifetime_ms;
            kit_open(&kit, &policy, 1U << KIT_P256, versions[j]);
            assert_false(resumes(&kit, NULL));
            assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(kit_client_newest(&kit.client)),
                             rows[i].hint_s);
            assert_int_equal(SSL_SESSION_get_max_early_data(kit_client_newest(&kit.client)), 0);
            kit_close(&kit);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_tickets_come_as_the_policy_says),
        cmocka_unit_test(another_worker_resumes_the_session),
        cmocka_unit_test(another_listener_or_trust_does_not),
        cmocka_unit_test(a_changed_ticket_is_ignored),
        cmocka_unit_test(a_data_channel_resumes_its_own_control_session_only),
        cmocka_unit_test(a_resumed_control_session_keeps_its_binding),
        cmocka_unit_test(a_fresh_ticket_comes_with_the_next_reply),
        cmocka_unit_test(where_no_ticket_may_come_none_is_renewed),
        cmocka_unit_test(tickets_say_how_long_they_live),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
