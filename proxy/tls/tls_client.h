/*
 * TLS towards a partner's server: a context for one way out (versions, truststore, the name it must have, our
 * client key), and its conversations, which the functions of tls.h drive as they do a server's.
 *
 * The partner's certificate needs a chain to the truststore, the purpose of a TLS server, its dates, and the
 * name among its subjectAltNames (RFC 9525: the common name does not count; an address is an iPAddress). A
 * certificate that stands in the truststore itself is trusted without an issuer. When the partner asks for a
 * certificate, the first of our keys that he can verify is used; without one the answer is none, and he
 * decides. Every handshake is a full one: nothing is resumed.
 *
 * A place at the signers is asked for when the signature is made, not before: a partner that never ends his
 * part of the handshake holds none.
 *
 * Worker only; one thread; reads no file; never blocks. Shared by the conversations, which keep it alive by a
 * count. RFC 8446, RFC 5246, RFC 9525; requirements T1, T2, T4-T6.
 */
#pragma once

#include "err.h"
#include "inventory.h"
#include "remote_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;
struct tls_client_ctx;

struct tls_client_policy {
    const char *versions, *ciphers, *ciphersuites, *groups; /* as in struct tls_policy */
};

/* Who signs certificates of partners; borrowed for the call. Contexts with the same bytes share what is read.
 */
struct tls_client_trust {
    const void *ca_pem;
    size_t ca_pem_len;
    const void *crl_pem; /* len 0: nothing is asked about revocation */
    size_t crl_pem_len;
    bool crl_fail; /* without a current CRL of each issuer nobody is trusted; else it is asked where there is
                      one */
    unsigned verify_depth;
};

/* Trusts nobody and has no key yet. */
struct tls_client_ctx *tls_client_ctx_new(const struct tls_client_policy *policy, struct err *err);
struct tls_client_ctx *tls_client_ctx_ref(struct tls_client_ctx *ctx);
void tls_client_ctx_unref(struct tls_client_ctx *ctx);

/* For every certificate that is looked at from now on, also of handshakes under way. False: err, and the one
 * before stays. */
bool tls_client_ctx_set_trust(struct tls_client_ctx *ctx, const struct tls_client_trust *trust,
                              struct err *err);

/* At most one RSA, one EC and one Ed25519 key, which the inventory says are for clients. signer is borrowed
 * and must outlive the context. */
bool tls_client_ctx_add_key(struct tls_client_ctx *ctx, const struct inventory_key *key,
                            struct remote_signer *signer, struct err *err);
void tls_client_ctx_clear_keys(struct tls_client_ctx *ctx);
bool tls_client_ctx_has_key(const struct tls_client_ctx *ctx);
/* Until when the certificate of a key is valid, in the order in which they were added: seconds since 1970; 0:
 * there is none, or its date cannot be read. */
int64_t tls_client_ctx_expiry(const struct tls_client_ctx *ctx, size_t index);

/* A conversation with the partner of this name (a DNS name or a numeric address), who is asked for it by SNI
 * when it is a name. tls_handshake of it has something to send at once. NULL: err. */
struct tls *tls_client_new(struct tls_client_ctx *ctx, const char *name, struct err *err);
