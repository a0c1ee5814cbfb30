/*
 * What the signer does with public data, by OpenSSL: hashing, verifying, a key's name and kind.
 * Signer process; one thread; never blocks.
 */
#pragma once

#include "err.h"
#include "scheme.h"
#include "sign_message.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CRYPTO_HASH_MAX = 64 };

/* What a key signs: the hash of a message, or with Ed25519 the message itself. */
struct crypto_input {
    const uint8_t *bytes; /* borrowed from the message, or the hash below */
    size_t len;
    uint8_t hash[CRYPTO_HASH_MAX];
};

/* Once, first thing: OpenSSL without openssl.cnf, which may name engines and providers that call a
 * token of their own. */
bool crypto_setup(struct err *err);

bool crypto_hash(const struct scheme *scheme, const uint8_t *bytes, size_t len, uint8_t out[CRYPTO_HASH_MAX]);

/* out must stay where it is. */
bool crypto_input(const struct scheme *scheme, const uint8_t *message, size_t len, struct crypto_input *out);

/* Is this a signature of the input by the key? */
bool crypto_verify(EVP_PKEY *key, const struct scheme *scheme, const struct crypto_input *in,
                   const uint8_t *signature, size_t len);

/* Signs; *len is the room in out, and then the signature's length. */
bool crypto_sign(EVP_PKEY *key, const struct scheme *scheme, const struct crypto_input *in, uint8_t *out,
                 size_t *len);

/* SHA-256 of the SubjectPublicKeyInfo: the name that workers know the key by. */
bool crypto_key_name(EVP_PKEY *key, uint8_t out[SIGN_KEY_NAME_LEN]);

/* False with err for a type or size that the signer does not sign with. */
bool crypto_key_kind(EVP_PKEY *key, enum scheme_key *out, struct err *err);

/* The public half of an EC key (uncompressed) or an Ed25519 key as bytes: how many, 0 for other keys. */
size_t crypto_point(EVP_PKEY *key, uint8_t *out, size_t max);

/* "P-256" and the like of CKA_EC_PARAMS (an object identifier in DER); "EC" when it is something else. */
const char *crypto_curve_text(const uint8_t *params, size_t len);

/* "RSA 2048", "P-256", "Ed25519". */
void crypto_kind_text(EVP_PKEY *key, char *out, size_t size);

/* Puts OpenSSL's last cause behind what err says, and empties its queue. */
void crypto_err(struct err *err, const char *what);
