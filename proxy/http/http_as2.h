/*
 * The names in AS2-From and AS2-To (RFC 4130 6.2), as far as access is decided by them: read without their
 * quotes, compared byte for byte, never folded (H6). Pure; never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_AS2_NAME_MAX = 128 };

/* value: a field's, without the white space around it. name gets what it says, with a NUL. False when it is
 * neither a quoted nor an atomic name of 1 to 128 characters. */
bool http_as2_name(const uint8_t *value, size_t len, char name[HTTP_AS2_NAME_MAX + 1]);
