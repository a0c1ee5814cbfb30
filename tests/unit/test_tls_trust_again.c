/*
 * What a certificate is worth later (C5): in sessions that are resumed, and in conversations that go on, when
 * the trust or the time is another one.
 */
#include "tls_kit_clock.h"
#include "tls_kit_trust.h"
#include "tls_trust_private.h"

#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct row {
    const char *what;
    enum world who, first_issuer, second_issuer;
    struct world_trust then, now;
    bool full;          /* it comes to a full handshake */
    const char *reason; /* what is thought then; NULL: trusted */
    const char *partner;
    long wait_s;
};

static const struct row rows[] = {
    {.what = "nothing has changed",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}}},
    {.what = "nothing has changed for a partner",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE}}},
     .now = {.partners = {{"acme", ALONE}}},
     .partner = "acme"},
    {.what = "other partners have come",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE}}},
     .now = {.authorities = {ROOT}, .partners = {{"b", BY_ROOT}, {"acme", ALONE}}},
     .partner = "acme"},
    {.what = "its second certificate is on file",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE}}},
     .now = {.partners = {{"acme", ALONE}, {"acme", ALONE_TOO}}},
     .partner = "acme"},
    {.what = "its old certificate is off the file",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE}, {"acme", ALONE_TOO}}},
     .now = {.partners = {{"acme", ALONE_TOO}}},
     .full = true,
     .reason = "self-signed certificate"},
    {.what = "the partner has another name",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE}}},
     .now = {.partners = {{"acme2", ALONE}}},
     .partner = "acme2"},
    {.what = "the partner is disabled",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE}}},
     .now = {.partners = {{"acme", ALONE, true}}},
     .full = true,
     .reason = "its partner is disabled"},
    {.what = "the authority's client is a disabled partner",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .partners = {{"acme", BY_ROOT, true}}},
     .full = true,
     .reason = "its partner is disabled"},
    {.what = "the authority's client has become a partner",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .partners = {{"acme", BY_MIDDLE}}},
     .partner = "acme"},
    {.what = "the partner has become any client of the authority",
     .who = BY_ROOT,
     .then = {.partners = {{"acme", BY_ROOT}}},
     .now = {.authorities = {ROOT}}},
    {.what = "the same, behind an intermediate: only a full handshake brings it",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.partners = {{"acme", BY_MIDDLE}}},
     .now = {.authorities = {ROOT}},
     .full = true},
    {.what = "revoked",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}}},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "revoked, and CRLs may be missing",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .crls = {{MIDDLE, BY_MIDDLE, DAY}}, .crl_ignore = true},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "only the CRL of an authority with the same name and another key",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}},
     .now = {.authorities = {ROOT}, .crls = {{TWIN, NOBODY, DAY}}},
     .full = true,
     .reason = "CRL signature failure"},
    {.what = "the authority's other key has revoked the same number",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}},
     .now = {.authorities = {ROOT, TWIN}, .crls = {{ROOT, NOBODY, DAY}, {TWIN, BY_ROOT, DAY}}}},
    {.what = "the intermediate is revoked",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}, {MIDDLE, NOBODY, DAY}}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, MIDDLE, DAY}, {MIDDLE, NOBODY, DAY}}},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "the upper of two intermediates is revoked",
     .who = BY_LOWER,
     .first_issuer = LOWER,
     .second_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, MIDDLE, DAY}}, .crl_ignore = true},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "the lower of two intermediates is revoked",
     .who = BY_LOWER,
     .first_issuer = LOWER,
     .second_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .crls = {{MIDDLE, LOWER, DAY}}, .crl_ignore = true},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "an intermediate that stands in the truststore is revoked",
     .who = BY_MIDDLE,
     .then = {.authorities = {ROOT, MIDDLE},
              .crls = {{ROOT, NOBODY, DAY, true}, {MIDDLE, NOBODY, DAY, true}}},
     .now = {.authorities = {ROOT, MIDDLE}, .crls = {{ROOT, MIDDLE, DAY, true}, {MIDDLE, NOBODY, DAY, true}}},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "the same where CRLs may be missing, and no root is there",
     .who = BY_MIDDLE,
     .then = {.authorities = {MIDDLE}},
     .now = {.authorities = {MIDDLE}, .crls = {{ROOT, MIDDLE, DAY, true}}, .crl_ignore = true},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "others are revoked",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}, {MIDDLE, LOWER, DAY}}}},
    {.what = "a partner's is revoked",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}, .partners = {{"acme", BY_ROOT}}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}}, .partners = {{"acme", BY_ROOT}}},
     .full = true,
     .reason = "certificate revoked"},
    {.what = "an intermediate's CRL is missing",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}},
     .full = true,
     .reason = "unable to get certificate CRL"},
    {.what = "it is missing, which may be",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}, .crl_ignore = true}},
    {.what = "the CRL runs out",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, 3600}}},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, 3600}}},
     .wait_s = 3700,
     .full = true,
     .reason = "CRL has expired"},
    {.what = "the CRL runs out, which may be",
     .who = BY_ROOT,
     .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, 3600}}, .crl_ignore = true},
     .now = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, 3600}}, .crl_ignore = true},
     .wait_s = 3700},
    {.what = "the certificate runs out",
     .who = ENDS_SOON,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}},
     .wait_s = 1900,
     .full = true,
     .reason = "certificate has expired"},
    {.what = "it does not run out before its time",
     .who = ENDS_SOON,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}},
     .wait_s = 1700},
    {.what = "a partner's runs out",
     .who = ENDS_SOON,
     .then = {.partners = {{"acme", ENDS_SOON}}},
     .now = {.partners = {{"acme", ENDS_SOON}}},
     .wait_s = 1900,
     .full = true,
     .reason = "certificate has expired"},
    {.what = "the intermediate runs out, the certificate would not",
     .who = BY_LATE_MIDDLE,
     .first_issuer = LATE_MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}},
     .wait_s = 3700,
     .full = true,
     .reason = "certificate has expired"},
    {.what = "the authority is gone",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT, TWIN}},
     .now = {.authorities = {LOWER}},
     .full = true,
     .reason = "unable to get local issuer certificate"},
    {.what = "the authority is gone, its intermediate stands there now",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {MIDDLE}}},
    {.what = "the certificate itself stands there now",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {BY_MIDDLE}}},
    {.what = "fewer intermediates are allowed",
     .who = BY_LOWER,
     .first_issuer = LOWER,
     .second_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .depth = 2},
     .full = true,
     .reason = "certificate chain too long"},
    {.what = "just as many as there are",
     .who = BY_LOWER,
     .first_issuer = LOWER,
     .second_issuer = MIDDLE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .depth = 3}},
    {.what = "it was no good, and is none",
     .who = ALONE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}},
     .reason = "self-signed certificate"},
    {.what = "it was no good, and is on file now",
     .who = ALONE,
     .then = {.authorities = {ROOT}},
     .now = {.authorities = {ROOT}, .partners = {{"acme", ALONE}}},
     .full = true,
     .partner = "acme"},
    {.what = "it was no good, and its authority is trusted now",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .then = {.authorities = {TWIN}},
     .now = {.authorities = {ROOT}},
     .full = true},
    {.what = "the partner was disabled, and is not any more",
     .who = ALONE,
     .then = {.partners = {{"acme", ALONE, true}}},
     .now = {.partners = {{"acme", ALONE}}},
     .full = true,
     .partner = "acme"},
    {.what = "it was too early, and is not any more",
     .who = ALONE_EARLY,
     .then = {.partners = {{"acme", ALONE_EARLY}}},
     .now = {.partners = {{"acme", ALONE_EARLY}}},
     .wait_s = DAY + 60,
     .full = true,
     .partner = "acme"},
};

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void open_row(struct kit *kit, const struct row *row, int version)
{
    struct tls_policy policy = world_policy();

    print_message("%s\n", row->what);
    policy.trust_name = "partners";
    policy.session_lifetime_ms = 7 * DAY * 1000;
    world_open(kit, &policy, &row->then, version);
    world_present(kit, row->who, row->first_issuer, row->second_issuer);
}

static void check(const struct tls_facts *facts, const struct row *row)
{
    assert_int_equal(facts->verdict, row->reason ? TLS_UNTRUSTED : TLS_TRUSTED);
    assert_string_equal(facts->reason, or_empty(row->reason));
    assert_string_equal(facts->partner, or_empty(row->partner));
}

static void a_session_is_judged_by_the_trust_and_the_time_of_now(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_trust *now = world_trust(&rows[i].now);
            struct kit kit;
            struct kit_pair pair;
            struct tls_facts facts;

            open_row(&kit, &rows[i], versions[j]);
            kit_establish(&pair, &kit, NULL);
            kit_pair_free(&pair);
            assert_true(tls_ctx_set_trust(kit.ctx, now));
            tls_trust_unref(now);
            kit_later_s = rows[i].wait_s;
            for (int turn = 0; turn < 2; turn++) { /* what the first one gave is as good as the first */
                kit_establish(&pair, &kit, kit_client_newest(&kit.client));
                facts = kit_facts(&pair);
                assert_int_equal(facts.resumed, turn ? true : !rows[i].full);
                check(&facts, &rows[i]);
                world_check_certificate(&pair, rows[i].who);
                kit_pair_free(&pair);
            }
            kit_later_s = 0;
            kit_close(&kit);
        }
}

static void a_conversation_is_judged_by_the_trust_and_the_time_of_now(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct tls_trust *now = world_trust(&rows[i].now);
            struct tls_judgement judgement;
            struct kit kit;
            struct kit_pair pair;

            open_row(&kit, &rows[i], versions[j]);
            kit_establish(&pair, &kit, NULL);
            kit_later_s = rows[i].wait_s;
            tls_judge(pair.server, now, &judgement);
            kit_later_s = 0;
            assert_int_equal(judgement.verdict, rows[i].reason ? TLS_UNTRUSTED : TLS_TRUSTED);
            assert_string_equal(judgement.reason, or_empty(rows[i].reason));
            assert_string_equal(judgement.partner, or_empty(rows[i].partner));
            world_check_certificate(&pair, rows[i].who);
            kit_pair_free(&pair);
            kit_close(&kit);
            tls_trust_unref(now);
        }
}

/* reject-at = handshake: the full handshake that it comes to tells the client why. */
static void a_session_that_is_not_resumed_is_refused_with_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions) && rows[i].full && rows[i].reason; j++) {
            struct tls_policy policy = world_policy();
            struct tls_trust *now = world_trust(&rows[i].now);
            char error[200];
            struct kit kit;
            struct kit_pair pair;

            policy.reject_in_handshake = true;
            world_open(&kit, &policy, &rows[i].then, versions[j]);
            world_present(&kit, rows[i].who, rows[i].first_issuer, rows[i].second_issuer);
            kit_establish(&pair, &kit, NULL);
            kit_pair_free(&pair);
            assert_true(tls_ctx_set_trust(kit.ctx, now));
            tls_trust_unref(now);
            kit_later_s = rows[i].wait_s;
            kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, kit_client_newest(&kit.client));
            assert_false(kit_handshake(&pair, &kit.signer));
            kit_later_s = 0;
            snprintf(error, sizeof error, "client certificate refused: %s", rows[i].reason);
            assert_string_equal(tls_error(pair.server)->text, error);
            kit_pair_free(&pair);
            kit_close(&kit);
        }
}

/* F16: a data channel decides nothing; where the certificate is no good any more it does not resume either.
 */
static void a_data_channel_resumes_what_is_not_worse_than_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            const struct row *row = &rows[i];
            struct tls_trust *now = world_trust(&row->now);
            struct kit kit;
            struct kit_pair control, data;
            bool was_bad;

            open_row(&kit, row, versions[j]);
            kit_establish(&control, &kit, NULL);
            was_bad = kit_facts(&control).verdict == TLS_UNTRUSTED;
            assert_true(tls_ctx_set_trust(kit.ctx, now));
            tls_trust_unref(now);
            kit_later_s = row->wait_s;
            kit_connect(&data, kit.ctx, TLS_DATA, control.server, &kit.client,
                        kit_client_newest(&kit.client));
            assert_true(kit_handshake(&data, &kit.signer));
            kit_later_s = 0;
            assert_int_equal(kit_facts(&data).bound, was_bad || !row->full);
            world_check_certificate(&data, row->who);
            kit_pair_free(&data);
            kit_pair_free(&control);
            kit_close(&kit);
        }
}

/* The trust that decided may be long gone. */
static void facts_outlive_the_trust(void **state)
{
    const struct world_trust then = {.partners = {{"acme", ALONE}}}, nobody = {.depth = 1};
    struct tls_policy policy = kit_policy();
    struct tls_trust *now = world_trust(&nobody);
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    policy.client_mode = TLS_CLIENT_REQUEST;
    world_open(&kit, &policy, &then, 0);
    world_present(&kit, ALONE, NOBODY, NOBODY);
    kit_establish(&pair, &kit, NULL);
    assert_true(tls_ctx_set_trust(kit.ctx, now));
    tls_trust_unref(now);
    assert_string_equal(kit_facts(&pair).partner, "acme");
    assert_int_equal(kit_facts(&pair).verdict, TLS_TRUSTED);
    kit_pair_free(&pair);
    kit_close(&kit);
}

/* A CRL that was good in one handshake may have run out in the next. */
static void a_crl_runs_out_under_the_same_trust(void **state)
{
    const struct row row = {
        .what = "", .who = BY_ROOT, .then = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, 3600}}}};
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    open_row(&kit, &row, 0);
    for (kit_later_s = 0; kit_later_s < 3 * 3700; kit_later_s += 3700) {
        kit_establish(&pair, &kit, NULL);
        assert_int_equal(kit_facts(&pair).verdict, kit_later_s ? TLS_UNTRUSTED : TLS_TRUSTED);
        kit_pair_free(&pair);
    }
    kit_later_s = 0;
    kit_close(&kit);
}

/* F6: TLS 1.2 clients without tickets (curl) resume on data channels by a session id. */
static void a_client_without_tickets_is_known_on_its_data_channels(void **state)
{
    const struct world_trust now = {.authorities = {ROOT}},
                             revoked = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}}};
    struct tls_policy policy = world_policy();
    struct tls_trust *later = world_trust(&revoked);
    struct kit kit;
    struct kit_pair control, data;
    SSL_SESSION *session;

    (void)state;
    policy.data_channels = true;
    world_open(&kit, &policy, &now, TLS1_2_VERSION);
    SSL_CTX_set_options(kit.client.ctx, SSL_OP_NO_TICKET);
    world_present(&kit, BY_ROOT, NOBODY, NOBODY);
    kit_establish(&control, &kit, NULL);
    session = SSL_get1_session(control.client);
    for (int is_revoked = 0; is_revoked < 2; is_revoked++) {
        kit_connect(&data, kit.ctx, TLS_DATA, control.server, &kit.client, session);
        assert_true(kit_handshake(&data, &kit.signer));
        assert_int_equal(kit_facts(&data).bound, !is_revoked);
        assert_int_equal(kit_facts(&data).verdict, is_revoked ? TLS_UNTRUSTED : TLS_TRUSTED);
        world_check_certificate(&data, BY_ROOT);
        kit_pair_free(&data);
        assert_true(tls_ctx_set_trust(kit.ctx, later));
    }
    tls_trust_unref(later);
    SSL_SESSION_free(session);
    kit_pair_free(&control);
    kit_close(&kit);
}

static void nobody_is_judged_who_shows_nothing(void **state)
{
    const struct world_trust root = {.authorities = {ROOT}};
    struct tls_policy policy = kit_policy();
    struct tls_judgement judgement;
    const uint8_t *der;
    uint8_t *chain;
    size_t len;
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    policy.client_mode = TLS_CLIENT_REQUEST;
    policy.trust = world_trust(&root);
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    kit_establish(&pair, &kit, NULL);
    tls_judge(pair.server, policy.trust, &judgement);
    assert_int_equal(judgement.verdict, TLS_NO_CERTIFICATE);
    assert_string_equal(judgement.reason, "");
    assert_false(tls_certificate(pair.server, &der, &len));
    assert_false(tls_chain_certificate(pair.server, 0, &chain, &len));
    kit_pair_free(&pair);
    world_present(&kit, BY_ROOT, NOBODY, NOBODY);
    kit_establish(&pair, &kit, NULL);
    tls_judge(pair.server, NULL, &judgement);
    assert_int_equal(judgement.verdict, TLS_UNTRUSTED);
    kit_pair_free(&pair);
    tls_trust_unref(policy.trust);
    kit_close(&kit);
}

/* For Client-Cert and Client-Cert-Chain (RFC 9440): the former in a resumed session too. */
static void the_certificates_are_there_as_der(void **state)
{
    const struct world_trust root = {.authorities = {ROOT}};

    (void)state;
    for (size_t j = 0; j < ROWS(versions); j++) {
        const struct tls_policy policy = world_policy();
        const uint8_t *der;
        uint8_t *chain;
        size_t len;
        struct kit kit;
        struct kit_pair pair;

        world_open(&kit, &policy, &root, versions[j]);
        world_present(&kit, BY_LOWER, LOWER, MIDDLE);
        for (int resumed = 0; resumed < 2; resumed++) {
            kit_establish(&pair, &kit, kit_client_newest(&kit.client));
            assert_int_equal(kit_facts(&pair).resumed, resumed);
            assert_true(tls_certificate(pair.server, &der, &len));
            assert_int_equal(len, world[BY_LOWER].der_len);
            assert_memory_equal(der, world[BY_LOWER].der, len);
            for (size_t i = 0; i < 2 && !resumed; i++) {
                const struct kit_identity *issuer = &world[i ? MIDDLE : LOWER];

                assert_true(tls_chain_certificate(pair.server, i, &chain, &len));
                assert_int_equal(len, issuer->der_len);
                assert_memory_equal(chain, issuer->der, len);
                free(chain);
            }
            assert_false(tls_chain_certificate(pair.server, resumed ? 0 : 2, &chain, &len));
            kit_pair_free(&pair);
        }
        kit_close(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_judged_by_the_trust_and_the_time_of_now),
        cmocka_unit_test(a_conversation_is_judged_by_the_trust_and_the_time_of_now),
        cmocka_unit_test(a_session_that_is_not_resumed_is_refused_with_the_reason),
        cmocka_unit_test(a_data_channel_resumes_what_is_not_worse_than_before),
        cmocka_unit_test(facts_outlive_the_trust),
        cmocka_unit_test(a_crl_runs_out_under_the_same_trust),
        cmocka_unit_test(a_client_without_tickets_is_known_on_its_data_channels),
        cmocka_unit_test(nobody_is_judged_who_shows_nothing),
        cmocka_unit_test(the_certificates_are_there_as_der),
    };

    return cmocka_run_group_tests(tests, world_make, world_unmake);
}
