/*
 * Private to this folder: what a context and a conversation are made of.
 */
#pragma once

#include "buf.h"
#include "remote_provider.h"
#include "server_name.h"
#include "tickets.h"
#include "tls.h"
#include "tls_ocsp.h"
#include "tls_peer.h"

#include <openssl/ssl.h>

enum tls_key_kind { TLS_KEY_RSA, TLS_KEY_EC, TLS_KEY_ED25519, TLS_KEY_KINDS };

enum { TLS_ALPN_MAX = 256 };

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

struct tls_ctx {
    unsigned references;
    SSL_CTX *ssl_ctx;
    char alpn[TLS_ALPN_MAX]; /* "": none */
    bool reject_in_handshake, strict_server_name;
    size_t set_count;
    struct tls_key_set *sets; /* the first is the default; its name is "" */
    void (*notice)(void *owner, const struct err *what);
    void *notice_owner;
};

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

/* OpenSSL's client_hello_cb: before anything is decided about a client, resumed or not. */
int tls_hello_take(SSL *ssl, int *alert, void *unused);

/* After ADMISSION_WAITING or ADMISSION_GIVEN exactly one of submit and leave follows. */
enum admission { ADMISSION_NONE, ADMISSION_WAITING, ADMISSION_GIVEN };

enum tls_phase { PHASE_HANDSHAKE, PHASE_WAITING, PHASE_ESTABLISHED, PHASE_FAILED };

struct tls {
    struct tls_ctx *ctx;
    SSL *ssl;
    enum tls_role role;
    enum tls_phase phase;
    enum admission admission;
    struct remote_signer *signer; /* that was asked for admission */
    bool woken, ended, closed, renew_ticket;
    bool stale; /* an OCSP response was found not to be current */
    bool hello_taken;
    char *server_name; /* that the client asks for, folded; a data channel: its control channel's. NULL: none,
                          or no longer needed */
    bool cause_known;  /* err was filled by a callback */
    int cause;         /* SSL_R_... of the failure, 0: none */
    struct remote_pause pause;
    uint64_t asked_ms; /* when admission was first asked for */
    uint32_t key_ms;
    struct ticket_binding binding, control; /* its own; the control channel's (TLS_DATA) */
    struct buf carry;
    struct tls_peer peer;
    void (*wake)(void *owner);
    void *owner;
    void *signer_note;
    uint64_t source;
    bool (*may_begin)(void *owner, struct err *err); /* asked once, then NULL */
    void *gate_owner;
    struct err err;
};

/* OpenSSL's cert_cb: a full handshake needs a certificate and soon a signature. */
int tls_admission_ask(SSL *ssl, void *unused);

/* The handshake is over, one way or the other: a place that was not used is given back. */
void tls_admission_end(struct tls *tls);
