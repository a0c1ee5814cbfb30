#include "tls_trust.h"

#include "remote_provider.h"
#include "tls_trust_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANNOUNCED_BYTES_MAX = 65535 }; /* RFC 5246 7.4.4, RFC 8446 4.2.4: a vector of 16 bits */

/* ---- what its parts are known by ---- */

bool tls_hash_of(const X509 *certificate, uint8_t out[TLS_HASH_LEN])
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    size_t hash_len = 0;
    bool done =
        len > 0 && EVP_Q_digest(remote_key_library(), "SHA256", NULL, der, (size_t)len, out, &hash_len);

    OPENSSL_free(der);
    return done;
}

bool tls_name_of(const X509_NAME *name, uint8_t out[TLS_NAME_LEN])
{
    int done = 0;
    unsigned long hash = X509_NAME_hash_ex(name, remote_key_library(), NULL, &done);

    for (size_t i = 0; i < TLS_NAME_LEN; i++)
        out[i] = (uint8_t)(hash >> 8 * i);
    return done;
}

int tls_hash_order(const void *a, const void *b)
{
    return memcmp(a, b, TLS_HASH_LEN);
}

bool tls_seconds_of(const ASN1_TIME *text, int64_t *out)
{
    struct tm parts;

    if (!text || !ASN1_TIME_to_tm(text, &parts))
        return false;
    *out = timegm(&parts);
    return true;
}

/* ---- its making ---- */

/* OpenSSL would find out in each handshake, and fail it. */
static bool can_be_announced(const STACK_OF(X509_NAME) * names, struct err *err)
{
    size_t len = 0;

    for (int i = 0; i < sk_X509_NAME_num(names); i++)
        len += 2 + (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
    if (len <= ANNOUNCED_BYTES_MAX)
        return true;
    err_set(err, "the truststore's names are too long to be announced: %zu bytes, %d at most", len,
            ANNOUNCED_BYTES_MAX);
    return false;
}

static bool make_stamp(struct tls_trust *trust)
{
    const uint32_t depth = trust->verify_depth;
    EVP_MD *sha256 = EVP_MD_fetch(remote_key_library(), "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint8_t all[EVP_MAX_MD_SIZE];
    bool done = sha256 && hash && EVP_DigestInit_ex2(hash, sha256, NULL) &&
                EVP_DigestUpdate(hash, trust->authorities->content, TLS_HASH_LEN) &&
                EVP_DigestUpdate(hash, tls_partners_stamp(trust->partners), TLS_HASH_LEN) &&
                EVP_DigestUpdate(hash, &depth, sizeof depth) && EVP_DigestFinal_ex(hash, all, NULL);

    if (done)
        memcpy(trust->stamp, all, sizeof trust->stamp);
    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return done;
}

static bool fill(struct tls_trust *trust, const struct tls_trust_setup *setup, struct err *err)
{
    trust->verify_depth = setup->verify_depth;
    trust->crl_fail = setup->crl_fail;
    trust->announce = setup->announce;
    trust->authorities = tls_authorities_get(setup, err);
    if (!trust->authorities || (setup->announce && !can_be_announced(trust->authorities->names, err)))
        return false;
    trust->partners = setup->partners_of ? tls_partners_ref(setup->partners_of->partners)
                                         : tls_partners_new(setup->partners, setup->partner_count, err);
    if (!trust->partners)
        return false;
    if (make_stamp(trust))
        return true;
    err_set(err, "out of memory");
    return false;
}

struct tls_trust *tls_trust_new(const struct tls_trust_setup *setup, struct err *err)
{
    struct tls_trust *trust;
    bool done;

    if (!remote_key_setup(err))
        return NULL;
    trust = calloc(1, sizeof *trust);
    if (!trust) {
        err_set(err, "out of memory");
        return NULL;
    }
    trust->references = 1;
    ERR_clear_error();
    done = fill(trust, setup, err);
    ERR_clear_error();
    if (done)
        return trust;
    tls_trust_unref(trust);
    return NULL;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
    trust->references++;
    return trust;
}

void tls_trust_unref(struct tls_trust *trust)
{
    if (!trust || --trust->references)
        return;
    tls_partners_unref(trust->partners);
    tls_authorities_unref(trust->authorities);
    free(trust);
}

const STACK_OF(X509_NAME) * tls_trust_names(const struct tls_trust *trust)
{
    return trust->announce ? trust->authorities->names : NULL;
}
