/*
 * The keys that a keystore's listeners want, each found, fitted with its certificate chain, and
 * proved to belong to it; and signing with them. One source (token or directory), one ring.
 * Signer process; one thread; owns its keys; lives as long as the process.
 */
#pragma once

#include "buf.h"
#include "key_source.h"
#include "problems.h"
#include "signer_start.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyring;

struct keyring *keyring_new(struct key_source *source, const struct signer_start *start);

/* Finds every wanted key. What is wrong with any of them goes into problems; OUTCOME_OK with problems is
 * a configuration error too. */
enum outcome keyring_resolve(struct keyring *ring, struct problems *problems, struct err *err);

/* The sealed inventory's bytes; false when too large. */
bool keyring_inventory(const struct keyring *ring, struct buf *out);

/* Of the token, or the directory. */
const char *keyring_label(const struct keyring *ring);

size_t keyring_count(const struct keyring *ring);
const struct signing_key *keyring_at(const struct keyring *ring, size_t index);
const char *keyring_alias(const struct keyring *ring, size_t index);
X509 *keyring_certificate(const struct keyring *ring, size_t index); /* the key's own; borrowed */
const char *keyring_where(const struct keyring *ring, size_t index);

/* NULL when no key of this name is for this use. A key that is configured for both is there twice. */
const struct signing_key *keyring_find(const struct keyring *ring, const uint8_t name[SIGN_KEY_NAME_LEN],
                                       bool client);

/* Hashes and signs; whoever calls has checked that the bytes may be signed. An RSA or Ed25519
 * signature is verified: one wrong one may give the private key away. verify: ECDSA too. */
enum sign_status keyring_sign(struct keyring *ring, const struct signing_key *key,
                              const struct scheme *scheme, const uint8_t *bytes, size_t len, bool verify,
                              struct signature *out);

/* Is the source still there? */
enum outcome keyring_probe(struct keyring *ring, struct err *err);
