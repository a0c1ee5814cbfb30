/*
 * Private to this folder: who the client is by its certificate, and what is thought of it (C1, C5).
 */
#pragma once

#include "tls.h"

#include <openssl/ssl.h>

struct tls_peer {
    enum tls_verdict verdict;
    char *subject, *serial, *fingerprint; /* NULL without a certificate */
    const char *reason;                   /* OpenSSL's words; "" when trusted */
};

/* Reads the truststore and sets verification up; owner is the tls_ctx, which must outlive ctx. */
bool tls_peer_setup(SSL_CTX *ctx, const struct tls_policy *policy, struct tls_ctx *owner, struct err *err);

/* After the handshake, resumed or not. False without memory. */
bool tls_peer_read(SSL *ssl, struct tls_peer *out);
void tls_peer_free(struct tls_peer *peer);

/* One line, RFC 2253; what is not plain ASCII is escaped. To be freed; NULL without memory. */
char *tls_peer_subject(X509 *cert);
