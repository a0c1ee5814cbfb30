/*
 * Private to this folder: what a context and a conversation are made of.
 */
#pragma once

#include "buf.h"
#include "remote_provider.h"
#include "tickets.h"
#include "tls.h"
#include "tls_peer.h"

#include <openssl/ssl.h>

enum { TLS_KEYS_MAX = 2, TLS_ALPN_MAX = 256 };

/* A certificate with its remote key. */
struct tls_key {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
    struct remote_signer *signer;
    uint32_t schemes; /* enum inventory_scheme */
    bool rsa;
};

struct tls_ctx {
    unsigned references;
    SSL_CTX *ssl_ctx;
    char alpn[TLS_ALPN_MAX]; /* "": none */
    bool reject_in_handshake;
    size_t key_count;
    struct tls_key keys[TLS_KEYS_MAX];
};

/* What keys may sign with, until a key says less. */
bool tls_keys_setup(SSL_CTX *ctx);

/* A new SSL with the limits that the context's keys set. */
SSL *tls_keys_conversation(const struct tls_ctx *ctx);

/* Gives a full handshake its certificates. */
bool tls_keys_use(const struct tls_ctx *ctx, SSL *ssl);

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
    bool cause_known; /* err was filled by a callback */
    int cause;        /* SSL_R_... of the failure, 0: none */
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
