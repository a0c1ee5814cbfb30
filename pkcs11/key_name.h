/*
 * What a key alias of the configuration means on a token: a label, or a pkcs11: URI (RFC 7512) whose
 * path names the token as well as the key. Made into the attributes to search for.
 * Signer process; never blocks.
 */
#pragma once

#include "err.h"

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdbool.h>
#include <stddef.h>

enum { KEY_NAME_ATTRIBUTES_MAX = 8 };

struct key_name {
    P11KitUri *uri; /* NULL: a label */
    size_t count;
    CK_ATTRIBUTE wanted[KEY_NAME_ATTRIBUTES_MAX]; /* borrow from the URI, the text, or static */
};

/* False with err when the text cannot name a private key. text is borrowed until key_name_free. */
bool key_name_parse(const char *text, struct key_name *out, struct err *err);
void key_name_free(struct key_name *name);

/* How many bytes of an alias or URI may be shown: a URI's query, which may have a PIN in it, is not. */
int key_name_shown(const char *text);
