/*
 * RSA-PSS padding (RFC 8017 9.1.1) in software, for tokens that offer the bare RSA operation only.
 * The salt is as long as the hash, MGF1 uses the same hash: what TLS 1.3 demands.
 * Signer process; never blocks.
 */
#pragma once

#include "scheme.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills out with (modulus_bits + 7) / 8 bytes; salt is scheme->hash_len bytes, random. */
bool pss_encode(const struct scheme *scheme, const uint8_t *hash, const uint8_t *salt, size_t modulus_bits,
                uint8_t *out);
