/*
 * Private to this folder: who the client is by its certificate, and what is thought of it (C1, C5): decided
 * in a full handshake, carried by its tickets, decided again when one of these comes back.
 */
#pragma once

#include "tls.h"
#include "tls_trust_private.h"

#include <openssl/ssl.h>

struct tls_peer {
    struct tls_standing *standing;                  /* NULL: no certificate */
    char *subject, *serial, *fingerprint, *partner; /* NULL without a certificate */
    uint8_t *der;                                   /* of the certificate; NULL until somebody asks */
    size_t der_len;
};

/* Verification as the policy wants it; owner is the tls_ctx, which must outlive ctx. */
bool tls_peer_setup(SSL_CTX *ctx, const struct tls_policy *policy, struct tls_ctx *owner, struct err *err);
/* The authorities' names that ctx sends: those of its trust. */
bool tls_peer_announce(SSL_CTX *ctx, const struct tls_trust *trust);

/* A handshake comes to its end, resumed or not. Once is enough. False without memory. */
bool tls_peer_take(struct tls *tls);
void tls_peer_free(struct tls_peer *peer);

/* Why its certificate was refused. */
const char *tls_peer_reason(const struct tls_peer *peer);

/* ---- for tickets.c: the part of a ticket's application data that is about the client's certificate ---- */

enum { TLS_PEER_TICKET_MAX = 24 + TLS_ISSUERS_MAX * sizeof(struct tls_issuer) };

/* Its length: all that a later decision needs but the certificate itself, which is in the session anyway. */
size_t tls_peer_ticket_write(const struct tls *tls, uint8_t out[TLS_PEER_TICKET_MAX]);
/* May the session of an established conversation be resumed? */
bool tls_peer_stands(const struct tls *tls);
/* May a session with this part be resumed: is its certificate as good today as it was then (C5)? */
bool tls_peer_ticket_stands(const struct tls *tls, SSL_SESSION *session, const uint8_t *part, size_t len);

/* One line, RFC 2253; what is not plain ASCII is escaped. To be freed; NULL without memory. */
char *tls_peer_subject(X509 *cert);
