/*
 * A truststore: authorities and their CRLs, shared by everybody who trusts the same bytes. Reading 600
 * authorities takes a tenth of a second, in which a worker does nothing else: a new policy with the same
 * truststore finds the old one's here.
 */
#include "remote_provider.h"
#include "tls_pem.h"
#include "tls_trust_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static LIST_HEAD(authorities_list, tls_authorities) living; /* the worker has one thread */

static bool hash_field(EVP_MD_CTX *hash, const void *data, size_t len)
{
    uint64_t prefix = len;

    return EVP_DigestUpdate(hash, &prefix, sizeof prefix) && EVP_DigestUpdate(hash, data, len);
}

static bool hash_content(const struct tls_trust_setup *setup, uint8_t out[TLS_HASH_LEN])
{
    EVP_MD *sha256 = EVP_MD_fetch(remote_key_library(), "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = sha256 && hash && EVP_DigestInit_ex2(hash, sha256, NULL) &&
                hash_field(hash, setup->ca_pem, setup->ca_pem ? setup->ca_pem_len : 0) &&
                hash_field(hash, setup->crl_pem, setup->crl_pem ? setup->crl_pem_len : 0) &&
                hash_field(hash, &setup->crl_fail, sizeof setup->crl_fail) &&
                EVP_DigestFinal_ex(hash, out, NULL);

    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return done;
}

static bool add(struct tls_authorities *authorities, X509 *certificate)
{
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));

    if (!name || !sk_X509_NAME_push(authorities->names, name)) {
        X509_NAME_free(name);
        return false;
    }
    return tls_hash_of(certificate, authorities->hashes[authorities->count++]) &&
           X509_STORE_add_cert(authorities->store, certificate);
}

static bool read_authorities(struct tls_authorities *authorities, const struct tls_trust_setup *setup,
                             struct err *err)
{
    STACK_OF(X509) * all;
    bool added = true;

    if (!setup->ca_pem)
        return true;
    all = tls_pem_certificates(setup->ca_pem, setup->ca_pem_len, "the truststore", err);
    if (!all)
        return false;
    authorities->hashes = calloc((size_t)sk_X509_num(all), TLS_HASH_LEN);
    for (int i = 0; authorities->hashes && added && i < sk_X509_num(all); i++)
        added = add(authorities, sk_X509_value(all, i));
    sk_X509_pop_free(all, X509_free);
    if (!authorities->hashes || !added) {
        err_set(err, "the truststore's certificates cannot be used");
        return false;
    }
    qsort(authorities->hashes, authorities->count, TLS_HASH_LEN, tls_hash_order);
    return true;
}

/* The one whose key has signed it; NULL: it is not in the truststore. */
static X509 *issuer_of(const struct tls_authorities *authorities, X509 *certificate)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(authorities->store);

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *issuer = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

        if (issuer && !X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(certificate)) &&
            X509_verify(certificate, X509_get0_pubkey(issuer)) == 1)
            return issuer;
    }
    return NULL;
}

/* By the issuer's name first: hardly any is named, and signatures cost. */
static bool is_named(const struct tls_authorities *authorities, X509 *certificate)
{
    struct tls_issuer issuer = {.serial_len = 0};
    const X509 *known;

    if (tls_crls_ask_about(authorities->crls, certificate, NULL) != X509_V_ERR_CERT_REVOKED)
        return false;
    known = issuer_of(authorities, certificate);
    return !known || !tls_hash_of(known, issuer.hash) ||
           tls_crls_ask_about(authorities->crls, certificate, &issuer) == X509_V_ERR_CERT_REVOKED;
}

/* OpenSSL asks no CRL about whom it trusts by itself: it is asked once, here. A CRL goes on naming what it
 * names, however old it is. */
static bool find_revoked(struct tls_authorities *authorities)
{
    STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(authorities->store);
    bool found = true;

    authorities->revoked = calloc(authorities->count + 1, TLS_HASH_LEN);
    for (int i = 0; authorities->revoked && found && i < sk_X509_OBJECT_num(all); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

        if (certificate && is_named(authorities, certificate))
            found = tls_hash_of(certificate, authorities->revoked[authorities->revoked_count++]);
    }
    ERR_clear_error();
    if (!authorities->revoked || !found)
        return false;
    qsort(authorities->revoked, authorities->revoked_count, TLS_HASH_LEN, tls_hash_order);
    return true;
}

bool tls_authorities_revoke(const struct tls_authorities *authorities, const uint8_t hash[TLS_HASH_LEN])
{
    return authorities->revoked_count &&
           bsearch(hash, authorities->revoked, authorities->revoked_count, TLS_HASH_LEN, tls_hash_order);
}

bool tls_authorities_revoke_end(const struct tls_authorities *authorities, STACK_OF(X509) * chain)
{
    uint8_t hash[TLS_HASH_LEN];

    return authorities->revoked_count && (!tls_hash_of(sk_X509_value(chain, sk_X509_num(chain) - 1), hash) ||
                                          tls_authorities_revoke(authorities, hash));
}

static bool read_crls(struct tls_authorities *authorities, const struct tls_trust_setup *setup,
                      struct err *err)
{
    /* Whoever stands in the truststore is trusted, an intermediate too. */
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

    if (setup->crl_pem) {
        authorities->crls = tls_crls_new(setup->crl_pem, setup->crl_pem_len, authorities->store, err);
        if (!authorities->crls)
            return false;
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
        tls_trust_watch_crls(authorities->store);
    }
    if (X509_STORE_set_flags(authorities->store, flags) && (!setup->crl_pem || find_revoked(authorities)))
        return true;
    err_set(err, "out of memory");
    return false;
}

static struct tls_authorities *make(const struct tls_trust_setup *setup, struct err *err)
{
    struct tls_authorities *made = calloc(1, sizeof *made);

    if (!made) {
        err_set(err, "out of memory");
        return NULL;
    }
    made->references = 1;
    LIST_INSERT_HEAD(&living, made, entry);
    made->store = X509_STORE_new();
    made->names = sk_X509_NAME_new_null();
    if (!made->store || !made->names)
        err_set(err, "out of memory");
    else if (read_authorities(made, setup, err) && read_crls(made, setup, err))
        return made;
    tls_authorities_unref(made);
    return NULL;
}

struct tls_authorities *tls_authorities_get(const struct tls_trust_setup *setup, struct err *err)
{
    uint8_t content[TLS_HASH_LEN];
    struct tls_authorities *one;

    if (!hash_content(setup, content)) {
        err_set(err, "out of memory");
        return NULL;
    }
    LIST_FOREACH(one, &living, entry)
    {
        if (memcmp(one->content, content, sizeof content) != 0)
            continue;
        one->references++;
        return one;
    }
    one = make(setup, err);
    if (one)
        memcpy(one->content, content, sizeof content);
    return one;
}

void tls_authorities_unref(struct tls_authorities *authorities)
{
    if (!authorities || --authorities->references)
        return;
    LIST_REMOVE(authorities, entry);
    tls_crls_free(authorities->crls);
    X509_STORE_free(authorities->store);
    sk_X509_NAME_pop_free(authorities->names, X509_NAME_free);
    free(authorities->hashes);
    free(authorities->revoked);
    free(authorities);
}
