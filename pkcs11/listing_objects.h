/*
 * The objects of one token, printed for a person: each private key with its URI, what TLS can do with it, and
 * its certificates; then the certificates that belong to none. See listing.h.
 */
#pragma once

#include "err.h"
#include "outcome.h"
#include "token.h"

/* logged_in: whether private keys can be seen at all. */
enum outcome listing_objects(struct token *token, bool logged_in, struct err *err);
