/*
 * The certificates that a key may have: read from PEM or from a token, the key's own found among
 * them, the chain behind it put in order. Owns its X509s.
 * Signer process; at its start only; never blocks.
 */
#pragma once

#include "err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CERTIFICATES_MAX = 256 };

struct certificates {
    size_t count;
    size_t candidates; /* the first so many may be the key's own; the rest are issuers only */
    X509 *items[CERTIFICATES_MAX];
};

void certificates_free(struct certificates *certificates);

/* Each one is a candidate. False with err when there is none, or one is broken. */
bool certificates_read_pem(struct certificates *out, const void *pem, size_t len, struct err *err);

/* One in DER; false when broken or the table is full. A duplicate is not added again. */
bool certificates_add_der(struct certificates *out, const uint8_t *der, size_t len);

/* Fills chain with leaf, its issuer, the issuer's issuer, ..., as far as they are here, and returns how
 * many; a self-signed root is left out, because whoever trusts it has it. Borrowed from certificates. */
size_t certificates_chain(const struct certificates *certificates, X509 *leaf, X509 **chain, size_t max);

/* "CN=ftp.example.com,O=Example", cut to fit. */
void certificates_subject(const X509 *certificate, char *out, size_t size);
