/*
 * Private to this folder: certificates and CRLs out of PEM text, all of it or none: half a truststore is not
 * a truststore.
 */
#pragma once

#include "err.h"

#include <openssl/x509.h>

/* where is for the error: "the truststore". NULL: one cannot be read, the text is cut, or there is none. */
STACK_OF(X509) * tls_pem_certificates(const void *pem, size_t len, const char *where, struct err *err);
/* The DER of a certificate that is the text's only PEM block, not decoded; to be freed with OPENSSL_free.
 * NULL: there are others, or none. */
uint8_t *tls_pem_only_certificate(const void *pem, size_t len, long *der_len);

STACK_OF(X509_CRL) * tls_pem_crls(const void *pem, size_t len, const char *where, struct err *err);
