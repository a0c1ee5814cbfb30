/*
 * Private to this folder: a context's keys, by server name: certificates whose private keys are somewhere
 * else.
 */
#pragma once

#include "inventory.h"
#include "server_name.h"
#include "tls.h"

#include <openssl/ssl.h>

struct tls_ocsp;

enum tls_key_kind { TLS_KEY_RSA, TLS_KEY_EC, TLS_KEY_ED25519, TLS_KEY_KINDS };

/* A certificate with its remote key. */
struct tls_key {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
    struct remote_signer *signer;
    uint32_t schemes; /* enum inventory_scheme */
    enum tls_key_kind kind;
    uint16_t tls13_scheme; /* the one SignatureScheme that it has in TLS 1.3; 0: RSA */
    struct tls_ocsp *ocsp; /* NULL: nothing to staple */
};

/* The keys of a server name: one of each kind at most. */
struct tls_key_set {
    char name[SERVER_NAME_LEN]; /* folded */
    size_t key_count;
    struct tls_key keys[TLS_KEY_KINDS];
};

/* A key of the inventory with what OpenSSL needs of it; out has signer and schemes already. */
bool tls_key_make(SSL_CTX *ssl_ctx, struct tls_key *out, const struct inventory_key *key, struct err *err);
void tls_key_free(struct tls_key *key);

/* What keys may sign with, until a conversation's keys say less. */
bool tls_keys_setup(SSL_CTX *ctx);

/* The sets of the policy's names, without keys. */
bool tls_keys_make_sets(struct tls_ctx *ctx, const struct tls_policy *policy, struct err *err);

/* The set for a folded name: exactly it, a wildcard, else NULL. */
struct tls_key_set *tls_keys_named(const struct tls_ctx *ctx, const char *name);
/* The same, else the default. */
struct tls_key_set *tls_keys_for(const struct tls_ctx *ctx, const char *name);

/* The limits that the keys of the conversation's name set to version and signature algorithms, before either
 * is chosen. */
bool tls_keys_limit(const struct tls *tls);

/* Says by the notice which OCSP responses are stale and were not told of yet. */
void tls_keys_tell_stale(struct tls_ctx *ctx);

/* Gives a full handshake its certificates. */
bool tls_keys_use(const struct tls_key_set *set, SSL *ssl);
