/* What the files of truststores and partners are read as. */
#include "tls_kit_trust.h"
#include "tls_trust_private.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(const char *head, enum world first, enum world second, const char *tail)
{
    const struct kit_identity *some[] = {&world[first], &world[second]};
    char *pem = first ? kit_pem(some, second ? 2 : 1) : OPENSSL_strdup(""), *all = malloc(16384);

    snprintf(all, 16384, "%s%s%s", head, pem, tail);
    OPENSSL_free(pem);
    return all;
}

static void what_cannot_be_read_is_no_trust(void **state)
{
    static const char half[] = "-----BEGIN CERTIFICATE-----\nMIIB", no_crl[] =
                                                                        "-----BEGIN X509 CRL-----\nAAAA\n"
                                                                        "-----END X509 CRL-----\n";
    const struct {
        char *ca, *crl, *partner;
        const char *error;
    } texts[] = {
        {text_of("", ROOT, NOBODY, ""), NULL, text_of("", ALONE, NOBODY, ""), ""},
        {text_of("rubbish in front\n", ROOT, NOBODY, "and behind"), NULL, NULL, ""},
        {text_of("", NOBODY, NOBODY, "rubbish"), NULL, NULL, "the truststore has no certificate"},
        {text_of("", ROOT, NOBODY, half), NULL, NULL,
         "certificate number 2 of the truststore cannot be read"},
        {text_of("", ROOT, NOBODY, ""), text_of("", NOBODY, NOBODY, "rubbish"), NULL,
         "the truststore has no CRL"},
        {text_of("", ROOT, NOBODY, ""), text_of("", NOBODY, NOBODY, no_crl), NULL,
         "CRL number 1 of the truststore cannot be read"},
        {text_of("", ROOT, NOBODY, ""), text_of("", ROOT, NOBODY, ""), NULL, "the truststore has no CRL"},
        {NULL, NULL, text_of("", NOBODY, NOBODY, ""), "partner \"acme\" has no certificate"},
        {NULL, NULL, text_of("", ALONE, NOBODY, half),
         "certificate number 2 of partner \"acme\" cannot be read"},
        {NULL, NULL,
         text_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NOBODY, NOBODY, ""),
         "certificate number 1 of partner \"acme\" cannot be read"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(texts); i++) {
        const struct tls_trust_partner partner = {"acme", texts[i].partner,
                                                  texts[i].partner ? strlen(texts[i].partner) : 0, true};
        const struct tls_trust_setup setup = {
            .ca_pem = texts[i].ca,
            .ca_pem_len = texts[i].ca ? strlen(texts[i].ca) : 0,
            .crl_pem = texts[i].crl,
            .crl_pem_len = texts[i].crl ? strlen(texts[i].crl) : 0,
            .partners = &partner,
            .partner_count = texts[i].partner ? 1 : 0,
        };
        struct err err = {""};
        struct tls_trust *trust = tls_trust_new(&setup, &err);

        assert_string_equal(err.text, texts[i].error);
        assert_int_equal(!trust, texts[i].error[0] != 0);
        tls_trust_unref(trust);
        free(texts[i].ca);
        free(texts[i].crl);
        free(texts[i].partner);
    }
}

static struct tls_trust *trust_of_files(const struct tls_trust_partner *files, size_t count, struct err *err)
{
    const struct tls_trust_setup setup = {.partners = files, .partner_count = count, .verify_depth = 5};

    return tls_trust_new(&setup, err);
}

/* Whose would it be? */
static void a_certificate_belongs_to_one_partner(void **state)
{
    char *pem = text_of("", ALONE, NOBODY, "");
    size_t len = strlen(pem);
    const struct tls_trust_partner files[] = {
        {"a", pem, len, true}, {"a", pem, len, true}, {"b", pem, len, false}};
    struct err err = {""};
    struct tls_trust *trust = trust_of_files(files, 2, &err);

    (void)state;
    assert_non_null(trust);
    tls_trust_unref(trust);
    assert_null(trust_of_files(files, 3, &err));
    assert_true(!strcmp(err.text, "partners \"a\" and \"b\" have the same certificate") ||
                !strcmp(err.text, "partners \"b\" and \"a\" have the same certificate"));
    free(pem);
}

/* A file with a chain in it must not let the partner's authority in as the partner, nor whom it signed. */
static void of_a_chain_on_file_only_the_end_is_the_partner(void **state)
{
    static const struct {
        enum world first, second, who;
        enum tls_verdict verdict;
    } chains[] = {
        {BY_ROOT, ROOT, BY_ROOT, TLS_TRUSTED},
        {ROOT, BY_ROOT, BY_ROOT, TLS_TRUSTED},
        {BY_ROOT, ROOT, ROOT, TLS_UNTRUSTED},
        {BY_ROOT, ROOT, ENDS_SOON, TLS_UNTRUSTED},
        {ALONE, ALONE_TOO, ALONE, TLS_TRUSTED},
        {ALONE, ALONE_TOO, ALONE_TOO, TLS_TRUSTED},
        {ALONE, ALONE, ALONE, TLS_TRUSTED},
        {ROOT, NOBODY, ROOT, TLS_TRUSTED},
        {ROOT, NOBODY, BY_ROOT, TLS_UNTRUSTED},
        {ALONE, ALONE_AGAIN, ALONE, TLS_TRUSTED},
        {ALONE, ALONE_AGAIN, ALONE_AGAIN, TLS_TRUSTED},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(chains); i++) {
        char *pem = text_of("", chains[i].first, chains[i].second, "");
        const struct tls_trust_partner file = {"acme", pem, strlen(pem), true};
        struct err err;
        struct tls_trust *trust = trust_of_files(&file, 1, &err);

        assert_non_null(trust);
        assert_int_equal(world_verdict(trust, chains[i].who), chains[i].verdict);
        tls_trust_unref(trust);
        free(pem);
    }
}

/* OpenSSL reads such a file, so it has to be the partner's. */
static void bytes_behind_the_certificate_in_its_file_do_not_count(void **state)
{
    size_t len = world[ALONE].der_len + 1;
    uint8_t *der = calloc(1, len);
    BIO *memory = BIO_new(BIO_s_mem());
    char *data;
    struct tls_trust_partner file = {.alias = "acme", .enabled = true};
    struct err err;
    struct tls_trust *trust;

    (void)state;
    memcpy(der, world[ALONE].der, len - 1);
    assert_true(PEM_write_bio(memory, PEM_STRING_X509, "", der, (long)len));
    file.len = (size_t)BIO_get_mem_data(memory, &data);
    file.pem = data;
    trust = trust_of_files(&file, 1, &err);
    assert_non_null(trust);
    assert_int_equal(world_verdict(trust, ALONE), TLS_TRUSTED);
    tls_trust_unref(trust);
    BIO_free(memory);
    free(der);
}

/* Truststores of one policy share what they know about partners. */
static void partners_are_shared(void **state)
{
    const struct world_trust first = {.partners = {{"acme", ALONE}}};
    struct tls_trust *one = world_trust(&first);
    const struct tls_trust_setup setup = {.partners_of = one};
    struct err err;
    struct tls_trust *two = tls_trust_new(&setup, &err);

    (void)state;
    assert_non_null(two);
    tls_trust_unref(one);
    assert_int_equal(world_verdict(two, ALONE), TLS_TRUSTED);
    assert_int_equal(world_verdict(two, ALONE_TOO), TLS_UNTRUSTED);
    tls_trust_unref(two);
}

/* A new policy with the same truststore does not read it again. */
static void the_same_truststore_is_read_once(void **state)
{
    const struct world_trust plain = {.authorities = {ROOT}},
                             others = {.authorities = {ROOT}, .partners = {{"a", ALONE}}},
                             lax = {.authorities = {ROOT}, .crl_ignore = true};
    struct tls_trust *first = world_trust(&plain), *second = world_trust(&plain),
                     *third = world_trust(&others), *fourth = world_trust(&lax);

    (void)state;
    assert_ptr_equal(first->authorities, second->authorities);
    assert_ptr_equal(first->authorities, third->authorities);
    assert_ptr_not_equal(first->authorities, fourth->authorities); /* what passes there must not pass here */
    assert_memory_equal(first->stamp, second->stamp, sizeof first->stamp);
    assert_memory_not_equal(first->stamp, third->stamp, sizeof first->stamp);
    tls_trust_unref(first);
    tls_trust_unref(second);
    assert_int_equal(third->authorities->count, 1);
    tls_trust_unref(third);
    tls_trust_unref(fourth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_is_no_trust),
        cmocka_unit_test(a_certificate_belongs_to_one_partner),
        cmocka_unit_test(of_a_chain_on_file_only_the_end_is_the_partner),
        cmocka_unit_test(bytes_behind_the_certificate_in_its_file_do_not_count),
        cmocka_unit_test(partners_are_shared),
        cmocka_unit_test(the_same_truststore_is_read_once),
    };

    return cmocka_run_group_tests(tests, world_make, world_unmake);
}
