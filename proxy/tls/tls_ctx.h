/*
 * What a listener's TLS is: versions, cipher suites, keys and certificates, client certificate
 * rules, tickets. Made by a worker from the configuration; shared by all conversations of the
 * listener, which keep it alive by a count. Never blocks; reads no file.
 */
#pragma once

#include "err.h"
#include "inventory.h"
#include "remote_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_ctx;

enum { TLS_TICKET_SECRET_LEN = 80 };

enum tls_client_mode { TLS_CLIENT_NONE, TLS_CLIENT_REQUEST, TLS_CLIENT_REQUIRE };

struct tls_policy {
    const char *name;                            /* the listener's alias */
    const char *versions;                        /* "1.2-1.3", "1.2", "1.3" */
    const char *ciphers, *ciphersuites, *groups; /* "" : the built-in lists */
    const char
        *alpn; /* the one protocol that is chosen, NULL: none. F18, H10: offered without ours -> alert 120 */
    enum tls_client_mode client_mode;
    bool reject_in_handshake; /* a client certificate that is bad (or missing in require mode) ends the
                                 handshake; else the verdict is only recorded (C1) */
    const void *ca_pem;       /* the truststore; read in request and require mode */
    size_t ca_pem_len;
    unsigned verify_depth;
    bool announce; /* send the CA names (T7) */
    uint64_t session_lifetime_ms;
    const uint8_t *ticket_secret; /* TLS_TICKET_SECRET_LEN bytes, the same in every worker */
    unsigned tickets;             /* how many after a full TLS 1.3 handshake */
    const char *const
        *server_names; /* names with keys of their own (SNI); "*.example.com": one label in front */
    size_t server_name_count;
    bool strict_server_name; /* none, or another name: alert unrecognized_name, resumed or not */
    /* Something went stale that harms no handshake, said once: an OCSP response. NULL: nobody listens. */
    void (*notice)(void *owner, const struct err *what);
    void *notice_owner;
};

/* What a key is for. */
struct tls_key_use {
    const char *server_name; /* one of the policy's; "": every client that asks for none of them */
    const void *ocsp;        /* DER of an OCSPResponse, which is stapled while it is current */
    size_t ocsp_len;         /* 0: none */
};

/* Borrows nothing of policy afterwards. The session id context is derived from name, mode and trust (C5). */
struct tls_ctx *tls_ctx_new(const struct tls_policy *policy, struct err *err);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx *ctx);

/* Adds a key of the inventory: the chain is parsed, the leaf's public key must have the name key->name (T5),
 * an OCSP response must be about the leaf and say that it is good. A name has at most one RSA, one EC and one
 * Ed25519 key; the client's signature algorithms choose. New conversations use it. use NULL: the default
 * key, nothing to staple. signer is borrowed and must outlive the context. */
bool tls_ctx_add_key(struct tls_ctx *ctx, const struct inventory_key *key, const struct tls_key_use *use,
                     struct remote_signer *signer, struct err *err);
/* Takes all keys away again (before a new inventory is added); the names stay. */
void tls_ctx_clear_keys(struct tls_ctx *ctx);
/* A default key. */
bool tls_ctx_has_key(const struct tls_ctx *ctx);
