/*
 * The TLS signature schemes (RFC 8446 4.2.3) that a signer knows, as one table: padding, hash, and
 * where each may be used. SHA-1, MD5, rsa_pss_pss_* and Ed448 are not in it.
 * Signer process (and its tests); pure; never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum scheme_padding { SCHEME_PKCS1, SCHEME_PSS, SCHEME_ECDSA, SCHEME_EDDSA };

/* What a key is, as far as schemes care. */
enum scheme_key { SCHEME_KEY_RSA, SCHEME_KEY_P256, SCHEME_KEY_P384, SCHEME_KEY_P521, SCHEME_KEY_ED25519 };

struct scheme {
    const char *name; /* "rsa_pss_rsae_sha256" */
    const char *hash; /* as OpenSSL names it; NULL: the message itself is signed (RFC 8032) */
    size_t hash_len;
    uint32_t value;
    enum scheme_padding padding;
    enum scheme_key curve; /* ECDSA in TLS 1.3: the one kind of key it is for */
    bool tls13;            /* allowed in a TLS 1.3 CertificateVerify */
};

/* NULL when the signer does not know it. */
const struct scheme *scheme_find(uint32_t value);

/* The table, in order; NULL behind its end. */
const struct scheme *scheme_at(size_t index);

/* May a key of this kind make such a signature in TLS 1.3 (else: TLS 1.2)? */
bool scheme_fits(const struct scheme *scheme, enum scheme_key key, bool tls13);
