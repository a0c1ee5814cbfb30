/*
 * What may be signed. The bytes of a request are looked at as a whole: they are exactly the message
 * of a TLS handshake that a server signs, or they are refused. So whoever steals the queue's
 * descriptor can hold TLS handshakes and nothing else: no document, no certificate, no token, no
 * SSH login.
 *
 * The two forms cannot be mistaken for each other: byte 64 is 'T' in the one (it begins the
 * context string) and 3 (named_curve) in the other.
 *
 * Pure: no library, no state. Signer process, unit test and fuzz target.
 */
#pragma once

#include "scheme.h"

#include <stddef.h>
#include <stdint.h>

enum form_verdict {
    FORM_OK,
    FORM_UNKNOWN,   /* no such enum sign_form */
    FORM_CLIENT,    /* a form that only a client signs, and no key here is for clients */
    FORM_MALFORMED, /* the bytes are not of the form */
};

/* RFC 8446 4.4.3 and RFC 8422 5.4; form is a number of enum sign_form. */
enum form_verdict handshake_form_check(uint32_t form, const uint8_t *bytes, size_t len);

/* May a key of this kind sign this form with this scheme? NULL is a scheme that is not known. */
bool handshake_form_allows(uint32_t form, const struct scheme *scheme, enum scheme_key key);

/* For a log line. */
const char *form_verdict_text(enum form_verdict verdict);
