/*
 * Private to this folder: a trust from the inside, and how it stands by a certificate: decided in a full
 * handshake by tls_trust_decide, and later, when the chain is gone, by what was remembered of it (C5).
 */
#pragma once

#include "tls_facts.h"
#include "tls_trust.h"

#include <openssl/x509.h>
#include <sys/queue.h>

enum {
    TLS_HASH_LEN = 32, /* SHA-256 */
    TLS_NAME_LEN = 4,  /* of the canonical form, as OpenSSL hashes it */
    TLS_STAMP_LEN = 8,
    TLS_SERIAL_MAX = 20, /* RFC 5280 4.1.2.2 */
    TLS_ISSUERS_MAX = 8
};

/* One certificate of the chain behind the client's, as far as a later look needs it. Bytes only: tickets
 * carry it as it is. */
struct tls_issuer {
    uint8_t hash[TLS_HASH_LEN];
    uint8_t name[TLS_NAME_LEN]; /* of its subject, as tls_name_of makes it */
    uint8_t serial_len, serial[TLS_SERIAL_MAX];
};

/* What is thought of a certificate. */
struct tls_standing {
    enum tls_verdict verdict;     /* never TLS_NO_CERTIFICATE */
    int code;                     /* X509_V_...: why untrusted */
    const char *partner;          /* borrowed from the trust; "" */
    int64_t not_after;            /* the earliest of the chain; 0: not trusted */
    uint8_t stamp[TLS_STAMP_LEN]; /* of the trust that thought so */
    bool chained;                 /* trusted by an authority, and issuers is the whole chain */
    uint8_t issuer_count;
    struct tls_issuer issuers[TLS_ISSUERS_MAX];
};

/* The certificate and what came along with it (NULL: nothing). */
void tls_trust_decide(const struct tls_trust *trust, X509 *leaf, STACK_OF(X509) * sent,
                      struct tls_standing *out);
/* The same certificate once more: then is what was thought of it, maybe by another trust. */
void tls_trust_decide_again(const struct tls_trust *trust, X509 *leaf, STACK_OF(X509) * sent,
                            const struct tls_standing *then, struct tls_standing *out);

/* In OpenSSL's verify callback, about a fault: is it let pass (crl-policy)? */
bool tls_trust_concede(X509_STORE_CTX *store, bool crl_fail);

/* The words for a code; "" for X509_V_OK. */
const char *tls_trust_reason(int code);
/* The names to announce; NULL: none are. */
const STACK_OF(X509_NAME) * tls_trust_names(const struct tls_trust *trust);

/* ---- between the tls_trust*.c files ---- */

struct tls_partners; /* tls_partners.c: certificates and whose they are; counted */
struct tls_crls;     /* tls_crls.c */

/* The bytes of a truststore, read (tls_authorities.c); counted. */
struct tls_authorities {
    LIST_ENTRY(tls_authorities) entry;
    unsigned references;
    uint8_t content[TLS_HASH_LEN]; /* of the bytes */
    X509_STORE *store;
    STACK_OF(X509_NAME) * names;
    uint8_t (*hashes)[TLS_HASH_LEN];  /* of the certificates, sorted */
    uint8_t (*revoked)[TLS_HASH_LEN]; /* of those that a CRL names: no chain may end there */
    size_t count, revoked_count;
    struct tls_crls *crls; /* NULL: nothing is asked about revocation */
};

/* Those of the setup's bytes: read, or somebody else's. */
struct tls_authorities *tls_authorities_get(const struct tls_trust_setup *setup, struct err *err);
void tls_authorities_unref(struct tls_authorities *authorities);
/* Is it one of the revoked? Is the end of this chain? */
bool tls_authorities_revoke(const struct tls_authorities *authorities, const uint8_t hash[TLS_HASH_LEN]);
bool tls_authorities_revoke_end(const struct tls_authorities *authorities, STACK_OF(X509) * chain);

struct tls_trust {
    unsigned references;
    uint8_t stamp[TLS_STAMP_LEN]; /* of everything that it was made of: the same in every worker */
    struct tls_authorities *authorities;
    struct tls_partners *partners;
    unsigned verify_depth;
    bool crl_fail, announce;
};

/* Spares the checks of CRLs that have been made (tls_trust_chain.c). */
void tls_trust_watch_crls(X509_STORE *store);
bool tls_hash_of(const X509 *certificate, uint8_t out[TLS_HASH_LEN]);
/* Names that differ in case or spaces only are one (RFC 5280 7.1). */
bool tls_name_of(const X509_NAME *name, uint8_t out[TLS_NAME_LEN]);
int tls_hash_order(const void *a, const void *b); /* for qsort and bsearch: a hash comes first in both */
bool tls_seconds_of(const ASN1_TIME *time, int64_t *out); /* since 1970 */

/* Whose it is: out is filled; false: nobody's. */
bool tls_partners_decide(const struct tls_trust *trust, X509 *leaf, struct tls_standing *out);
struct tls_partners *tls_partners_new(const struct tls_trust_partner *partners, size_t count,
                                      struct err *err);
struct tls_partners *tls_partners_ref(struct tls_partners *partners);
void tls_partners_unref(struct tls_partners *partners);
const uint8_t *tls_partners_stamp(const struct tls_partners *partners);

/* Puts them into the store too. */
struct tls_crls *tls_crls_new(const void *pem, size_t len, X509_STORE *store, struct err *err);
void tls_crls_free(struct tls_crls *crls);
/* In a full handshake: has this CRL been found to be good and this issuer's, and is it current? OpenSSL would
 * hash all of it in each handshake, milliseconds for one with 100,000 entries. */
bool tls_crls_are_checked(const struct tls_crls *crls, const X509_CRL *crl, const X509 *issuer);
void tls_crls_set_checked(struct tls_crls *crls, const X509_CRL *crl, const X509 *issuer);

/* What the issuer says about a serial number: X509_V_OK, X509_V_ERR_CERT_REVOKED,
 * X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_SIGNATURE_FAILURE (only another one's of its name is there),
 * X509_V_ERR_CRL_HAS_EXPIRED. crls may be NULL: X509_V_OK. */
int tls_crls_ask(const struct tls_crls *crls, const struct tls_issuer *issuer, const uint8_t *serial,
                 size_t serial_len);
/* The same about a certificate; issuer NULL: known by its name only. */
int tls_crls_ask_about(const struct tls_crls *crls, const X509 *certificate, const struct tls_issuer *issuer);
