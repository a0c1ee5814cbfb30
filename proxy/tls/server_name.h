/*
 * Private to this folder: names that clients ask for (SNI, RFC 6066 3), compared as DNS does: without regard
 * to case and to a dot at the end. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERVER_NAME_LEN = 256 }; /* with its NUL */

/* The host name in a server_name extension; "" when there is none, or the extension is malformed. */
void server_name_read(const uint8_t *data, size_t len, char out[SERVER_NAME_LEN]);

/* Lower case, no dot at the end. NULL is "". False when it is too long. */
bool server_name_fold(const char *text, char out[SERVER_NAME_LEN]);

/* Both folded. "*.example.com" stands for one label in front of ".example.com". */
bool server_name_is_wildcard(const char *pattern);
bool server_name_fits(const char *pattern, const char *name);
