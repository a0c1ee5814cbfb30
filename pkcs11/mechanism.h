/*
 * How a token is asked for a signature: C_SignInit and C_Sign, over a hash that was made here.
 *   PKCS#1    CKM_RSA_PKCS over the DigestInfo
 *   PSS       CKM_RSA_PKCS_PSS over the hash; else CKM_RSA_X_509 over a block that pss.c made
 *   ECDSA     CKM_ECDSA over the hash, cut to the curve's size; r and s become DER
 *   Ed25519   CKM_EDDSA over the message itself
 * A key that wants the PIN each time gets it between C_SignInit and C_Sign.
 * Signer process; blocks for as long as the token likes.
 */
#pragma once

#include "key_source.h"
#include "token.h"

/* SIGN_AGAIN: the token is broken, out->ckr and out->function say how. */
enum sign_status mechanism_sign(struct token *token, const struct signing_key *key,
                                const struct scheme *scheme, const struct crypto_input *message,
                                struct signature *out);

/* r and s as the token gives them, in DER; false when they are no such thing. */
bool mechanism_ecdsa_der(const uint8_t *raw, size_t raw_len, struct signature *out);
