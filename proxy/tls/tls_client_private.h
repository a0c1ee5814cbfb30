/*
 * Private to this folder: a way out from the inside.
 */
#pragma once

#include "tls_client.h"
#include "tls_private.h"

struct tls_client_ctx {
    unsigned references;
    SSL_CTX *ssl_ctx;
    struct tls_authorities *authorities; /* NULL: it trusts nobody */
    bool crl_fail;
    unsigned verify_depth;
    size_t key_count;
    struct tls_key keys[TLS_KEY_KINDS];
};

/* tls_client_verify.c: OpenSSL's cert_verify_callback. Why a certificate is refused is told to the
 * conversation. */
int tls_client_verify(X509_STORE_CTX *store, void *unused);
