#include "tls_kit_crl.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void add_revoked(X509_CRL *crl, X509 *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60);

    assert_true(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)));
    assert_true(X509_REVOKED_set_revocationDate(entry, now));
    assert_true(X509_CRL_add0_revoked(crl, entry));
    ASN1_TIME_free(now);
}

static void add_key_id(X509_CRL *crl, X509 *issuer)
{
    X509_EXTENSION *extension;
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    extension = X509V3_EXT_nconf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    assert_non_null(extension);
    assert_true(X509_CRL_add_ext(crl, extension, -1));
    X509_EXTENSION_free(extension);
}

static char *as_pem(X509_CRL *crl)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *data, *text;
    long len;

    assert_true(PEM_write_bio_X509_CRL(memory, crl));
    len = BIO_get_mem_data(memory, &data);
    text = OPENSSL_strndup(data, (size_t)len);
    BIO_free(memory);
    return text;
}

char *kit_crl(const struct kit_crl_wish *wish)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -86400L * 20), *to = X509_gmtime_adj(NULL, wish->valid_s);
    char *text;

    assert_true(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
    assert_true(X509_CRL_set_issuer_name(crl, X509_get_subject_name(wish->issuer->certificate)));
    assert_true(X509_CRL_set1_lastUpdate(crl, from));
    assert_true(X509_CRL_set1_nextUpdate(crl, to));
    if (wish->revoked)
        add_revoked(crl, wish->revoked->certificate);
    X509_CRL_sort(crl);
    if (wish->has_key_id)
        add_key_id(crl, wish->issuer->certificate);
    assert_true(X509_CRL_sign(crl, wish->issuer->key, EVP_sha256()));
    text = as_pem(crl);
    X509_CRL_free(crl);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return text;
}
