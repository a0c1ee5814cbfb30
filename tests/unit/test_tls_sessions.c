/* Sessions that are known by an id, and tickets under several secrets. The test has its own clock. */
#include "tls_kit.h"
#include "tls_kit_clock.h"

#include <string.h>
#include <time.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* A TLS 1.2 client that takes no tickets, as curl is, in front of a listener with data channels. */
static void open_without_tickets(struct kit *kit, bool data_channels)
{
    struct tls_policy policy = kit_policy();

    policy.data_channels = data_channels;
    kit_open(kit, &policy, 1U << KIT_P256, TLS1_2_VERSION);
    SSL_CTX_set_options(kit->client.ctx, SSL_OP_NO_TICKET);
}

static unsigned id_len(const struct kit_pair *pair)
{
    unsigned len = 0;

    SSL_SESSION_get_id(SSL_get_session(pair->client), &len);
    return len;
}

/* What becomes of a data channel of control that offers the session. */
struct attempt {
    bool off, only;  /* data-resumption = "off"; nothing but a resumption is welcome */
    bool ends_badly; /* without close_notify: OpenSSL then takes the session for a bad one */
};

enum result { RESUMED, FULL, FAILED };

static enum result data_channel(struct kit *kit, const struct kit_pair *control, SSL_SESSION *session,
                                struct attempt how)
{
    struct kit_pair pair;
    enum result result = FAILED;

    kit_connect(&pair, kit->ctx, TLS_DATA, control ? control->server : NULL, &kit->client, session);
    if (how.off)
        tls_resume_nothing(pair.server);
    if (how.only)
        tls_resume_only(pair.server);
    if (kit_handshake(&pair, &kit->signer)) {
        struct tls_facts facts = kit_facts(&pair);

        assert_int_equal(facts.bound, facts.resumed);
        result = facts.resumed ? RESUMED : FULL;
        if (!how.ends_badly)
            kit_server_close(&pair);
        SSL_set_shutdown(pair.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    kit_pair_free(&pair);
    return result;
}

static SSL_SESSION *establish(struct kit *kit, struct kit_pair *pair)
{
    kit_establish(pair, kit, NULL);
    assert_int_equal(id_len(pair), 32);
    assert_false(SSL_SESSION_has_ticket(SSL_get_session(pair->client)));
    return SSL_get1_session(pair->client);
}

static void a_client_without_tickets_resumes_its_own_control_session(void **state)
{
    static const struct attempt plainly = {0}, badly = {.ends_badly = true}, off = {.off = true},
                                only = {.only = true};
    struct kit kit;
    struct kit_pair one, other;
    SSL_SESSION *of_one, *of_other;

    (void)state;
    open_without_tickets(&kit, true);
    of_one = establish(&kit, &one);
    of_other = establish(&kit, &other);
    assert_int_equal(data_channel(&kit, &one, NULL, plainly), FULL);
    assert_int_equal(data_channel(&kit, &one, kit_client_newest(&kit.client), plainly), FULL);
    for (int turn = 0; turn < 20; turn++)
        assert_int_equal(data_channel(&kit, &one, of_one, turn % 2 ? plainly : badly), RESUMED);
    assert_int_equal(data_channel(&kit, &one, of_other, plainly), FULL);
    assert_int_equal(data_channel(&kit, &other, of_one, plainly), FULL);
    assert_int_equal(data_channel(&kit, NULL, of_one, plainly), FULL);
    assert_int_equal(data_channel(&kit, &one, of_one, off), FULL);
    assert_int_equal(data_channel(&kit, &one, of_one, only), RESUMED);
    kit_later_s += 99L * 3600; /* a transfer may take so long */
    assert_int_equal(data_channel(&kit, &one, of_one, plainly), RESUMED);
    kit_later_s = 0;
    SSL_SESSION_free(of_one);
    SSL_SESSION_free(of_other);
    kit_pair_free(&one);
    kit_pair_free(&other);
    kit_close(&kit);
}

static void nobody_else_resumes_by_id(void **state)
{
    struct kit kit;
    struct kit_pair control, again;
    SSL_SESSION *session;

    (void)state;
    open_without_tickets(&kit, true);
    session = establish(&kit, &control);
    kit_establish(&again, &kit, session);
    assert_false(kit_facts(&again).resumed);
    SSL_SESSION_free(session);
    kit_pair_free(&again);
    kit_pair_free(&control);
    kit_close(&kit);
}

static void where_there_are_no_data_channels_sessions_have_no_id(void **state)
{
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    open_without_tickets(&kit, false);
    kit_establish(&pair, &kit, NULL);
    assert_int_equal(id_len(&pair), 0);
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* A stranger at a passive port has nothing signed. */
static void a_full_handshake_is_refused_before_its_signature(void **state)
{
    static const struct attempt only = {.only = true};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair control;
    unsigned submits;

    (void)state;
    policy.data_channels = true;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&control, &kit, NULL);
        submits = kit.signer.submits;
        assert_int_equal(data_channel(&kit, &control, NULL, only), FAILED);
        assert_int_equal(data_channel(&kit, NULL, kit_client_newest(&kit.client), only), FAILED);
        assert_int_equal(data_channel(&kit, &control, kit_client_newest(&kit.client), only), RESUMED);
        assert_int_equal(kit.signer.submits, submits);
        kit_pair_free(&control);
        kit_close(&kit);
    }
}

/* F16: as long as the control connection lives, so does its ticket on data channels; elsewhere it ends. */
static void a_ticket_does_not_grow_old_on_data_channels(void **state)
{
    static const struct attempt plainly = {0};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair control, pair;
    SSL_SESSION *session;

    (void)state;
    policy.data_channels = true;
    for (size_t i = 0; i < ROWS(versions); i++) {
        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        kit_establish(&control, &kit, NULL);
        session = kit_client_newest(&kit.client);
        kit_later_s = 99L * 3600;
        SSL_SESSION_set_time(session, (long)time(NULL)); /* the client's own idea of its age */
        assert_int_equal(data_channel(&kit, &control, session, plainly), RESUMED);
        kit_establish(&pair, &kit, session);
        assert_false(kit_facts(&pair).resumed);
        kit_later_s = 0;
        kit_pair_free(&pair);
        kit_pair_free(&control);
        kit_close(&kit);
    }
}

/* ---- secrets ---- */

static SSL_SESSION *newest; /* what the client has got last, to be freed */

static bool is_same_ticket(const SSL_SESSION *one, const SSL_SESSION *other)
{
    const unsigned char *ticket[2];
    size_t len[2];

    SSL_SESSION_get0_ticket(one, &ticket[0], &len[0]);
    SSL_SESSION_get0_ticket(other, &ticket[1], &len[1]);
    return len[0] == len[1] && !memcmp(ticket[0], ticket[1], len[0]);
}

static void keep_newest(const struct kit *kit, const struct kit_pair *pair)
{
    SSL_SESSION_free(newest);
    newest = SSL_get_session(pair->client);
    if (SSL_version(pair->client) == TLS1_3_VERSION)
        newest = kit_client_newest(&kit->client);
    SSL_SESSION_up_ref(newest);
}

static bool resumes(struct kit *kit, SSL_SESSION *session)
{
    struct kit_pair pair;
    bool resumed;

    kit_establish(&pair, kit, session);
    keep_newest(kit, &pair);
    resumed = kit_facts(&pair).resumed;
    SSL_set_shutdown(pair.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    kit_pair_free(&pair);
    return resumed;
}

static bool renews(struct kit *kit, SSL_SESSION *session)
{
    assert_true(resumes(kit, session));
    return !is_same_ticket(session, newest);
}

static SSL_SESSION *take_newest(void)
{
    SSL_SESSION *taken = newest;

    newest = NULL;
    return taken;
}

static void secrets_are_rotated_without_a_client_noticing(void **state)
{
    static const uint8_t old[][TLS_TICKET_SECRET_LEN] = {"old"},
                         both[][TLS_TICKET_SECRET_LEN] = {"new", "old"},
                         swapped[][TLS_TICKET_SECRET_LEN] = {"old", "new"},
                         new[][TLS_TICKET_SECRET_LEN] = {"new"};
    struct tls_policy policy = kit_policy();
    struct kit kit;

    (void)state;
    for (size_t i = 0; i < ROWS(versions); i++) {
        SSL_SESSION *first, *second;

        kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
        assert_true(tls_ctx_set_ticket_secrets(kit.ctx, old, 1));
        assert_false(resumes(&kit, NULL));
        first = take_newest();
        assert_true(tls_ctx_set_ticket_secrets(kit.ctx, both, 2));
        assert_true(renews(&kit, first)); /* sealed with the new one */
        second = take_newest();
        assert_true(tls_ctx_set_ticket_secrets(kit.ctx, swapped, 2));
        /* TLS 1.2 renews what is under an old secret, TLS 1.3 always */
        assert_int_equal(renews(&kit, first), versions[i] == TLS1_3_VERSION);
        assert_true(renews(&kit, second));
        assert_true(tls_ctx_set_ticket_secrets(kit.ctx, new, 1));
        assert_true(resumes(&kit, second));
        assert_false(resumes(&kit, first));
        SSL_SESSION_free(first);
        SSL_SESSION_free(second);
        SSL_SESSION_free(take_newest());
        kit_close(&kit);
    }
}

static void impossible_secrets_change_nothing(void **state)
{
    static const uint8_t many[TLS_TICKET_SECRETS_MAX + 1][TLS_TICKET_SECRET_LEN] = {"a"};
    struct tls_policy policy = kit_policy();
    struct kit kit;
    SSL_SESSION *session;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, TLS1_3_VERSION);
    assert_false(resumes(&kit, NULL));
    session = take_newest();
    assert_false(tls_ctx_set_ticket_secrets(kit.ctx, many, 0));
    assert_false(tls_ctx_set_ticket_secrets(kit.ctx, many, ROWS(many)));
    assert_true(resumes(&kit, session));
    assert_true(tls_ctx_set_ticket_secrets(kit.ctx, many, ROWS(many) - 1));
    SSL_SESSION_free(session);
    SSL_SESSION_free(take_newest());
    kit_close(&kit);
}

static void a_secret_file_is_taken_whole_or_stretched(void **state)
{
    static const uint8_t file[200] = {1, 2, 3};
    static const size_t lens[] = {32, 48, 79, 80, 81, 200};
    uint8_t secrets[ROWS(lens)][TLS_TICKET_SECRET_LEN], again[TLS_TICKET_SECRET_LEN];

    (void)state;
    assert_false(tls_ticket_secret(file, 0, again));
    assert_false(tls_ticket_secret(file, 31, again));
    for (size_t i = 0; i < ROWS(lens); i++) {
        assert_true(tls_ticket_secret(file, lens[i], secrets[i]));
        assert_true(tls_ticket_secret(file, lens[i], again));
        assert_memory_equal(secrets[i], again, sizeof again);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(secrets[i], secrets[j], TLS_TICKET_SECRET_LEN / 2);
            assert_memory_not_equal(secrets[i] + 40, secrets[j] + 40, TLS_TICKET_SECRET_LEN / 2);
        }
        if (lens[i] == TLS_TICKET_SECRET_LEN)
            assert_memory_equal(secrets[i], file, TLS_TICKET_SECRET_LEN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_without_tickets_resumes_its_own_control_session),
        cmocka_unit_test(nobody_else_resumes_by_id),
        cmocka_unit_test(where_there_are_no_data_channels_sessions_have_no_id),
        cmocka_unit_test(a_full_handshake_is_refused_before_its_signature),
        cmocka_unit_test(a_ticket_does_not_grow_old_on_data_channels),
        cmocka_unit_test(secrets_are_rotated_without_a_client_noticing),
        cmocka_unit_test(impossible_secrets_change_nothing),
        cmocka_unit_test(a_secret_file_is_taken_whole_or_stretched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
