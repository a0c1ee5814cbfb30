/*
 * What has been revoked. In a full handshake OpenSSL asks the CRLs, with the chain at hand; about a partner's
 * certificate, and later when the chain is gone, they are asked here, by the issuer's name.
 */
#include "tls_pem.h"
#include "tls_trust_private.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Whether an issuer's key has signed a CRL, as it was found out when it was asked for the first time. */
struct crl_key {
    bool fits;
    uint8_t issuer[TLS_HASH_LEN];
};

enum { CRL_KEYS_MAX = 4 };

struct tls_crl {
    uint8_t issuer[TLS_NAME_LEN];
    X509_CRL *crl;
    int64_t this_update, next_update; /* INT64_MAX: it does not say */
    bool is_plain;                    /* about all certificates of its issuer; no extension says otherwise */
    bool is_checked;
    uint8_t checked_with[TLS_HASH_LEN]; /* this issuer's certificate */
    struct crl_key keys[CRL_KEYS_MAX];  /* the oldest one makes room */
    size_t key_count;
};

struct tls_crls {
    const X509_STORE *store; /* the authorities; borrowed */
    size_t count;
    struct tls_crl *items;
};

/* Delta CRLs and those about a part of the certificates say so in critical extensions. */
static bool is_plain(const X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
            return false;
    return true;
}

static bool take(struct tls_crl *out, X509_CRL *crl)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

    out->next_update = INT64_MAX;
    out->is_plain = is_plain(crl);
    if (!tls_name_of(X509_CRL_get_issuer(crl), out->issuer) ||
        !tls_seconds_of(X509_CRL_get0_lastUpdate(crl), &out->this_update) ||
        (next && !tls_seconds_of(next, &out->next_update)) || !X509_CRL_up_ref(crl))
        return false;
    out->crl = crl;
    return true;
}

struct tls_crls *tls_crls_new(const void *pem, size_t len, X509_STORE *store, struct err *err)
{
    STACK_OF(X509_CRL) *all = tls_pem_crls(pem, len, "the truststore", err);
    struct tls_crls *crls = calloc(1, sizeof *crls);
    int count = all ? sk_X509_CRL_num(all) : 0;

    if (!all || !crls)
        goto fail;
    crls->store = store;
    crls->items = calloc((size_t)count, sizeof *crls->items);
    if (!crls->items)
        goto fail;
    for (int i = 0; i < count; i++) {
        X509_CRL *crl = sk_X509_CRL_value(all, i);

        if (!take(&crls->items[crls->count], crl)) {
            err_set(err, "CRL number %d of the truststore cannot be used", i + 1);
            goto fail;
        }
        crls->count++;
        if (!X509_STORE_add_crl(store, crl))
            goto fail;
    }
    sk_X509_CRL_pop_free(all, X509_CRL_free);
    return crls;
fail:
    sk_X509_CRL_pop_free(all, X509_CRL_free);
    tls_crls_free(crls);
    return NULL;
}

void tls_crls_free(struct tls_crls *crls)
{
    if (!crls)
        return;
    for (size_t i = 0; i < crls->count; i++)
        X509_CRL_free(crls->items[i].crl);
    free(crls->items);
    free(crls);
}

static bool is_current(const struct tls_crl *one)
{
    int64_t now = time(NULL);

    return now >= one->this_update && now < one->next_update;
}

static struct tls_crl *find(const struct tls_crls *crls, const X509_CRL *crl)
{
    for (size_t i = 0; i < crls->count; i++)
        if (crls->items[i].crl == crl)
            return &crls->items[i];
    return NULL;
}

bool tls_crls_are_checked(const struct tls_crls *crls, const X509_CRL *crl, const X509 *issuer)
{
    const struct tls_crl *one = find(crls, crl);
    uint8_t hash[TLS_HASH_LEN];

    return one && one->is_checked && is_current(one) && tls_hash_of(issuer, hash) &&
           !memcmp(one->checked_with, hash, sizeof hash);
}

void tls_crls_set_checked(struct tls_crls *crls, const X509_CRL *crl, const X509 *issuer)
{
    struct tls_crl *one = find(crls, crl);

    if (one && one->is_plain && tls_hash_of(issuer, one->checked_with))
        one->is_checked = true;
}

/* The authority of that hash, if it has the CRL's name; NULL: an intermediate, which is not at hand. */
static X509 *authority(const struct tls_crls *crls, const struct tls_crl *one,
                       const uint8_t hash[TLS_HASH_LEN])
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(crls->store);

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        uint8_t own[TLS_HASH_LEN];

        if (certificate &&
            !X509_NAME_cmp(X509_get_subject_name(certificate), X509_CRL_get_issuer(one->crl)) &&
            tls_hash_of(certificate, own) && !memcmp(own, hash, TLS_HASH_LEN))
            return certificate;
    }
    return NULL;
}

/* Is it this issuer's, and not another one's of the same name? The name has to do where the issuer is not
 * known (NULL) or not at hand. */
static bool is_of_key(const struct tls_crls *crls, struct tls_crl *one, const uint8_t *issuer)
{
    struct crl_key *key = &one->keys[one->key_count % CRL_KEYS_MAX];
    X509 *certificate;

    if (!issuer)
        return true;
    for (size_t i = 0; i < one->key_count && i < CRL_KEYS_MAX; i++)
        if (!memcmp(one->keys[i].issuer, issuer, TLS_HASH_LEN))
            return one->keys[i].fits;
    certificate = authority(crls, one, issuer);
    key->fits = !certificate || X509_CRL_verify(one->crl, X509_get0_pubkey(certificate)) == 1;
    memcpy(key->issuer, issuer, TLS_HASH_LEN);
    one->key_count++;
    ERR_clear_error();
    return key->fits;
}

/* An entry "removed from the CRL" takes back another one. */
static bool lists(const struct tls_crl *one, const ASN1_INTEGER *serial)
{
    X509_REVOKED *entry;

    return X509_CRL_get0_by_serial(one->crl, &entry, serial) == 1;
}

static int ask(const struct tls_crls *crls, const uint8_t name[TLS_NAME_LEN], const uint8_t *issuer,
               const ASN1_INTEGER *serial)
{
    int code = X509_V_ERR_UNABLE_TO_GET_CRL;

    for (size_t i = 0; i < crls->count; i++) {
        struct tls_crl *one = &crls->items[i];

        if (memcmp(one->issuer, name, TLS_NAME_LEN) != 0)
            continue;
        if (!is_of_key(crls, one, issuer)) {
            code = code == X509_V_ERR_UNABLE_TO_GET_CRL ? X509_V_ERR_CRL_SIGNATURE_FAILURE : code;
            continue;
        }
        if (lists(one, serial))
            return X509_V_ERR_CERT_REVOKED; /* an old CRL is right about what it names */
        if (is_current(one))
            code = X509_V_OK;
        else if (code != X509_V_OK)
            code = X509_V_ERR_CRL_HAS_EXPIRED;
    }
    return code;
}

int tls_crls_ask(const struct tls_crls *crls, const struct tls_issuer *issuer, const uint8_t *serial,
                 size_t serial_len)
{
    ASN1_INTEGER *number;
    int code = X509_V_ERR_OUT_OF_MEM;

    if (!crls)
        return X509_V_OK;
    number = ASN1_INTEGER_new();
    if (number && ASN1_STRING_set(number, serial, (int)serial_len))
        code = ask(crls, issuer->name, issuer->hash, number);
    ASN1_INTEGER_free(number);
    return code;
}

int tls_crls_ask_about(const struct tls_crls *crls, const X509 *certificate, const struct tls_issuer *issuer)
{
    uint8_t name[TLS_NAME_LEN];

    if (!crls)
        return X509_V_OK;
    if (!tls_name_of(X509_get_issuer_name(certificate), name))
        return X509_V_ERR_OUT_OF_MEM;
    return ask(crls, name, issuer ? issuer->hash : NULL, X509_get0_serialNumber(certificate));
}
