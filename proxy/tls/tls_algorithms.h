/*
 * Private to this folder: versions, cipher suites and groups of a context, for both sides (RFC 9325).
 */
#pragma once

#include "err.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_algorithms {
    const char *versions;                        /* "1.2-1.3", "1.2", "1.3" */
    const char *ciphers, *ciphersuites, *groups; /* "" : the built-in lists */
};

/* What the other side may sign with. */
#define TLS_PEER_SCHEMES                                                                                     \
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"     \
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512"

bool tls_algorithms_set(SSL_CTX *ctx, const struct tls_algorithms *algorithms, struct err *err);

/* OpenSSL's macros for this cast const away. */
bool tls_algorithms_list(SSL_CTX *ctx, int what, const char *list);
