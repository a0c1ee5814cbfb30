#include "json_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LEN = 64, NUMBER_DIGITS = 18 };

/* A line on its way. */
struct reading {
    const char *at, *end;
    char key[KEY_LEN];
    char value[JSON_LINE_BYTES_MAX + 1]; /* without quotes and escapes; may hold any byte */
    size_t value_len;
};

/* These are counted: everybody may add them up. Others that look like numbers (serial, session) are names. */
static bool is_counted(const char *key)
{
    static const char *const counted[] = {
        "bytes_in",   "bytes_out", "bytes",    "ms",      "key_ms",   "index",     "code",  "pid",
        "generation", "writes",    "failures", "workers", "partners", "keystores", "binds", "days"};

    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
        if (strcmp(counted[i], key) == 0)
            return true;
    return false;
}

static bool is_number(const struct reading *reading)
{
    size_t sign = reading->value_len && reading->value[0] == '-';
    size_t digits = strspn(reading->value + sign, "0123456789");

    return digits && digits <= NUMBER_DIGITS && sign + digits == reading->value_len;
}

static bool read_key(struct reading *reading)
{
    size_t len = 0;

    while (reading->at < reading->end && len < KEY_LEN - 1 && strchr("=\" ", *reading->at) == NULL)
        reading->key[len++] = *reading->at++;
    reading->key[len] = 0;
    return len && reading->at < reading->end && *reading->at++ == '=';
}

static void read_bare(struct reading *reading)
{
    while (reading->at < reading->end && *reading->at != ' ')
        reading->value[reading->value_len++] = *reading->at++;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Behind a backslash: \xHH, or the byte itself. */
static char read_escape(struct reading *reading)
{
    char first = *reading->at++;
    int high, low;

    if (first != 'x' || reading->end - reading->at < 2)
        return first;
    high = hex_digit(reading->at[0]);
    low = hex_digit(reading->at[1]);
    if (high < 0 || low < 0)
        return first;
    reading->at += 2;
    return (char)(high << 4 | low);
}

static bool read_quoted(struct reading *reading)
{
    reading->at++;
    while (reading->at < reading->end && *reading->at != '"') {
        char byte = *reading->at++;

        if (byte == '\\' && reading->at < reading->end)
            byte = read_escape(reading);
        reading->value[reading->value_len++] = byte;
    }
    return reading->at < reading->end && *reading->at++ == '"';
}

static bool read_pair(struct reading *reading)
{
    reading->value_len = 0;
    if (!read_key(reading))
        return false;
    if (reading->at < reading->end && *reading->at == '"') {
        if (!read_quoted(reading))
            return false;
    } else {
        read_bare(reading);
    }
    reading->value[reading->value_len] = 0;
    return reading->at == reading->end || *reading->at++ == ' ';
}

/* Bytes that are no UTF-8 are shown as they stand in the line; raw is that. */
static json_t *value_of(const struct reading *reading, const char *raw, size_t raw_len)
{
    json_t *made = NULL;

    if (is_counted(reading->key) && is_number(reading))
        return json_integer(strtoll(reading->value, NULL, 10));
    made = json_stringn(reading->value, reading->value_len);
    return made ? made : json_stringn(raw, raw_len);
}

static bool read_pairs(struct reading *reading, json_t *object)
{
    while (reading->at < reading->end) {
        const char *raw = reading->at, *end;

        if (!read_pair(reading))
            return false;
        raw += strlen(reading->key) + 1;
        end = reading->at[-1] == ' ' ? reading->at - 1 : reading->at;
        if (json_object_set_new(object, reading->key, value_of(reading, raw, (size_t)(end - raw))))
            return false;
    }
    return true;
}

static bool write_object(json_t *object, struct buf *out)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    bool written = text && buf_add_text(out, text) && buf_add(out, "\n", 1);

    free(text);
    return written;
}

bool json_line_add(const char *line, size_t len, struct buf *out)
{
    struct reading reading = {.at = line, .end = line + len};
    json_t *object = json_object();
    bool written;

    if (len > JSON_LINE_BYTES_MAX || !read_pairs(&reading, object)) {
        (void)json_object_clear(object);
        (void)json_object_set_new(object, "line", json_stringn(line, len));
    }
    written = object && write_object(object, out);
    json_decref(object);
    return written;
}
