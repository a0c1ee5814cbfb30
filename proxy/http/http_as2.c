#include "http_as2.h"

/* AS2-text: printable ASCII without double quote and backslash. */
static bool is_text(uint8_t byte)
{
    return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

/* Between the quotes: a blank stands for itself, and a backslash for the quote or backslash behind it. */
static bool read_quoted(const uint8_t *text, size_t len, char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') {
            i++;
            if (i == len || (text[i] != '"' && text[i] != '\\'))
                return false;
        } else if (text[i] != ' ' && !is_text(text[i])) {
            return false;
        }
        if (count == HTTP_AS2_NAME_MAX)
            return false;
        name[count++] = (char)text[i];
    }
    name[count] = 0;
    return count > 0;
}

static bool read_atomic(const uint8_t *text, size_t len, char *name)
{
    if (!len || len > HTTP_AS2_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_text(text[i]))
            return false;
        name[i] = (char)text[i];
    }
    name[len] = 0;
    return true;
}

bool http_as2_name(const uint8_t *value, size_t len, char name[HTTP_AS2_NAME_MAX + 1])
{
    if (len && value[0] == '"')
        return len > 2 && value[len - 1] == '"' && read_quoted(value + 1, len - 2, name);
    return read_atomic(value, len, name);
}
