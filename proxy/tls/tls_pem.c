#include "tls_pem.h"

#include "remote_provider.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* The text while it is read: one of the two is taken out of it. */
struct pem {
    BIO *text;
    STACK_OF(X509) * certificates;
    STACK_OF(X509_CRL) * crls;
};

static bool read_certificate(struct pem *pem)
{
    X509 *certificate = X509_new_ex(remote_key_library(), REMOTE_PROPERTIES);

    if (certificate && PEM_read_bio_X509(pem->text, &certificate, NULL, NULL) &&
        sk_X509_push(pem->certificates, certificate))
        return true;
    X509_free(certificate);
    return false;
}

static bool read_crl(struct pem *pem)
{
    X509_CRL *crl = X509_CRL_new_ex(remote_key_library(), REMOTE_PROPERTIES);

    if (crl && PEM_read_bio_X509_CRL(pem->text, &crl, NULL, NULL) && sk_X509_CRL_push(pem->crls, crl))
        return true;
    X509_CRL_free(crl);
    return false;
}

static unsigned count_of(const char *at, size_t len, const char *line)
{
    const char *end = at + len;
    unsigned count = 0;

    while ((at = memmem(at, (size_t)(end - at), line, strlen(line)))) {
        at += strlen(line);
        count++;
    }
    return count;
}

/* OpenSSL takes a file that ends inside a certificate for one that ends before it. */
static bool is_cut(const char *text, size_t len)
{
    return count_of(text, len, "-----BEGIN ") != count_of(text, len, "-----END ");
}

static bool read_all(struct pem *pem, const void *text, size_t len, const char *where, struct err *err)
{
    const char *what = pem->crls ? "CRL" : "certificate";
    unsigned count = 0;
    bool whole;

    if (!text)
        len = 0;
    if (len <= INT32_MAX)
        pem->text = BIO_new_mem_buf(len ? text : "", (int)len);
    ERR_clear_error();
    while (pem->text && (pem->crls ? read_crl(pem) : read_certificate(pem)))
        count++;
    whole = pem->text && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE &&
            (!len || !is_cut(text, len));
    BIO_free(pem->text);
    ERR_clear_error();
    if (!whole)
        err_set(err, "%s number %u of %s cannot be read", what, count + 1, where);
    else if (!count)
        err_set(err, "%s has no %s", where, what);
    return whole && count;
}

STACK_OF(X509) * tls_pem_certificates(const void *pem, size_t len, const char *where, struct err *err)
{
    struct pem reading = {.certificates = sk_X509_new_null()};

    if (reading.certificates && read_all(&reading, pem, len, where, err))
        return reading.certificates;
    if (!reading.certificates)
        err_set(err, "out of memory");
    sk_X509_pop_free(reading.certificates, X509_free);
    return NULL;
}

STACK_OF(X509_CRL) * tls_pem_crls(const void *pem, size_t len, const char *where, struct err *err)
{
    struct pem reading = {.crls = sk_X509_CRL_new_null()};

    if (reading.crls && read_all(&reading, pem, len, where, err))
        return reading.crls;
    if (!reading.crls)
        err_set(err, "out of memory");
    sk_X509_CRL_pop_free(reading.crls, X509_CRL_free);
    return NULL;
}

uint8_t *tls_pem_only_certificate(const void *pem, size_t len, long *der_len)
{
    BIO *text = NULL;
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;

    if (pem && len <= INT32_MAX && count_of(pem, len, "-----BEGIN ") == 1 &&
        count_of(pem, len, "-----END ") == 1)
        text = BIO_new_mem_buf(pem, (int)len);
    if (text && PEM_read_bio(text, &name, &header, &der, der_len) && strcmp(name, PEM_STRING_X509) != 0) {
        OPENSSL_free(der);
        der = NULL;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(text);
    ERR_clear_error();
    return der;
}
