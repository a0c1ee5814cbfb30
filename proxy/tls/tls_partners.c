/* The partners' certificates: one table, sorted by SHA-256, so that a connection costs one look-up. */
#include "remote_provider.h"
#include "tls_pem.h"
#include "tls_trust_private.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct partner {
    char *alias;
    bool enabled;
};

struct partner_certificate {
    uint8_t hash[TLS_HASH_LEN]; /* first: tls_hash_order */
    size_t partner;
    int64_t not_before, not_after;
};

struct tls_partners {
    unsigned references;
    size_t partner_count, count, room;
    struct partner *partners; /* one for each file */
    struct partner_certificate *certificates;
    uint8_t stamp[TLS_HASH_LEN];
};

static bool has_issued(X509 *issuer, X509 *subject)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    return key && X509_check_issued(issuer, subject) == X509_V_OK && X509_verify(subject, key) == 1;
}

/* Of a file with the partner's whole chain, only the end is the partner. A self-signed one needs no chain:
 * two of one key, the old and the new one, each look like the issuer of the other. */
static bool is_chain_of_another(STACK_OF(X509) * all, int which)
{
    for (int i = 0; i < sk_X509_num(all); i++)
        if (i != which && X509_cmp(sk_X509_value(all, i), sk_X509_value(all, which)) &&
            X509_self_signed(sk_X509_value(all, i), 1) != 1 &&
            has_issued(sk_X509_value(all, which), sk_X509_value(all, i)))
            return true;
    return false;
}

static bool add(struct tls_partners *partners, const struct partner_certificate *made, struct err *err)
{
    if (partners->count == partners->room) {
        size_t room = partners->room ? 2 * partners->room : 16;
        struct partner_certificate *more = reallocarray(partners->certificates, room, sizeof *more);

        if (!more) {
            err_set(err, "out of memory");
            return false;
        }
        partners->certificates = more;
        partners->room = room;
    }
    partners->certificates[partners->count++] = *made;
    return true;
}

static bool add_certificate(struct tls_partners *partners, X509 *certificate, struct err *err)
{
    struct partner_certificate made = {.partner = partners->partner_count - 1};

    if (tls_seconds_of(X509_get0_notBefore(certificate), &made.not_before) &&
        tls_seconds_of(X509_get0_notAfter(certificate), &made.not_after) &&
        tls_hash_of(certificate, made.hash))
        return add(partners, &made, err);
    err_set(err, "a certificate of partner \"%s\" cannot be read", partners->partners[made.partner].alias);
    return false;
}

static bool add_all(struct tls_partners *partners, const struct tls_trust_partner *file, struct err *err)
{
    struct err where;
    STACK_OF(X509) * all;
    bool added = true;

    err_set(&where, "partner \"%s\"", file->alias);
    all = tls_pem_certificates(file->pem, file->len, where.text, err);
    for (int i = 0; added && i < sk_X509_num(all); i++)
        added = is_chain_of_another(all, i) || add_certificate(partners, sk_X509_value(all, i), err);
    sk_X509_pop_free(all, X509_free);
    return all && added;
}

/* The next element of the DER, which is to have this tag: *at is behind its header, *len is its content's. */
static bool enter(const uint8_t **at, long *len, int wanted)
{
    const uint8_t *content = *at;
    int tag, kind;
    long inner;

    if (ASN1_get_object(&content, &inner, &tag, &kind, *len) & 0x80 || tag != wanted)
        return false;
    *at = content;
    *len = inner;
    return true;
}

/* ... and over it. */
static bool skip(const uint8_t **at, long *len, int wanted)
{
    const uint8_t *start = *at;
    long inner = *len;

    if (!enter(at, &inner, wanted))
        return false;
    *at += inner;
    *len -= *at - start;
    return true;
}

static bool next_time(const uint8_t **at, long *len, int64_t *out)
{
    const uint8_t *start = *at;
    ASN1_TIME *moment = d2i_ASN1_TIME(NULL, at, *len);
    bool done = moment && tls_seconds_of(moment, out);

    *len -= *at - start;
    ASN1_TIME_free(moment);
    return done;
}

/* RFC 5280 4.1: version, serialNumber, signature, issuer, validity. Bytes behind the certificate would be
 * hashed with it. */
static bool read_dates(const uint8_t *at, long len, struct partner_certificate *out)
{
    const uint8_t *end = at + len;

    if (!enter(&at, &len, V_ASN1_SEQUENCE) || at + len != end || !enter(&at, &len, V_ASN1_SEQUENCE))
        return false;
    (void)skip(&at, &len, 0); /* [0]; it may be missing, and the integer is then the next */
    return skip(&at, &len, V_ASN1_INTEGER) && skip(&at, &len, V_ASN1_SEQUENCE) &&
           skip(&at, &len, V_ASN1_SEQUENCE) && enter(&at, &len, V_ASN1_SEQUENCE) &&
           next_time(&at, &len, &out->not_before) && next_time(&at, &len, &out->not_after);
}

/* A file with one certificate and nothing else, as nearly all are: its hash and its dates are all that is
 * needed, and reading no more of it takes a tenth of the time. Whatever is not as expected is for add_all. */
static bool take_quickly(const struct tls_trust_partner *file, struct partner_certificate *out)
{
    long len = 0;
    size_t hash_len = 0;
    uint8_t *der = tls_pem_only_certificate(file->pem, file->len, &len);
    bool done = der && read_dates(der, len, out) &&
                EVP_Q_digest(remote_key_library(), "SHA256", NULL, der, (size_t)len, out->hash, &hash_len);

    OPENSSL_free(der);
    ERR_clear_error();
    return done;
}

static bool add_file(struct tls_partners *partners, const struct tls_trust_partner *file, struct err *err)
{
    struct partner_certificate made = {.partner = partners->partner_count};

    partners->partners[partners->partner_count].enabled = file->enabled;
    partners->partners[partners->partner_count].alias = strdup(file->alias);
    if (!partners->partners[partners->partner_count++].alias) {
        err_set(err, "out of memory");
        return false;
    }
    return take_quickly(file, &made) ? add(partners, &made, err) : add_all(partners, file, err);
}

static bool same_partner(const struct tls_partners *partners, const struct partner_certificate *a,
                         const struct partner_certificate *b)
{
    return !strcmp(partners->partners[a->partner].alias, partners->partners[b->partner].alias);
}

/* Whose would it be? The order of the file must not decide. */
static bool are_distinct(const struct tls_partners *partners, struct err *err)
{
    for (size_t i = 1; i < partners->count; i++) {
        const struct partner_certificate *a = &partners->certificates[i - 1], *b = a + 1;

        if (tls_hash_order(a, b) || same_partner(partners, a, b))
            continue;
        err_set(err, "partners \"%s\" and \"%s\" have the same certificate",
                partners->partners[a->partner].alias, partners->partners[b->partner].alias);
        return false;
    }
    return true;
}

static bool make_stamp(struct tls_partners *partners)
{
    EVP_MD *sha256 = EVP_MD_fetch(remote_key_library(), "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = sha256 && hash && EVP_DigestInit_ex2(hash, sha256, NULL);

    for (size_t i = 0; done && i < partners->count; i++) {
        const struct partner *partner = &partners->partners[partners->certificates[i].partner];

        done = partner->alias && EVP_DigestUpdate(hash, partners->certificates[i].hash, TLS_HASH_LEN) &&
               EVP_DigestUpdate(hash, partner->alias, strlen(partner->alias) + 1) &&
               EVP_DigestUpdate(hash, &partner->enabled, sizeof partner->enabled);
    }
    done = done && EVP_DigestFinal_ex(hash, partners->stamp, NULL);
    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return done;
}

static bool fill(struct tls_partners *partners, const struct tls_trust_partner *files, size_t count,
                 struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (!add_file(partners, &files[i], err))
            return false;
    if (partners->count)
        qsort(partners->certificates, partners->count, sizeof *partners->certificates, tls_hash_order);
    if (!are_distinct(partners, err))
        return false;
    if (make_stamp(partners))
        return true;
    err_set(err, "out of memory");
    return false;
}

struct tls_partners *tls_partners_new(const struct tls_trust_partner *partners, size_t count, struct err *err)
{
    struct tls_partners *made = calloc(1, sizeof *made);

    if (made)
        made->partners = calloc(count + 1, sizeof *made->partners);
    if (!made || !made->partners) {
        free(made);
        err_set(err, "out of memory");
        return NULL;
    }
    made->references = 1;
    if (fill(made, partners, count, err))
        return made;
    tls_partners_unref(made);
    return NULL;
}

struct tls_partners *tls_partners_ref(struct tls_partners *partners)
{
    partners->references++;
    return partners;
}

void tls_partners_unref(struct tls_partners *partners)
{
    if (!partners || --partners->references)
        return;
    for (size_t i = 0; i < partners->partner_count; i++)
        free(partners->partners[i].alias);
    free(partners->partners);
    free(partners->certificates);
    free(partners);
}

const uint8_t *tls_partners_stamp(const struct tls_partners *partners)
{
    return partners->stamp;
}

static int code_of(const struct tls_trust *trust, const struct partner_certificate *certificate, X509 *leaf)
{
    int64_t now = time(NULL);

    if (!trust->partners->partners[certificate->partner].enabled)
        return X509_V_ERR_CERT_REJECTED;
    if (now < certificate->not_before)
        return X509_V_ERR_CERT_NOT_YET_VALID;
    if (now >= certificate->not_after)
        return X509_V_ERR_CERT_HAS_EXPIRED;
    /* A partner's certificate needs no issuer that is known, so none whose CRL is missing. */
    return tls_crls_ask_about(trust->authorities->crls, leaf, NULL) == X509_V_ERR_CERT_REVOKED
               ? X509_V_ERR_CERT_REVOKED
               : X509_V_OK;
}

bool tls_partners_decide(const struct tls_trust *trust, X509 *leaf, struct tls_standing *out)
{
    const struct tls_partners *partners = trust->partners;
    const struct partner_certificate *found;
    uint8_t hash[TLS_HASH_LEN];

    if (!partners->count || !tls_hash_of(leaf, hash))
        return false;
    found = bsearch(hash, partners->certificates, partners->count, sizeof *found, tls_hash_order);
    if (!found)
        return false;
    out->code = code_of(trust, found, leaf);
    if (out->code != X509_V_OK)
        return true;
    out->verdict = TLS_TRUSTED;
    out->partner = partners->partners[found->partner].alias;
    out->not_after = found->not_after;
    return true;
}
