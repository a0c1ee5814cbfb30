#include "tls_kit_trust.h"

#include "tls_kit_crl.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kit_identity world[WORLD_SIZE];

static const struct {
    enum world issuer; /* NOBODY: itself */
    struct kit_wish wish;
} wishes[WORLD_SIZE] = {
    [ROOT] = {NOBODY, {.name = "Root", .authority = true}},
    [MIDDLE] = {ROOT, {.name = "Middle", .authority = true}},
    [LOWER] = {MIDDLE, {.name = "Lower", .authority = true}},
    [TWIN] = {NOBODY, {.name = "Root", .authority = true}},
    [LATE_MIDDLE] = {ROOT, {.name = "Late Middle", .authority = true, .valid_s = 3600}},
    [BY_ROOT] = {ROOT, {.name = "by root"}},
    [BY_MIDDLE] = {MIDDLE, {.name = "by middle"}},
    [BY_LOWER] = {LOWER, {.name = "by lower"}},
    [BY_TWIN] = {TWIN, {.name = "by twin"}},
    [BY_LATE_MIDDLE] = {LATE_MIDDLE, {.name = "by late middle"}},
    [ALONE] = {NOBODY, {.name = "acme"}},
    [ALONE_TOO] = {NOBODY, {.name = "acme"}},
    [ALONE_AGAIN] = {NOBODY, {.name = "acme"}},
    [ALONE_EARLY] = {NOBODY, {.name = "early", .from_s = 86400}},
    [ALONE_LATE] = {NOBODY, {.name = "late", .valid_s = -86400}},
    [ALONE_SERVER] = {NOBODY, {.name = "server", .server_only = true}},
    [EXPIRED] = {ROOT, {.name = "expired", .valid_s = -86400}},
    [EARLY] = {ROOT, {.name = "too early", .from_s = 86400}},
    [ENDS_SOON] = {ROOT, {.name = "ends soon", .valid_s = 1800}},
    [FOR_SERVERS] = {ROOT, {.name = "for servers", .server_only = true}},
    [FOR_SIGNING_CERTIFICATES] = {ROOT, {.name = "for certificates", .key_usage = "keyCertSign"}},
};

static EVP_PKEY *key_of(enum world who)
{
    if (who != ALONE_AGAIN)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    EVP_PKEY_up_ref(world[ALONE].key);
    return world[ALONE].key;
}

int world_make(void **state)
{
    (void)state;
    for (int who = ROOT; who < WORLD_SIZE; who++) {
        struct kit_wish wish = wishes[who].wish;

        wish.issuer = wishes[who].issuer ? &world[wishes[who].issuer] : NULL;
        world[who] = kit_identity(key_of(who), &wish);
    }
    return 0;
}

int world_unmake(void **state)
{
    (void)state;
    for (int who = ROOT; who < WORLD_SIZE; who++) {
        EVP_PKEY_free(world[who].key);
        kit_identity_free(&world[who]);
    }
    return 0;
}

/* ---- what is trusted ---- */

static void write_crl(BIO *pem, const struct world_crl *wish)
{
    const struct kit_crl_wish made = {
        .issuer = &world[wish->issuer],
        .revoked = wish->revoked ? &world[wish->revoked] : NULL,
        .valid_s = wish->valid_s,
        .has_key_id = wish->has_key_id,
    };
    char *text = kit_crl(&made);

    assert_true(BIO_puts(pem, text) > 0);
    OPENSSL_free(text);
}

struct tls_trust *world_trust(const struct world_trust *wish)
{
    BIO *authorities = BIO_new(BIO_s_mem()), *crls = BIO_new(BIO_s_mem());
    struct tls_trust_partner partners[WORLD_PARTNERS];
    struct tls_trust_setup setup = {.partners = partners,
                                    .crl_fail = !wish->crl_ignore,
                                    .verify_depth = wish->depth ? wish->depth - 1 : 5};
    struct err err = {""};
    struct tls_trust *trust;
    char *data;

    for (int i = 0; i < WORLD_AUTHORITIES && wish->authorities[i]; i++)
        assert_true(PEM_write_bio_X509(authorities, world[wish->authorities[i]].certificate));
    for (int i = 0; i < WORLD_CRLS && wish->crls[i].issuer; i++)
        write_crl(crls, &wish->crls[i]);
    setup.ca_pem_len = (size_t)BIO_get_mem_data(authorities, &data);
    setup.ca_pem = setup.ca_pem_len ? data : NULL;
    setup.crl_pem_len = (size_t)BIO_get_mem_data(crls, &data);
    setup.crl_pem = setup.crl_pem_len ? data : NULL;
    for (; setup.partner_count < WORLD_PARTNERS && wish->partners[setup.partner_count].alias;
         setup.partner_count++) {
        const struct world_partner *partner = &wish->partners[setup.partner_count];
        const struct kit_identity *certificate = &world[partner->certificate];
        char *pem = kit_pem(&certificate, 1);

        partners[setup.partner_count] =
            (struct tls_trust_partner){partner->alias, pem, strlen(pem), !partner->disabled};
    }
    trust = tls_trust_new(&setup, &err);
    if (!trust)
        fail_msg("tls_trust_new: %s", err.text);
    for (size_t i = 0; i < setup.partner_count; i++)
        OPENSSL_free((void *)(uintptr_t)partners[i].pem);
    BIO_free(authorities);
    BIO_free(crls);
    return trust;
}

struct tls_policy world_policy(void)
{
    struct tls_policy policy = kit_policy();

    policy.client_mode = TLS_CLIENT_REQUIRE;
    return policy;
}

void world_open(struct kit *kit, const struct tls_policy *policy, const struct world_trust *wish, int version)
{
    struct tls_policy trusting = *policy;

    trusting.trust = world_trust(wish);
    kit_open(kit, &trusting, 1U << KIT_P256, version);
    tls_trust_unref(trusting.trust);
}

/* ---- the client ---- */

void world_present(struct kit *kit, enum world who, enum world first_issuer, enum world second_issuer)
{
    SSL_CTX *ctx = kit->client.ctx;

    SSL_CTX_clear_chain_certs(ctx);
    kit_show(ctx, &world[who]);
    if (first_issuer)
        assert_true(SSL_CTX_add1_chain_cert(ctx, world[first_issuer].certificate));
    if (second_issuer)
        assert_true(SSL_CTX_add1_chain_cert(ctx, world[second_issuer].certificate));
}

enum tls_verdict world_verdict(struct tls_trust *trust, enum world who)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    enum tls_verdict verdict;

    policy.client_mode = TLS_CLIENT_REQUEST;
    policy.trust = trust;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    world_present(&kit, who, NOBODY, NOBODY);
    kit_establish(&pair, &kit, NULL);
    verdict = kit_facts(&pair).verdict;
    kit_pair_free(&pair);
    kit_close(&kit);
    return verdict;
}

void world_check_certificate(const struct kit_pair *pair, enum world who)
{
    struct tls_facts facts = kit_facts(pair);
    uint8_t hash[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1] = "", subject[100];

    SHA256(world[who].der, world[who].der_len, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(facts.fingerprint, hex);
    snprintf(subject, sizeof subject, "CN=%s,O=p11gate tests", wishes[who].wish.name);
    assert_string_equal(facts.subject, subject);
    snprintf(hex, sizeof hex, "%04lx", ASN1_INTEGER_get(X509_get0_serialNumber(world[who].certificate)));
    assert_string_equal(facts.serial, hex);
}
