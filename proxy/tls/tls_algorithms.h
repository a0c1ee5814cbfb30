/*
 * Private to this folder: OpenSSL's context of either side, with its versions, cipher suites and groups
 * (RFC 9325).
 */
#pragma once

#include "err.h"

#include <openssl/ssl.h>

struct tls_algorithms {
    const char *versions;                        /* "1.2-1.3", "1.2", "1.3" */
    const char *ciphers, *ciphersuites, *groups; /* "" : the built-in lists */
};

/* What both sides have alike is set: the algorithms, no renegotiation, no compression, private keys that are
 * somewhere else. peer_schemes: OpenSSL's command for what the other side may sign with. The caller's, to be
 * freed with SSL_CTX_free; NULL: err. */
SSL_CTX *tls_algorithms_ctx(const SSL_METHOD *method, int peer_schemes,
                            const struct tls_algorithms *algorithms, struct err *err);
