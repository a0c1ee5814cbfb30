/*
 * The private keys and certificates of a token as a key_source. Objects are found with
 * C_FindObjects by label or pkcs11: URI, so one key of a type that nobody asked for (Ed25519) harms
 * nothing, and a token with thousands of keys is searched by the token. At start only, never per request.
 * Signer process; blocks for as long as the token likes.
 */
#pragma once

#include "key_source.h"
#include "token.h"

/* What the token says about a private key: type, what can be done with it, its public half if it shows it.
 * OUTCOME_CONFIGURATION with err when it cannot be used here. The caller frees out->token_public. */
enum outcome token_keys_describe(struct token *token, CK_OBJECT_HANDLE object, struct signing_key *out,
                                 struct err *err);

/* The token must be logged in. Never freed; NULL when memory is out. */
struct key_source *token_keys_new(struct token *token);
