/*
 * What the name of a header field means to p11gate, in any case of its letters, and which bytes may
 * stand in names and values (RFC 9110 5.1, 5.5, 5.6.2). Pure; owns nothing; never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_name {
    HTTP_NAME_OTHER, /* end to end: goes through as it is */
    HTTP_NAME_HOST,
    HTTP_NAME_CONTENT_LENGTH,
    HTTP_NAME_TRANSFER_ENCODING,
    HTTP_NAME_CONNECTION,
    HTTP_NAME_EXPECT,
    HTTP_NAME_HOP,           /* for the next hop only: Keep-Alive, TE, Trailer, Upgrade, ... */
    HTTP_NAME_IDENTITY,      /* says who the client is: never believed in a request (H7) */
    HTTP_NAME_LOOKALIKE,     /* Content_Length: framing for a CGI behind us, an unknown field for others */
    HTTP_NAME_AS2_FROM,      /* end to end too; access may depend on it */
    HTTP_NAME_AS2_LOOKALIKE, /* AS2_From: the same for a CGI behind us */
    HTTP_NAME_COUNT
};

/* Identity and framing names are recognised with any other mark in the place of '-', as a CGI would see them.
 */
enum http_name http_name_find(const char *name, size_t len);

/* A field that the Connection field cannot take away (H2): losing it changes who or what the message is. */
bool http_name_protected(const char *name, size_t len);

bool http_is_token(const uint8_t *text, size_t len); /* and not empty */
bool http_is_value(const uint8_t *text, size_t len); /* no control characters but HTAB; may be empty */
bool http_is_graph(const uint8_t *text, size_t len); /* visible ASCII, no space; may be empty */
