/*
 * The messages that a TLS 1.2 client signs, made by hand: whole, or with one thing wrong.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { TRANSCRIPT_MESSAGES = 8, TRANSCRIPT_BYTES_MAX = 49152 };

/* The messages by their place. */
enum transcript_message {
    TRANSCRIPT_CLIENT_HELLO,
    TRANSCRIPT_SERVER_HELLO,
    TRANSCRIPT_CERTIFICATE,
    TRANSCRIPT_SERVER_KEY_EXCHANGE,
    TRANSCRIPT_CERTIFICATE_REQUEST,
    TRANSCRIPT_SERVER_HELLO_DONE,
    TRANSCRIPT_OWN_CERTIFICATE,
    TRANSCRIPT_CLIENT_KEY_EXCHANGE,
};

struct transcript_parts {
    size_t authorities; /* names in the CertificateRequest, of 48 bytes each */
    uint8_t body[TRANSCRIPT_MESSAGES][TRANSCRIPT_BYTES_MAX];
    size_t len[TRANSCRIPT_MESSAGES];
    uint8_t type[TRANSCRIPT_MESSAGES];
};

/* A good one with so many names; the caller may spoil it. */
void transcript_parts(struct transcript_parts *parts, size_t authorities);

/* One behind the other, each behind its type and length. */
size_t transcript_join(const struct transcript_parts *parts, uint8_t out[TRANSCRIPT_BYTES_MAX]);
