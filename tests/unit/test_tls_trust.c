/* Who is trusted in a full handshake, and what those hear who are not. */
#include "tls_kit_trust.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

struct row {
    const char *what;
    enum world who, first_issuer, second_issuer;
    struct world_trust trust;
    const char *reason;  /* NULL: trusted */
    const char *partner; /* NULL: "" */
};

static const struct row rows[] = {
    {.what = "a partner's own certificate, self-signed, no authority at all",
     .who = ALONE,
     .trust = {.partners = {{"acme", ALONE}}},
     .partner = "acme"},
    {.what = "the first of two that overlap",
     .who = ALONE,
     .trust = {.partners = {{"acme", ALONE}, {"acme", ALONE_TOO}}},
     .partner = "acme"},
    {.what = "the second of two that overlap",
     .who = ALONE_TOO,
     .trust = {.partners = {{"acme", ALONE}, {"acme", ALONE_TOO}}},
     .partner = "acme"},
    {.what = "one is past, the other goes on",
     .who = ALONE,
     .trust = {.partners = {{"acme", ALONE_LATE}, {"acme", ALONE}}},
     .partner = "acme"},
    {.what = "the same name with another key is nobody",
     .who = ALONE_TOO,
     .trust = {.partners = {{"acme", ALONE}}},
     .reason = "self-signed certificate"},
    {.what = "the right one among several partners",
     .who = BY_ROOT,
     .trust = {.partners = {{"a", ALONE}, {"b", BY_ROOT}, {"c", ALONE_TOO}}},
     .partner = "b"},
    {.what = "a partner's that has expired",
     .who = ALONE_LATE,
     .trust = {.partners = {{"acme", ALONE_LATE}}},
     .reason = "certificate has expired"},
    {.what = "a partner's that is not valid yet",
     .who = ALONE_EARLY,
     .trust = {.partners = {{"acme", ALONE_EARLY}}},
     .reason = "certificate is not yet valid"},
    {.what = "of a disabled partner",
     .who = ALONE,
     .trust = {.partners = {{"acme", ALONE, true}}},
     .reason = "its partner is disabled"},
    {.what = "of a disabled partner whom an authority would let in",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .partners = {{"acme", BY_ROOT, true}}},
     .reason = "its partner is disabled"},
    {.what = "a partner's usage is not asked for: it is on file",
     .who = ALONE_SERVER,
     .trust = {.partners = {{"acme", ALONE_SERVER}}},
     .partner = "acme"},
    {.what = "a partner's with an authority: the partner is told",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .partners = {{"acme", BY_ROOT}}},
     .partner = "acme"},
    {.what = "a partner's of an unknown authority",
     .who = BY_TWIN,
     .trust = {.authorities = {MIDDLE}, .partners = {{"acme", BY_TWIN}}},
     .partner = "acme"},
    {.what = "a partner's that a CRL names",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}}, .partners = {{"acme", BY_ROOT}}},
     .reason = "certificate revoked"},
    {.what = "a partner's needs no CRL",
     .who = ALONE,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}, .partners = {{"acme", ALONE}}},
     .partner = "acme"},

    {.what = "by the authority", .who = BY_ROOT, .trust = {.authorities = {ROOT}}},
    {.what = "by an intermediate that is sent",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}}},
    {.what = "the intermediate is missing",
     .who = BY_MIDDLE,
     .trust = {.authorities = {ROOT}},
     .reason = "unable to get local issuer certificate"},
    {.what = "the intermediate is in the truststore", .who = BY_MIDDLE, .trust = {.authorities = {MIDDLE}}},
    {.what = "two intermediates",
     .who = BY_LOWER,
     .first_issuer = LOWER,
     .second_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}}},
    {.what = "two where one is allowed",
     .who = BY_LOWER,
     .first_issuer = LOWER,
     .second_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .depth = 2},
     .reason = "certificate chain too long"},
    {.what = "one where one is allowed",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .depth = 2}},
    {.what = "one where none is allowed",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .depth = 1},
     .reason = "certificate chain too long"},
    {.what = "an authority with the same name and another key",
     .who = BY_TWIN,
     .trust = {.authorities = {ROOT}},
     .reason = "certificate signature failure"},
    {.what = "expired",
     .who = EXPIRED,
     .trust = {.authorities = {ROOT}},
     .reason = "certificate has expired"},
    {.what = "not valid yet",
     .who = EARLY,
     .trust = {.authorities = {ROOT}},
     .reason = "certificate is not yet valid"},
    {.what = "extendedKeyUsage without clientAuth",
     .who = FOR_SERVERS,
     .trust = {.authorities = {ROOT}},
     .reason = "unsuitable certificate purpose"},
    {.what = "keyUsage without signatures",
     .who = FOR_SIGNING_CERTIFICATES,
     .trust = {.authorities = {ROOT}},
     .reason = "unsuitable certificate purpose"},
    {.what = "nothing is trusted",
     .who = BY_ROOT,
     .trust = {.depth = 1},
     .reason = "unable to get local issuer certificate"},

    {.what = "a CRL that names others",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, EARLY, DAY}}}},
    {.what = "revoked",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}}},
     .reason = "certificate revoked"},
    {.what = "revoked, and CRLs may be missing",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, DAY}}, .crl_ignore = true},
     .reason = "certificate revoked"},
    {.what = "revoked by an expired CRL, which may be",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, BY_ROOT, -DAY}}, .crl_ignore = true},
     .reason = "certificate revoked"},
    {.what = "revoked by its intermediate",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}, {MIDDLE, BY_MIDDLE, DAY}}},
     .reason = "certificate revoked"},
    {.what = "the intermediate is revoked",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, MIDDLE, DAY}, {MIDDLE, NOBODY, DAY}}},
     .reason = "certificate revoked"},
    {.what = "every CRL of the chain is there",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}, {MIDDLE, NOBODY, DAY}}}},
    {.what = "the intermediate's CRL is missing",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}},
     .reason = "unable to get certificate CRL"},
    {.what = "the root's CRL is missing",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .crls = {{MIDDLE, NOBODY, DAY}}},
     .reason = "unable to get certificate CRL"},
    {.what = "one is missing, which may be",
     .who = BY_MIDDLE,
     .first_issuer = MIDDLE,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, DAY}}, .crl_ignore = true}},
    {.what = "a CRL has expired",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, -DAY}}},
     .reason = "CRL has expired"},
    {.what = "a CRL has expired, which may be",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{ROOT, NOBODY, -DAY}}, .crl_ignore = true}},
    {.what = "only another authority's CRL",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{MIDDLE, NOBODY, DAY}}},
     .reason = "unable to get certificate CRL"},
    {.what = "only the CRL of an authority with the same name and another key",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{TWIN, NOBODY, DAY}}},
     .reason = "CRL signature failure"},
    {.what = "the same, and it may be missing",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT}, .crls = {{TWIN, NOBODY, DAY}}, .crl_ignore = true}},
    {.what = "who stands in the truststore itself needs no CRL",
     .who = ALONE,
     .trust = {.authorities = {ROOT, ALONE}, .crls = {{ROOT, NOBODY, DAY}}}},
    {.what = "nor does an intermediate that does",
     .who = BY_MIDDLE,
     .trust = {.authorities = {MIDDLE}, .crls = {{MIDDLE, NOBODY, DAY}}}},
    {.what = "an intermediate in the truststore that the root has revoked",
     .who = BY_MIDDLE,
     .trust = {.authorities = {ROOT, MIDDLE},
               .crls = {{ROOT, MIDDLE, DAY, true}, {MIDDLE, NOBODY, DAY, true}}},
     .reason = "certificate revoked"},
    {.what = "the same, by an expired CRL, which may be, and the root is not there",
     .who = BY_MIDDLE,
     .trust = {.authorities = {MIDDLE}, .crls = {{ROOT, MIDDLE, -DAY, true}}, .crl_ignore = true},
     .reason = "certificate revoked"},
    {.what = "a certificate that stands there itself and is revoked",
     .who = BY_ROOT,
     .trust = {.authorities = {ROOT, BY_ROOT}, .crls = {{ROOT, BY_ROOT, DAY, true}}},
     .reason = "certificate revoked"},
    {.what = "another authority of the root's name has revoked the intermediate's number",
     .who = BY_MIDDLE,
     .trust = {.authorities = {ROOT, TWIN, MIDDLE},
               .crls = {{ROOT, NOBODY, DAY, true}, {MIDDLE, NOBODY, DAY, true}, {TWIN, MIDDLE, DAY, true}}}},
};

/* T4: what the client is told. */
static const struct {
    const char *reason, *alert;
} alerts[] = {
    {"CRL has expired", "tlsv1 alert unknown ca"},
    {"CRL signature failure", "tlsv1 alert decrypt error"},
    {"certificate chain too long", "tlsv1 alert unknown ca"},
    {"certificate has expired", "sslv3 alert certificate expired"},
    {"certificate is not yet valid", "sslv3 alert bad certificate"},
    {"certificate revoked", "sslv3 alert certificate revoked"},
    {"certificate signature failure", "tlsv1 alert decrypt error"},
    {"its partner is disabled", "sslv3 alert bad certificate"},
    {"self-signed certificate", "tlsv1 alert unknown ca"},
    {"unable to get certificate CRL", "tlsv1 alert unknown ca"},
    {"unable to get local issuer certificate", "tlsv1 alert unknown ca"},
    {"unsuitable certificate purpose", "sslv3 alert unsupported certificate"},
};

static const char *alert_for(const char *reason)
{
    for (size_t i = 0; i < ROWS(alerts); i++)
        if (!strcmp(alerts[i].reason, reason))
            return alerts[i].alert;
    fail_msg("no alert is known for \"%s\"", reason);
    return NULL;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void check_facts(const struct kit_pair *pair, const struct row *row)
{
    struct tls_facts facts = kit_facts(pair);

    assert_int_equal(facts.verdict, row->reason ? TLS_UNTRUSTED : TLS_TRUSTED);
    assert_string_equal(facts.reason, or_empty(row->reason));
    assert_string_equal(facts.partner, or_empty(row->partner));
    assert_int_equal(facts.not_after != 0, !row->reason);
    world_check_certificate(pair, row->who);
}

static void begin(struct kit *kit, struct kit_pair *pair, const struct row *row, bool reject, int version)
{
    struct tls_policy policy = world_policy();

    policy.reject_in_handshake = reject;
    world_open(kit, &policy, &row->trust, version);
    world_present(kit, row->who, row->first_issuer, row->second_issuer);
    kit_connect(pair, kit->ctx, TLS_MAIN, NULL, &kit->client, NULL);
}

static void the_verdict_is_that_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct kit kit;
            struct kit_pair pair;

            print_message("%s\n", rows[i].what);
            begin(&kit, &pair, &rows[i], false, versions[j]);
            assert_true(kit_handshake(&pair, &kit.signer));
            check_facts(&pair, &rows[i]);
            kit_pair_free(&pair);
            kit_close(&kit);
        }
}

/* T4: the right alert; and what is known about the certificate stays known for the log. */
static void who_is_refused_hears_why(void **state)
{
    char error[200];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (size_t j = 0; j < ROWS(versions); j++) {
            struct kit kit;
            struct kit_pair pair;

            print_message("%s\n", rows[i].what);
            begin(&kit, &pair, &rows[i], true, versions[j]);
            assert_int_equal(kit_handshake(&pair, &kit.signer), !rows[i].reason);
            check_facts(&pair, &rows[i]);
            if (rows[i].reason) {
                if (pair.client_error == SSL_ERROR_NONE) /* TLS 1.3: it believes that it is connected */
                    kit_client_read(&pair, pair.plain, KIT_ROOM);
                assert_string_equal(kit_client_reason(), alert_for(rows[i].reason));
                snprintf(error, sizeof error, "client certificate refused: %s", rows[i].reason);
                assert_string_equal(tls_error(pair.server)->text, error);
                assert_true(tls_certificate_refused(pair.server));
            }
            kit_pair_free(&pair);
            kit_close(&kit);
        }
}

/* A CRL's signature is not verified in each handshake; what it names counts in each, and that it was let pass
 * at the end of one chain says nothing for others. */
static void a_crl_is_verified_once_for_its_issuer(void **state)
{
    static const struct {
        struct world_crl crl;
        struct {
            enum world who;
            enum tls_verdict verdict;
        } clients[4];
    } sequences[] = {
        {{ROOT, BY_ROOT, DAY, false},
         {{ENDS_SOON, TLS_TRUSTED},
          {BY_ROOT, TLS_UNTRUSTED},
          {ENDS_SOON, TLS_TRUSTED},
          {BY_ROOT, TLS_UNTRUSTED}}},
        {{TWIN, NOBODY, DAY, false},
         {{ROOT, TLS_TRUSTED}, {BY_ROOT, TLS_UNTRUSTED}, {ROOT, TLS_TRUSTED}, {ENDS_SOON, TLS_UNTRUSTED}}},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(sequences); i++) {
        const struct world_trust wish = {.authorities = {ROOT}, .crls = {sequences[i].crl}};
        struct tls_trust *trust = world_trust(&wish);

        for (size_t j = 0; j < ROWS(sequences[i].clients); j++)
            assert_int_equal(world_verdict(trust, sequences[i].clients[j].who),
                             sequences[i].clients[j].verdict);
        tls_trust_unref(trust);
    }
}

/* ---- T7: many authorities ---- */

enum { MANY = 600 };

static char *many_authorities(int count, int name_len, struct kit_identity *last)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char name[80], *data, *text;
    long len;

    for (int i = 0; i < count; i++) {
        const struct kit_wish wish = {.name = name, .authority = true};

        snprintf(name, sizeof name, "%0*d", name_len, i);
        if (i)
            kit_identity_free(last);
        *last = kit_identity(kit_key(KIT_P256), &wish);
        assert_true(PEM_write_bio_X509(memory, last->certificate));
    }
    len = BIO_get_mem_data(memory, &data);
    text = OPENSSL_strndup(data, (size_t)len);
    BIO_free(memory);
    return text;
}

static void six_hundred_authorities_are_trusted_and_not_told(void **state)
{
    struct kit_identity last;
    char *pem = many_authorities(MANY, 12, &last);
    const struct kit_wish wish = {.name = "client", .issuer = &last};
    struct kit_identity client = kit_identity(kit_key(KIT_P256), &wish);

    (void)state;
    for (int announce = 0; announce < 2; announce++)
        for (size_t i = 0; i < ROWS(versions); i++) {
            const struct tls_trust_setup setup = {
                .ca_pem = pem, .ca_pem_len = strlen(pem), .announce = announce, .verify_depth = 1};
            struct tls_policy policy = kit_policy();
            struct kit kit;
            struct kit_pair pair;
            struct err err;
            const STACK_OF(X509_NAME) * names;

            policy.trust = tls_trust_new(&setup, &err);
            assert_non_null(policy.trust);
            policy.client_mode = TLS_CLIENT_REQUIRE;
            policy.reject_in_handshake = true;
            kit_open(&kit, &policy, 1U << KIT_P256, versions[i]);
            tls_trust_unref(policy.trust);
            kit_show(kit.client.ctx, &client);
            kit_establish(&pair, &kit, NULL);
            assert_int_equal(kit_facts(&pair).verdict, TLS_TRUSTED);
            names = SSL_get0_peer_CA_list(pair.client);
            assert_int_equal(names ? sk_X509_NAME_num(names) : 0, announce ? MANY : 0);
            kit_pair_free(&pair);
            kit_close(&kit);
        }
    kit_identity_free(&client);
    kit_identity_free(&last);
    OPENSSL_free(pem);
}

/* More than 64 KB of names fit in no CertificateRequest: found when it is read, not in each handshake. */
static void too_long_names_are_not_announced(void **state)
{
    struct kit_identity last;
    char *pem = many_authorities(MANY + 100, 63, &last);
    struct tls_trust_setup setup = {.ca_pem = pem, .ca_pem_len = strlen(pem)};
    struct err err = {""};
    struct tls_trust *trust = tls_trust_new(&setup, &err);

    (void)state;
    assert_non_null(trust);
    tls_trust_unref(trust);
    setup.announce = true;
    assert_null(tls_trust_new(&setup, &err));
    assert_non_null(strstr(err.text, "names are too long to be announced"));
    kit_identity_free(&last);
    OPENSSL_free(pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_is_that_of_the_table),
        cmocka_unit_test(who_is_refused_hears_why),
        cmocka_unit_test(a_crl_is_verified_once_for_its_issuer),
        cmocka_unit_test(six_hundred_authorities_are_trusted_and_not_told),
        cmocka_unit_test(too_long_names_are_not_announced),
    };

    return cmocka_run_group_tests(tests, world_make, world_unmake);
}
