/*
 * What may be signed. The bytes of a request are looked at as a whole: they are exactly the message
 * of a TLS handshake that a server, or a client, signs, or they are refused. So whoever steals the queue's
 * descriptor can hold TLS handshakes and nothing else: no document, no certificate, no token, no
 * SSH login.
 *
 * The four forms cannot be mistaken for each other. Those of TLS 1.3 begin with 64 spaces and differ in
 * their context string; a TLS 1.2 client's begins with 1 (ClientHello) and is longer than any TLS 1.2
 * server's, whose byte 64 is 3 (named_curve).
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
    FORM_CLIENT,    /* a client's message, where a server's is stated */
    FORM_SERVER,    /* a server's message, where a client's is stated */
    FORM_MALFORMED, /* the bytes are not of the form */
};

/* RFC 8446 4.4.3, RFC 8422 5.4, RFC 5246 7.4.8; form is a number of enum sign_form. Whether the key is for
 * servers or for clients is not asked here: see handshake_form_is_client. */
enum form_verdict handshake_form_check(uint32_t form, const uint8_t *bytes, size_t len);

/* Only a key for clients signs this form, and it signs no other. */
bool handshake_form_is_client(uint32_t form);

/* May a key of this kind sign this form with this scheme? NULL is a scheme that is not known. */
bool handshake_form_allows(uint32_t form, const struct scheme *scheme, enum scheme_key key);

/* For a log line. */
const char *form_verdict_text(enum form_verdict verdict);
