/*
 * Private to this folder: an OCSP response that is stapled to a certificate (RFC 6960, RFC 6066 8). It comes
 * from the configuration; the server does not check its signature, which is the client's part. Never blocks.
 */
#pragma once

#include "err.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_ocsp;

/* issuer: of the leaf; NULL when it is not known. NULL: err says why the response is no use for the leaf. An
 * expired one is made all the same. */
struct tls_ocsp *tls_ocsp_new(const void *der, size_t len, X509 *leaf, X509 *issuer, struct err *err);
void tls_ocsp_free(struct tls_ocsp *ocsp);

/* Between its thisUpdate and its nextUpdate? */
bool tls_ocsp_is_current(const struct tls_ocsp *ocsp, uint64_t wall_ms);

/* True once in its life, when it was found not to be current; what then says so. */
bool tls_ocsp_tell(struct tls_ocsp *ocsp, struct err *what);

/* OpenSSL's status callback, which is called when the client asked for a response. */
int tls_ocsp_staple(SSL *ssl, void *unused);
