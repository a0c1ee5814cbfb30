/*
 * Private to this folder: what a context and a conversation are made of.
 */
#pragma once

#include "buf.h"
#include "remote_provider.h"
#include "server_name.h"
#include "ticket_keys.h"
#include "tickets.h"
#include "tls.h"
#include "tls_keys.h"
#include "tls_ocsp.h"
#include "tls_peer.h"

#include <openssl/ssl.h>

enum { TLS_ALPN_MAX = 256 };

struct tls_ctx {
    unsigned references;
    SSL_CTX *ssl_ctx;
    char alpn[TLS_ALPN_MAX]; /* "": none */
    bool reject_in_handshake, strict_server_name;
    struct tls_trust *trust; /* NULL: no client certificates are asked for */
    struct ticket_keys ticket_keys;
    size_t set_count;
    struct tls_key_set *sets; /* the first is the default; its name is "" */
    void (*notice)(void *owner, const struct err *what);
    void *notice_owner;
};

/* The name that the client has asked for, in its hello or before it; not folded, "": none. */
const char *tls_name(const struct tls *tls);

/* OpenSSL's client_hello_cb: before anything is decided about a client, resumed or not. */
int tls_hello_take(SSL *ssl, int *alert, void *unused);

/* After ADMISSION_WAITING or ADMISSION_GIVEN exactly one of submit and leave follows. */
enum admission { ADMISSION_NONE, ADMISSION_WAITING, ADMISSION_GIVEN };

enum tls_phase { PHASE_HANDSHAKE, PHASE_WAITING, PHASE_ESTABLISHED, PHASE_FAILED };

struct tls {
    struct tls_ctx *ctx;           /* NULL: it is a client's */
    struct tls_client_ctx *client; /* NULL: it is a server's */
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
    char *name_wanted; /* tls_set_name_wanted, folded; gone when the hello names somebody. NULL: none */
    bool cause_known;  /* err was filled by a callback */
    int cause;         /* SSL_R_... of the failure, 0: none */
    struct remote_pause pause;
    uint64_t asked_ms; /* when admission was first asked for */
    uint32_t key_ms;
    struct ticket_binding binding, control; /* its own; the control channel's (TLS_DATA) */
    SSL_SESSION *control_session; /* TLS_DATA: what a client without tickets may resume; NULL: nothing */
    struct buf carry;
    struct tls_peer peer;
    bool peer_taken; /* peer is what it will be */
    void (*wake)(void *owner);
    void *owner;
    void *signer_note;
    uint64_t source;
    bool (*may_begin)(void *owner, struct err *err); /* asked once, then NULL */
    void *gate_owner;
    struct err err;
};

/* A conversation of the context, before it is a server's or a client's. NULL: err. */
struct tls *tls_open(SSL_CTX *ssl_ctx, struct err *err);

/* OpenSSL's cert_cb: a full handshake needs a certificate and soon a signature. */
int tls_admission_ask(SSL *ssl, void *unused);

/* A client's: when its signature is to be made, and not before (remote_pause.admit). */
enum remote_admission tls_admission_late(struct tls *tls, struct err *err);

/* The handshake is over, one way or the other: a place that was not used is given back. */
void tls_admission_end(struct tls *tls);
