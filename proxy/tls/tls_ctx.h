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
struct tls_trust;

enum { TLS_TICKET_SECRET_LEN = 80, TLS_TICKET_SECRETS_MAX = 8 };

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
    struct tls_trust
        *trust;             /* looked at in request and require mode; counted. tls_ctx_set_trust changes it */
    const char *trust_name; /* the truststore's alias; "" or NULL: none */
    uint64_t session_lifetime_ms;
    const uint8_t *ticket_secret; /* TLS_TICKET_SECRET_LEN bytes, the same in every worker */
    unsigned tickets;             /* how many after a full TLS 1.3 handshake */
    bool data_channels; /* FTP: there will be TLS_DATA conversations; those of TLS 1.2 clients without tickets
                           resume by session id */
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

/* Borrows nothing of policy afterwards. The session id context is derived from name, mode and trust_name
 * (C5): not from what is in the truststore, which is looked at in each resumption. */
struct tls_ctx *tls_ctx_new(const struct tls_policy *policy, struct err *err);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx);
void tls_ctx_unref(struct tls_ctx *ctx);

/* Client certificates are judged by this one from now on, also those of sessions that are resumed; what is
 * established keeps what it was told (tls_judge). False: out of memory, nothing has changed. */
bool tls_ctx_set_trust(struct tls_ctx *ctx, struct tls_trust *trust);

/* Adds a key of the inventory: the chain is parsed, the leaf's public key must have the name key->name (T5),
 * an OCSP response must be about the leaf and say that it is good. A name has at most one RSA, one EC and one
 * Ed25519 key; the client's signature algorithms choose. New conversations use it. use NULL: the default
 * key, nothing to staple. signer is borrowed and must outlive the context. */
bool tls_ctx_add_key(struct tls_ctx *ctx, const struct inventory_key *key, const struct tls_key_use *use,
                     struct remote_signer *signer, struct err *err);
/* Other ticket secrets from now on, of at most TLS_TICKET_SECRETS_MAX (T3): the first seals new tickets, all
 * of them open old ones. False: count is 0 or too large, or OpenSSL does not take them; nothing has changed.
 */
bool tls_ctx_set_ticket_secrets(struct tls_ctx *ctx, const uint8_t (*secrets)[TLS_TICKET_SECRET_LEN],
                                size_t count);
/* What stands in a secret file as one of these: TLS_TICKET_SECRET_LEN bytes as they are, others (48 are
 * usual) stretched. False: fewer than 32 bytes. */
bool tls_ticket_secret(const void *data, size_t len, uint8_t out[TLS_TICKET_SECRET_LEN]);

/* Takes all keys away again (before a new inventory is added); the names stay. */
void tls_ctx_clear_keys(struct tls_ctx *ctx);
/* When the certificate ends that was added last under a name; seconds since 1970, 0: there is none. */
int64_t tls_ctx_expiry(const struct tls_ctx *ctx, const char *server_name);
/* A default key. */
bool tls_ctx_has_key(const struct tls_ctx *ctx);
