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

/* Once, first thing: OpenSSL without openssl.cnf, which may name engines and providers that call a
 * token of their own. */
bool crypto_setup(struct err *err);

bool crypto_hash(const struct scheme *scheme, const uint8_t *bytes, size_t len, uint8_t out[CRYPTO_HASH_MAX]);

/* Is this a signature of the hash by the key? */
bool crypto_verify(EVP_PKEY *key, const struct scheme *scheme, const uint8_t *hash, const uint8_t *signature,
                   size_t len);

/* A context that signs or verifies a hash as the scheme says; the caller's, NULL on failure. */
EVP_PKEY_CTX *crypto_context(EVP_PKEY *key, const struct scheme *scheme, int (*init)(EVP_PKEY_CTX *));

/* SHA-256 of the SubjectPublicKeyInfo: the name that workers know the key by. */
bool crypto_key_name(EVP_PKEY *key, uint8_t out[SIGN_KEY_NAME_LEN]);

/* False with err for a type or size that the signer does not sign with. */
bool crypto_key_kind(EVP_PKEY *key, enum scheme_key *out, struct err *err);

/* Puts OpenSSL's last cause behind what err says, and empties its queue. */
void crypto_err(struct err *err, const char *what);
