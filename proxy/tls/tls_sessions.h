/*
 * Private to this folder: sessions of TLS 1.2 clients that take no tickets (curl, Java before 13). They are
 * known by a session id that only the data channels of the control connection look up: each of them is given
 * a copy of its control connection's session, and nothing else is kept. So there is nothing to fill up,
 * nothing to time out, and a session lives exactly as long as the control connection that it belongs to
 * (F16). Every other session id is unknown, also one that a full handshake on a data channel has told the
 * client (OpenSSL tells it whatever one asks for): a full handshake again.
 */
#pragma once

#include "tls.h"

#include <openssl/ssl.h>

/* For listeners with data channels. Every SSL of ctx must have its struct tls as application data. */
void tls_sessions_setup(SSL_CTX *ctx);

/* A copy of the session of an established control connection, if a client can name it. *out NULL: it cannot
 * (TLS 1.3, or it has a ticket), or may not (its certificate has run out since, C5). False: out of memory. */
bool tls_sessions_copy(const struct tls *control, SSL_SESSION **out);
