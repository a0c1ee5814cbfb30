/*
 * The private keys and certificates of a token as a key_source. Objects are found with
 * C_FindObjects by label or pkcs11: URI, so one key of a type that nobody asked for (Ed25519) harms
 * nothing, and a token with thousands of keys is searched by the token. At start only, never per request.
 * Signer process; blocks for as long as the token likes.
 */
#pragma once

#include "key_source.h"
#include "token.h"

/* The token must be logged in. Never freed; NULL when memory is out. */
struct key_source *token_keys_new(struct token *token);
