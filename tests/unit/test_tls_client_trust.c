/* Towards partners: whose certificate is good, and why not. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "tls_client_private.h"
#include "tls_kit_crl.h"
#include "tls_trust_private.h"
#include "tls_way.h"

static const struct {
    const char *what, *name;
    struct kit_wish wish;
    const char *reason; /* NULL: it is good */
} partner_rows[] = {
    {"its name", PARTNER, {.issuer = &way_root, .names = "DNS:" PARTNER}, NULL},
    {"in another case", "AS2.Acme.Example", {.issuer = &way_root, .names = "DNS:" PARTNER}, NULL},
    {"with a dot behind", PARTNER ".", {.issuer = &way_root, .names = "DNS:" PARTNER}, NULL},
    {"one of several", PARTNER, {.issuer = &way_root, .names = "DNS:a.example,DNS:" PARTNER}, NULL},
    {"a wildcard", PARTNER, {.issuer = &way_root, .names = "DNS:*.acme.example"}, NULL},
    {"an address", "192.0.2.7", {.issuer = &way_root, .names = "IP:192.0.2.7"}, NULL},
    {"an IPv6 address", "2001:db8::7", {.issuer = &way_root, .names = "IP:2001:db8:0::7"}, NULL},
    {"for servers", PARTNER, {.issuer = &way_root, .names = "DNS:" PARTNER, .server_only = true}, NULL},
    {"another name",
     PARTNER,
     {.issuer = &way_root, .names = "DNS:as2.other.example,IP:192.0.2.7"},
     "it is for as2.other.example, 192.0.2.7, not for " PARTNER " (CN=Acme,O=p11gate tests)"},
    {"no name", PARTNER, {.issuer = &way_root}, "it is for nobody, not for " PARTNER},
    {"a common name alone", "Acme", {.issuer = &way_root, .names = "DNS:" PARTNER}, "not for Acme"},
    {"a wildcard for two labels",
     "x." PARTNER,
     {.issuer = &way_root, .names = "DNS:*.acme.example"},
     "not for x."},
    {"part of a label", PARTNER, {.issuer = &way_root, .names = "DNS:a*.acme.example"}, "not for"},
    {"another address", "192.0.2.8", {.issuer = &way_root, .names = "IP:192.0.2.7"}, "it is for 192.0.2.7"},
    {"an address as a name",
     "192.0.2.7",
     {.issuer = &way_root, .names = "DNS:192.0.2.7"},
     "not for 192.0.2.7"},
    {"a stranger's",
     PARTNER,
     {.issuer = &way_stranger, .names = "DNS:" PARTNER},
     "its issuer CN=Stranger CA"},
    {"its own", PARTNER, {.names = "DNS:" PARTNER}, "self-signed certificate"},
    {"run out",
     PARTNER,
     {.issuer = &way_root, .names = "DNS:" PARTNER, .valid_s = -86400},
     "certificate has expired on 20"},
    {"for clients",
     PARTNER,
     {.issuer = &way_root, .names = "DNS:" PARTNER, .usage = "clientAuth"},
     "unsuitable certificate purpose"},
};

static const char *const both[] = {"1.2", "1.3"};

static void expect_partner(size_t row, const char *versions)
{
    struct kit_wish wish = partner_rows[row].wish;
    const char *reason = partner_rows[row].reason;
    struct way way;

    way_open(&way, versions);
    wish.name = "Acme";
    way_serve(&way, &wish, KIT_RSA);
    way_begin(&way, partner_rows[row].name);
    way_run(&way, true);
    if (!reason) {
        way_expect_established(&way, partner_rows[row].what);
    } else {
        assert_int_equal(way.status, TLS_FAILED);
        assert_true(tls_certificate_refused(way.client));
        assert_int_equal(way.server_error, SSL_ERROR_SSL); /* it got the alert */
        if (strncmp(tls_error(way.client)->text, "partner certificate refused: ", 29) != 0 ||
            !strstr(tls_error(way.client)->text, reason))
            fail_msg("%s: %s", partner_rows[row].what, tls_error(way.client)->text);
    }
    way_close(&way);
}

static void the_partners_certificate_is_looked_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(partner_rows); i++)
        for (size_t j = 0; j < ROWS(both); j++)
            expect_partner(i, both[j]);
}

/* Before our own certificate is shown or anything is signed. */
static void nothing_is_signed_for_a_partner_who_is_not_himself(void **state)
{
    const struct kit_wish other = {.name = "Mallory", .issuer = &way_root, .names = "DNS:mallory.example"};

    (void)state;
    for (size_t i = 0; i < ROWS(both); i++) {
        struct way way;

        way_open(&way, both[i]);
        way_serve(&way, &other, KIT_RSA);
        way_add_key(&way, KIT_P256, 0);
        way_ask(&way, true);
        way_begin(&way, PARTNER);
        way_run(&way, true);
        assert_int_equal(way.status, TLS_FAILED);
        assert_int_equal(way.signer.admits, 0);
        way_close(&way);
    }
}

/* What stands in the truststore itself needs no issuer; a truststore that cannot be read changes nothing. */
static void trust_is_swapped_whole(void **state)
{
    const struct kit_wish own = {.name = "Acme", .names = "DNS:" PARTNER};
    struct kit_identity pinned = kit_identity(kit_key(KIT_RSA), &own);
    const struct tls_client_trust broken = {.ca_pem = "-----BEGIN CERTIFICATE-----\n", .ca_pem_len = 28};
    struct err err = {""};
    struct way way;

    (void)state;
    way_open(&way, "1.3");
    kit_show(way.server_ctx, &pinned);
    way_begin(&way, PARTNER);
    way_run(&way, true);
    assert_int_equal(way.status, TLS_FAILED);
    way_end(&way);
    assert_true(way_trust(&way, &pinned, &err));
    assert_false(tls_client_ctx_set_trust(way.ctx, &broken, &err));
    way_begin(&way, PARTNER);
    way_run(&way, true);
    way_expect_established(&way, "pinned");
    way_close(&way);
    kit_identity_free(&pinned);
}

/* Of the partners' CA. */
static char *crl_make(const struct kit_identity *revoked, long valid_s)
{
    const struct kit_crl_wish wish = {&way_root, revoked, valid_s, true};

    return kit_crl(&wish);
}

/* One connection to a partner with this certificate, by one who trusts so; intermediate: which he sends, or
 * NULL. */
static void meet(struct way *way, const struct tls_client_trust *trust, const struct kit_identity *partner,
                 const struct kit_identity *intermediate)
{
    struct err err = {""};

    way_open(way, "1.2-1.3");
    assert_true(tls_client_ctx_set_trust(way->ctx, trust, &err));
    kit_show(way->server_ctx, partner);
    if (intermediate)
        assert_true(SSL_CTX_add1_chain_cert(way->server_ctx, intermediate->certificate));
    way_begin(way, PARTNER);
    way_run(way, true);
}

static void a_crl_is_asked(void **state)
{
    static const struct {
        bool revoked, crl_fail;
        long valid_s;
        const char *reason; /* NULL: trusted */
    } rows[] = {
        {false, true, 3600, NULL},      {true, true, 3600, "certificate revoked"},
        {true, false, 3600, "revoked"}, {false, true, -60, "CRL has expired"},
        {false, false, -60, NULL},      {true, false, -60, "certificate revoked"},
    };
    struct kit_identity partner;
    const struct kit_identity *authority = &way_root;
    char *ca;

    (void)state;
    partner = kit_identity(kit_key(KIT_RSA), &way_good);
    ca = kit_pem(&authority, 1);
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *crl = crl_make(rows[i].revoked ? &partner : NULL, rows[i].valid_s);
        const struct tls_client_trust trust = {ca, strlen(ca), crl, strlen(crl), rows[i].crl_fail, 5};
        struct way way;

        meet(&way, &trust, &partner, NULL);
        if (!rows[i].reason)
            way_expect_established(&way, "a CRL");
        else if (way.status != TLS_FAILED || !strstr(tls_error(way.client)->text, rows[i].reason))
            fail_msg("row %zu: %s", i, tls_error(way.client)->text);
        way_close(&way);
        OPENSSL_free(crl);
    }
    OPENSSL_free(ca);
    kit_identity_free(&partner);
}

/* Who stands in the truststore needs no CRL of its issuer, and what does not fit is as good as missing. */
static void a_pinned_partner_needs_no_crl(void **state)
{
    struct kit_identity pinned;
    const struct kit_identity *known[2] = {&way_root, &pinned};
    const struct kit_wish wish = {.name = PARTNER, .names = "DNS:" PARTNER};
    char *ca, *crl = crl_make(NULL, 3600);

    (void)state;
    pinned = kit_identity(kit_key(KIT_RSA), &wish);
    ca = kit_pem(known, 2);
    for (int crl_fail = 0; crl_fail < 2; crl_fail++) {
        const struct tls_client_trust trust = {ca, strlen(ca), crl, strlen(crl), crl_fail, 5};
        struct way way;

        meet(&way, &trust, &pinned, NULL);
        way_expect_established(&way, "pinned, and there are CRLs of others");
        way_close(&way);
    }
    OPENSSL_free(ca);
    OPENSSL_free(crl);
    kit_identity_free(&pinned);
}

/* Who is trusted for standing in the truststore is not, once a CRL names it. */
static void an_issuer_in_the_truststore_may_be_revoked(void **state)
{
    const struct kit_wish middle_wish = {.name = "Middle", .issuer = &way_root, .authority = true};
    struct kit_identity middle = kit_identity(kit_key(KIT_P384), &middle_wish), partner;
    const struct kit_wish wish = {.name = "Acme", .issuer = &middle, .names = "DNS:" PARTNER};
    const struct kit_identity *known[2] = {&way_root, &middle};
    char *ca = kit_pem(known, 2);

    (void)state;
    partner = kit_identity(kit_key(KIT_RSA), &wish);
    for (int revoked = 0; revoked < 2; revoked++) {
        char *crl = crl_make(revoked ? &middle : NULL, 3600);
        const struct tls_client_trust trust = {ca, strlen(ca), crl, strlen(crl), false, 5};
        struct way way;

        meet(&way, &trust, &partner, NULL);
        if (!revoked)
            way_expect_established(&way, "its issuer is not revoked");
        else if (way.status != TLS_FAILED ||
                 !strstr(tls_error(way.client)->text, "certificate revoked (CN=Middle"))
            fail_msg("%s", tls_error(way.client)->text);
        way_close(&way);
        OPENSSL_free(crl);
    }
    OPENSSL_free(ca);
    kit_identity_free(&partner);
    kit_identity_free(&middle);
}

/* 50 partners with the 140 authorities of the world are not 7,000 certificates at each reload. */
static void the_same_truststore_is_read_once(void **state)
{
    struct err err;
    struct way one, two;

    (void)state;
    way_open(&one, "1.2-1.3");
    way_open(&two, "1.2-1.3");
    assert_true(way_trust(&one, &way_root, &err) && way_trust(&two, &way_root, &err));
    assert_ptr_equal(one.ctx->authorities, two.ctx->authorities);
    way_close(&one);
    way_serve(&two, &way_good, KIT_RSA);
    way_begin(&two, PARTNER);
    way_run(&two, true);
    way_expect_established(&two, "the other one is gone");
    way_close(&two);
}

static void a_chain_is_no_longer_than_it_may_be(void **state)
{
    const struct kit_wish middle_wish = {.name = "Middle", .issuer = &way_root, .authority = true};
    struct kit_identity middle = kit_identity(kit_key(KIT_P384), &middle_wish), partner;
    const struct kit_wish wish = {.name = "Acme", .issuer = &middle, .names = "DNS:" PARTNER};
    const struct kit_identity *authority = &way_root;
    char *ca = kit_pem(&authority, 1);

    (void)state;
    partner = kit_identity(kit_key(KIT_RSA), &wish);
    for (unsigned depth = 0; depth < 2; depth++) {
        const struct tls_client_trust trust = {.ca_pem = ca, .ca_pem_len = strlen(ca), .verify_depth = depth};
        struct way way;

        meet(&way, &trust, &partner, &middle);
        if (depth)
            way_expect_established(&way, "one intermediate");
        else
            assert_non_null(strstr(tls_error(way.client)->text, "certificate chain too long"));
        way_close(&way);
    }
    OPENSSL_free(ca);
    kit_identity_free(&partner);
    kit_identity_free(&middle);
}

static void who_speaks_no_tls_is_told_from_others(void **state)
{
    struct way way;

    (void)state;
    way_open(&way, "1.2-1.3");
    way_serve(&way, &way_good, KIT_RSA);
    way_begin(&way, PARTNER);
    way_client_step(&way);
    assert_true(BIO_write(way.from_server, "HTTP/1.1 400 Bad Request\r\n", 26) == 26);
    way_client_step(&way);
    assert_int_equal(way.status, TLS_FAILED);
    assert_string_equal(tls_error(way.client)->text, "partner does not speak TLS");
    way_close(&way);
}

static void a_name_that_is_none_is_an_error(void **state)
{
    struct err err = {""};
    struct way way;

    (void)state;
    way_open(&way, "1.2-1.3");
    assert_null(tls_client_new(way.ctx, "", &err));
    assert_null(tls_client_new(way.ctx, ".", &err));
    way_close(&way);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_partners_certificate_is_looked_at),
        cmocka_unit_test(nothing_is_signed_for_a_partner_who_is_not_himself),
        cmocka_unit_test(trust_is_swapped_whole),
        cmocka_unit_test(a_crl_is_asked),
        cmocka_unit_test(a_pinned_partner_needs_no_crl),
        cmocka_unit_test(an_issuer_in_the_truststore_may_be_revoked),
        cmocka_unit_test(the_same_truststore_is_read_once),
        cmocka_unit_test(a_chain_is_no_longer_than_it_may_be),
        cmocka_unit_test(who_speaks_no_tls_is_told_from_others),
        cmocka_unit_test(a_name_that_is_none_is_an_error),
    };

    return cmocka_run_group_tests(tests, way_setup, way_teardown);
}
