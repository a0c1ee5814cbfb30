#include "tls_ocsp.h"

#include "clock.h"
#include "tls_peer.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    OCSP_BYTES_MAX = 16380, /* clients made with OpenSSL take no longer one in TLS 1.2 */
    CLOCK_SKEW_S = 300      /* a response may be made by a clock that goes before ours */
};

struct tls_ocsp {
    char *subject;           /* of the leaf */
    int64_t from_s, until_s; /* since 1970; until_s INT64_MAX: no end */
    bool told;
    size_t len;
    uint8_t der[];
};

void tls_ocsp_free(struct tls_ocsp *ocsp)
{
    if (!ocsp)
        return;
    free(ocsp->subject);
    free(ocsp);
}

static bool seconds_of(const ASN1_GENERALIZEDTIME *when, int64_t *out)
{
    struct tm utc;

    if (!when || !ASN1_TIME_to_tm(when, &utc))
        return false;
    *out = timegm(&utc);
    return true;
}

/* ---- is it about the leaf? ---- */

static bool same_hash(const EVP_MD *md, const void *data, size_t len, const ASN1_OCTET_STRING *hash)
{
    uint8_t made[EVP_MAX_MD_SIZE];
    unsigned made_len = 0;

    return EVP_Digest(data, len, made, &made_len, md, NULL) && ASN1_STRING_length(hash) == (int)made_len &&
           !memcmp(ASN1_STRING_get0_data(hash), made, made_len);
}

static bool names_issuer(const EVP_MD *md, X509 *leaf, const ASN1_OCTET_STRING *hash)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(X509_get_issuer_name(leaf), &der);
    bool same = len > 0 && same_hash(md, der, (size_t)len, hash);

    OPENSSL_free(der);
    return same;
}

static bool names_issuer_key(const EVP_MD *md, X509 *issuer, const ASN1_OCTET_STRING *hash)
{
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(issuer);

    return same_hash(md, ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key), hash);
}

/* A CertID: hash algorithm, hash of the issuer's name, hash of its key, serial number. */
static bool is_about(OCSP_CERTID *id, X509 *leaf, X509 *issuer)
{
    ASN1_OCTET_STRING *name_hash, *key_hash;
    ASN1_INTEGER *serial;
    ASN1_OBJECT *algorithm;
    EVP_MD *md;
    bool about;

    if (!OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, id))
        return false;
    md = EVP_MD_fetch(remote_key_library(), OBJ_nid2sn(OBJ_obj2nid(algorithm)), NULL);
    about = md && !ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) &&
            names_issuer(md, leaf, name_hash) && (!issuer || names_issuer_key(md, issuer, key_hash));
    EVP_MD_free(md);
    return about;
}

static OCSP_SINGLERESP *find_leaf(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        /* OpenSSL's getter is const, its reader of the id is not. */
        OCSP_CERTID *id = OCSP_CERTID_dup(OCSP_SINGLERESP_get0_id(single));
        bool about = id && is_about(id, leaf, issuer);

        OCSP_CERTID_free(id);
        if (about)
            return single;
    }
    return NULL;
}

/* ---- reading ---- */

static bool take_answer(struct tls_ocsp *ocsp, OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer,
                        struct err *err)
{
    OCSP_SINGLERESP *single = find_leaf(basic, leaf, issuer);
    ASN1_GENERALIZEDTIME *from, *until;
    int status;

    if (!single) {
        err_set(err, "the OCSP response is not about this certificate");
        return false;
    }
    status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);
    if (status != V_OCSP_CERTSTATUS_GOOD) {
        err_set(err, "the OCSP response says that the certificate is %s", OCSP_cert_status_str(status));
        return false;
    }
    ocsp->until_s = INT64_MAX;
    if (!seconds_of(from, &ocsp->from_s) || (until && !seconds_of(until, &ocsp->until_s))) {
        err_set(err, "the OCSP response has no readable dates");
        return false;
    }
    return true;
}

static OCSP_RESPONSE *response_read(const uint8_t *der, size_t len, struct err *err)
{
    const uint8_t *end = der;
    OCSP_RESPONSE *response = len <= OCSP_BYTES_MAX ? d2i_OCSP_RESPONSE(NULL, &end, (long)len) : NULL;

    if (len > OCSP_BYTES_MAX)
        err_set(err, "the OCSP response is longer than %d bytes", OCSP_BYTES_MAX);
    else if (!response || end != der + len)
        err_set(err, "the OCSP response is not one: DER of an OCSPResponse is wanted");
    else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        err_set(err, "the OCSP response is the responder's failure \"%s\"",
                OCSP_response_status_str(OCSP_response_status(response)));
    else
        return response;
    OCSP_RESPONSE_free(response);
    return NULL;
}

static bool response_take(struct tls_ocsp *ocsp, X509 *leaf, X509 *issuer, struct err *err)
{
    OCSP_RESPONSE *response = response_read(ocsp->der, ocsp->len, err);
    OCSP_BASICRESP *basic = NULL;
    bool taken = false;

    if (!response)
        return false;
    basic = OCSP_response_get1_basic(response);
    if (basic)
        taken = take_answer(ocsp, basic, leaf, issuer, err);
    else
        err_set(err, "the OCSP response has no basic response in it");
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return taken;
}

struct tls_ocsp *tls_ocsp_new(const void *der, size_t len, X509 *leaf, X509 *issuer, struct err *err)
{
    struct tls_ocsp *ocsp = calloc(1, sizeof *ocsp + len);

    if (!ocsp) {
        err_set(err, "out of memory");
        return NULL;
    }
    ocsp->len = len;
    memcpy(ocsp->der, der, len);
    ocsp->subject = tls_peer_subject(leaf);
    if (!response_take(ocsp, leaf, issuer, err)) {
        tls_ocsp_free(ocsp);
        ocsp = NULL;
    }
    ERR_clear_error();
    return ocsp;
}

/* ---- at work ---- */

bool tls_ocsp_is_current(const struct tls_ocsp *ocsp, uint64_t wall_ms)
{
    int64_t now_s = (int64_t)(wall_ms / 1000);

    return ocsp->from_s <= now_s + CLOCK_SKEW_S && now_s < ocsp->until_s;
}

bool tls_ocsp_tell(struct tls_ocsp *ocsp, struct err *what)
{
    char until[CLOCK_ISO_LEN];
    bool early;

    if (ocsp->told || tls_ocsp_is_current(ocsp, clock_wall_ms()))
        return false;
    ocsp->told = true;
    early = clock_wall_ms() / 1000 < (uint64_t)ocsp->from_s;
    clock_iso((uint64_t)(early ? ocsp->from_s : ocsp->until_s) * 1000, until);
    err_set(what, "the OCSP response of %s is not stapled: it %s at %s",
            ocsp->subject ? ocsp->subject : "a certificate", early ? "begins" : "has expired", until);
    return true;
}

static const struct tls_key *chosen_key(const struct tls *tls, SSL *ssl)
{
    const struct tls_key_set *set = tls_keys_for(tls->ctx, tls->server_name);
    const X509 *leaf = SSL_get_certificate(ssl);

    for (size_t i = 0; i < set->key_count; i++)
        if (set->keys[i].leaf == leaf)
            return &set->keys[i];
    return NULL;
}

int tls_ocsp_staple(SSL *ssl, void *unused)
{
    struct tls *tls = SSL_get_app_data(ssl);
    const struct tls_key *key = chosen_key(tls, ssl);
    uint8_t *copy;

    (void)unused;
    if (!key || !key->ocsp)
        return SSL_TLSEXT_ERR_NOACK;
    if (!tls_ocsp_is_current(key->ocsp, clock_wall_ms())) {
        tls->stale = true; /* told when we are off the fibre, whose stack is small */
        return SSL_TLSEXT_ERR_NOACK;
    }
    copy = OPENSSL_memdup(key->ocsp->der, key->ocsp->len);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)key->ocsp->len);
    return SSL_TLSEXT_ERR_OK;
}
