#include "text.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_WORD_MAX = 63 };

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

static const struct unit size_units[] = {
    {"", 1}, {"K", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0},
};

static const uint64_t duration_max_ms = 365ull * 24 * 3600 * 1000;
static const uint64_t size_max_bytes = 1ull << 50;

bool text_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (!len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool text_with_unit(const char *text, const struct unit *units, uint64_t max, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t value;

    if (!text_number(text, digits, max, &value))
        return false;
    if (!value && !text[digits]) {
        *out = 0;
        return true;
    }
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(text + digits, unit->name) != 0)
            continue;
        if (value > max / unit->factor)
            return false;
        *out = value * unit->factor;
        return true;
    }
    return false;
}

bool text_duration_ms(const char *text, uint64_t *out)
{
    return text_with_unit(text, duration_units, duration_max_ms, out);
}

bool text_size_bytes(const char *text, uint64_t *out)
{
    return text_with_unit(text, size_units, size_max_bytes, out);
}

static int text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool text_same_n(const char *a, size_t a_len, const char *b)
{
    for (size_t i = 0; i < a_len; i++)
        if (!b[i] || text_lower(a[i]) != text_lower(b[i]))
            return false;
    return !b[a_len];
}

bool text_same(const char *a, const char *b)
{
    return text_same_n(a, strlen(a), b);
}

void text_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 15];
    }
    *out = 0;
}

static unsigned min_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    unsigned rows[3][TEXT_WORD_MAX + 1];
    size_t a_len = strnlen(a, TEXT_WORD_MAX), b_len = strnlen(b, TEXT_WORD_MAX);
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_len; j++)
        before[j] = last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min_of(row[j], min_of(last[j] + 1, row[j - 1] + 1));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_of(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_len];
}

bool text_copy(char *out, size_t size, const char *text)
{
    int len = snprintf(out, size, "%s", text);

    return len >= 0 && (size_t)len < size;
}
