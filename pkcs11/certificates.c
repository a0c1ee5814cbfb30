#include "certificates.h"

#include "crypto.h"
#include "text.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

void certificates_free(struct certificates *certificates)
{
    for (size_t i = 0; i < certificates->count; i++)
        X509_free(certificates->items[i]);
    *certificates = (struct certificates){0};
}

/* Takes the certificate; false when the table is full. */
static bool certificates_add(struct certificates *out, X509 *certificate)
{
    for (size_t i = 0; i < out->count; i++)
        if (X509_cmp(out->items[i], certificate) == 0) {
            X509_free(certificate);
            return true;
        }
    if (out->count == CERTIFICATES_MAX) {
        X509_free(certificate);
        return false;
    }
    out->items[out->count++] = certificate;
    return true;
}

/* True when OpenSSL stopped because no further PEM block begins. */
static bool pem_ended(void)
{
    unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

/* A certificate is public: a PEM block that asks for a pass phrase is not one, and nobody is asked. */
static int no_pass_phrase(char *out, int size, int writing, void *owner)
{
    (void)out, (void)size, (void)writing, (void)owner;
    return -1;
}

static bool pem_read_all(struct certificates *out, BIO *bio, struct err *err)
{
    for (;;) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);

        if (!certificate)
            break;
        if (!certificates_add(out, certificate)) {
            err_set(err, "more than %d certificates", CERTIFICATES_MAX);
            return false;
        }
    }
    if (!pem_ended()) {
        err_set(err, "certificate number %zu is broken: the file was cut or edited", out->count + 1);
        return false;
    }
    if (out->count == 0) {
        err_set(err, "no certificate in PEM form (-----BEGIN CERTIFICATE-----) is in it");
        return false;
    }
    return true;
}

bool certificates_read_pem(struct certificates *out, const void *pem, size_t len, struct err *err)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    bool done;

    if (!bio) {
        err_set(err, "%zu bytes are too many", len);
        return false;
    }
    ERR_clear_error();
    done = pem_read_all(out, bio, err);
    ERR_clear_error();
    BIO_free(bio);
    out->candidates = out->count;
    return done;
}

bool certificates_add_der(struct certificates *out, const uint8_t *der, size_t len)
{
    const unsigned char *at = der;
    X509 *certificate = len <= LONG_MAX ? d2i_X509(NULL, &at, (long)len) : NULL;

    ERR_clear_error();
    return certificate && certificates_add(out, certificate);
}

static bool in_chain(X509 *const *chain, size_t len, const X509 *certificate)
{
    for (size_t i = 0; i < len; i++)
        if (chain[i] == certificate)
            return true;
    return false;
}

/* The issuer of the chain's last one; NULL when it is not here, or is a root. */
static X509 *next_issuer(const struct certificates *certificates, X509 *const *chain, size_t len)
{
    for (size_t i = 0; i < certificates->count; i++) {
        X509 *issuer = certificates->items[i];

        if (in_chain(chain, len, issuer) || X509_check_issued(issuer, chain[len - 1]) != X509_V_OK)
            continue;
        if (X509_check_issued(issuer, issuer) != X509_V_OK)
            return issuer;
    }
    return NULL;
}

size_t certificates_chain(const struct certificates *certificates, X509 *leaf, X509 **chain, size_t max)
{
    size_t len = 0;

    for (X509 *next = leaf; next && len < max; next = next_issuer(certificates, chain, len))
        chain[len++] = next;
    ERR_clear_error();
    return len;
}

void certificates_subject(const X509 *certificate, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len = -1;

    if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0)
        len = BIO_read(bio, out, (int)size - 1);
    if (len >= 0)
        out[len] = 0;
    else
        (void)text_copy(out, size, "no subject");
    BIO_free(bio);
    ERR_clear_error();
}
