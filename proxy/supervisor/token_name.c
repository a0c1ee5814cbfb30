#include "token_name.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 256, DECIMAL = 10 };

static const char scheme[] = "pkcs11:";

/* What tells tokens apart; a URI's other attributes name objects in it, or the library. */
static const char *const attributes[] = {"token", "serial",           "manufacturer",
                                         "model", "slot-description", "slot-manufacturer"};

/* The attribute's value in the URI's path, still encoded; NULL: it is not there. */
static const char *raw_value(const char *uri, const char *name, size_t *len)
{
    size_t name_len = strlen(name), path_len;
    const char *at = strncmp(uri, scheme, sizeof scheme - 1) == 0 ? uri + sizeof scheme - 1 : uri;

    for (path_len = strcspn(at, "?"); path_len; path_len = strcspn(at, "?")) {
        size_t one = strcspn(at, ";?");

        if (one > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            *len = one - name_len - 1;
            return at + name_len + 1;
        }
        at += one + (at[one] == ';');
    }
    return NULL;
}

/* Of the two characters behind a percent sign; -1: they are none. */
static int hex_byte(const char *text, size_t left)
{
    char digits[3] = {0};
    char *end;
    long value;

    if (left < 2)
        return -1;
    memcpy(digits, text, 2);
    value = strtol(digits, &end, 16);
    return end == digits + 2 && value >= 0 ? (int)value : -1;
}

/* False: it cannot be read, and is anything. Blanks that are not encoded do not count. */
static bool decode(const char *raw, size_t len, char out[VALUE_BYTES_MAX], size_t *out_len)
{
    *out_len = 0;
    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)raw[i];

        if (strchr(" \n\r\t\v", byte))
            continue;
        if (byte == '%') {
            byte = hex_byte(raw + i + 1, len - i - 1);
            i += 2;
        }
        if (byte < 0 || *out_len == VALUE_BYTES_MAX)
            return false;
        out[(*out_len)++] = (char)byte;
    }
    return true;
}

static bool differs(const char *uri, const char *other, const char *name)
{
    char value[VALUE_BYTES_MAX], other_value[VALUE_BYTES_MAX];
    size_t len = 0, other_len = 0;
    const char *raw = raw_value(uri, name, &len), *other_raw = raw_value(other, name, &other_len);

    return raw && other_raw && decode(raw, len, value, &len) &&
           decode(other_raw, other_len, other_value, &other_len) &&
           (len != other_len || memcmp(value, other_value, len) != 0);
}

/* A number: 1 and 01 are the same slot. */
static bool slot_differs(const char *uri, const char *other)
{
    size_t len;
    const char *raw = raw_value(uri, "slot-id", &len), *other_raw = raw_value(other, "slot-id", &len);

    return raw && other_raw && strtoul(raw, NULL, DECIMAL) != strtoul(other_raw, NULL, DECIMAL);
}

bool token_name_may_be_same(const char *module, const char *token, const char *other_module,
                            const char *other_token)
{
    if (strcmp(module, other_module) != 0 || slot_differs(token, other_token))
        return false;
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        if (differs(token, other_token, attributes[i]))
            return false;
    return true;
}
