/*
 * What a keystore's signers offer: for each wanted key that was found and fits its certificate,
 * the key's name (SHA-256 of its SubjectPublicKeyInfo), what it can sign with, and the certificate
 * chain. Written by a signer, carried by the supervisor unopened, read by the workers, which trust
 * nothing in it but its lengths' checks.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INVENTORY_BYTES_MAX = 4 * 1024 * 1024, INVENTORY_KEYS_MAX = 256, INVENTORY_CHAIN_MAX = 10 };

enum inventory_scheme {
    INVENTORY_RSA_PKCS1 = 1,
    INVENTORY_RSA_PSS = 2,
    INVENTORY_ECDSA = 4,
    INVENTORY_ED25519 = 8,
};

struct inventory_key {
    uint32_t wanted; /* the key's number within its keystore, see conf_wanted_keys() */
    bool client;     /* signs as a TLS client, and never as a server; else the other way round */
    uint8_t name[32];
    uint32_t schemes; /* enum inventory_scheme, or-ed */
    size_t chain_len; /* certificates, the key's own first */
    struct {
        const uint8_t *der; /* borrowed */
        size_t len;
    } chain[INVENTORY_CHAIN_MAX];
};

bool inventory_write(struct buf *out, const struct inventory_key *keys, size_t count);

/* Fills at most max keys; false when malformed. The keys borrow from data. */
bool inventory_read(const void *data, size_t len, struct inventory_key *out, size_t max, size_t *count);

/* Both are well formed and offer the same keys with the same schemes; their certificates may differ. */
bool inventory_same_keys(const void *a, size_t a_len, const void *b, size_t b_len);
