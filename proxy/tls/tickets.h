/*
 * Private to this folder: what a session ticket carries for us, and which conversation takes which
 * ticket (F16, C5). The ticket's application data is a version byte, the binding (a random number of a
 * control session, by which its data channels are known), and what tls_peer.h says about the client's
 * certificate.
 */
#pragma once

#include "tls.h"

#include <openssl/ssl.h>

enum { TICKET_BINDING_LEN = 16 };

struct ticket_binding {
    bool set;
    uint8_t id[TICKET_BINDING_LEN];
};

/* Installs the ticket keys, the lifetime and the callbacks; every SSL of ctx must have its struct tls as
 * application data. */
bool tickets_setup(struct tls_ctx *ctx, const struct tls_policy *policy, struct err *err);

/* The binding of an established main conversation: its session's, else a new one. */
bool tickets_bind(SSL *ssl, struct ticket_binding *out);

/* Gives a session the application data that a ticket of this conversation has. */
bool tickets_describe(const struct tls *tls, SSL_SESSION *session);

/* The part of a session's application data that is about the client's certificate; borrowed. */
bool tickets_peer_part(SSL_SESSION *session, const uint8_t **part, size_t *len);
