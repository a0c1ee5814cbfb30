/*
 * Private to this folder: what session tickets are sealed with (RFC 5077 section 4: AES-256-CBC, then
 * HMAC-SHA-256). One secret is OpenSSL's own business and costs least; several are tried by name here. Both
 * ways make and read the same tickets.
 */
#pragma once

#include "tls_ctx.h"

#include <openssl/ssl.h>

struct ticket_keys {
    size_t count; /* the first encrypts */
    uint8_t secrets[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET_LEN];
};

/* Puts them to use in ssl_ctx; every SSL of it must have its struct tls as application data. */
bool ticket_keys_set(struct ticket_keys *keys, SSL_CTX *ssl_ctx,
                     const uint8_t (*secrets)[TLS_TICKET_SECRET_LEN], size_t count);
void ticket_keys_wipe(struct ticket_keys *keys);
