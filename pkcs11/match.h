/*
 * Which of several certificates belongs to a private key. A token shows the public half of an RSA key
 * with the private one; of an EC key it often does not, and a public-key object beside it may be an
 * old one. So an EC or Ed25519 key proves itself: it signs a TLS 1.3 message that no peer asked for, and
 * the certificate that verifies it is the key's.
 * Signer process, at its start; blocks for one signature.
 */
#pragma once

#include "key_source.h"

/* Borrowed from certificates. OUTCOME_CONFIGURATION with err when none fits, or several do. */
enum outcome match_certificate(struct key_source *source, const struct signing_key *key,
                               const struct certificates *certificates, X509 **own, struct err *err);

/* A well-formed message of the form, with random numbers in it, for a trial signature. Returns its length. */
enum { MATCH_BYTES_MAX = 512 };
size_t match_trial_message(enum sign_form form, uint8_t out[MATCH_BYTES_MAX]);

/* The form that the key signs, by its use. */
enum sign_form match_trial_form(const struct signing_key *key, bool tls13);
