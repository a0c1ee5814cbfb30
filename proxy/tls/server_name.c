#include "server_name.h"

#include <string.h>

enum { HOST_NAME = 0, LIST_AND_ENTRY = 5 }; /* list length, type, name length */

static void fold(const char *data, size_t len, char *out)
{
    if (len && data[len - 1] == '.')
        len--;
    memcpy(out, data, len);
    out[len] = 0;
    for (char *at = out; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at |= 'a' - 'A'; /* ASCII's letters differ in one bit */
}

/* One list with one entry, a host name, and nothing behind it: so does OpenSSL read it. */
void server_name_read(const uint8_t *data, size_t len, char out[SERVER_NAME_LEN])
{
    size_t list_len, name_len;

    out[0] = 0;
    if (len < LIST_AND_ENTRY || data[2] != HOST_NAME)
        return;
    list_len = (size_t)data[0] << 8 | data[1];
    name_len = (size_t)data[3] << 8 | data[4];
    if (list_len != len - 2 || name_len != len - LIST_AND_ENTRY || name_len >= SERVER_NAME_LEN ||
        memchr(data + LIST_AND_ENTRY, 0, name_len))
        return;
    fold((const char *)data + LIST_AND_ENTRY, name_len, out);
}

bool server_name_fold(const char *text, char out[SERVER_NAME_LEN])
{
    size_t len = strlen(text ? text : "");

    out[0] = 0;
    if (len >= SERVER_NAME_LEN)
        return false;
    if (len)
        fold(text, len, out);
    return true;
}

bool server_name_is_wildcard(const char *pattern)
{
    return pattern[0] == '*' && pattern[1] == '.';
}

bool server_name_fits(const char *pattern, const char *name)
{
    const char *rest;

    if (!server_name_is_wildcard(pattern))
        return !strcmp(pattern, name);
    rest = strchr(name, '.');
    return rest && rest != name && !strcmp(pattern + 1, rest);
}
