/*
 * Which token a keystore means, as far as its configuration tells: a module and a pkcs11: URI (RFC 7512).
 * Pure. Supervisor only.
 */
#pragma once

#include <stdbool.h>

/*
 * False only when no token can fit both: an attribute of a token or slot that stands in both URIs has two
 * values. Whoever must not do a thing twice to one token takes "may be" for "is". Other modules are other
 * tokens.
 */
bool token_name_may_be_same(const char *module, const char *token, const char *other_module,
                            const char *other_token);
