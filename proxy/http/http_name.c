#include "http_name.h"

#include "text.h"

enum { CHAR_TOKEN = 1, CHAR_VALUE = 2, CHAR_GRAPH = 4 };

/* clang-format off */
#define V CHAR_VALUE
#define G (CHAR_VALUE | CHAR_GRAPH)
#define T (CHAR_VALUE | CHAR_GRAPH | CHAR_TOKEN)
static const uint8_t http_chars[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    V, T, G, T, T, T, T, T, G, G, T, T, G, T, T, G, /*  !"#$%&'()*+,-./ */
    T, T, T, T, T, T, T, T, T, T, G, G, G, G, G, G, /* 0123456789:;<=>? */
    G, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* @A-O */
    T, T, T, T, T, T, T, T, T, T, T, G, G, G, T, T, /* P-Z[\]^_ */
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* `a-o */
    T, T, T, T, T, T, T, T, T, T, T, G, T, G, T, 0, /* p-z{|}~ DEL */
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
    V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};
#undef V
#undef G
#undef T
/* clang-format on */

/* How a name is recognised: as it is; with any mark for '-'; so, and with anything behind it. */
enum name_way { NAME_EXACT, NAME_MARKED, NAME_PREFIX };

struct name_row {
    const char *name;
    size_t len;
    enum name_way way;
    enum http_name meaning;
};

#define NAME(text) text, sizeof(text) - 1

/* The first that fits counts. */
static const struct name_row http_names[] = {
    {NAME("host"), NAME_EXACT, HTTP_NAME_HOST},
    {NAME("content-length"), NAME_EXACT, HTTP_NAME_CONTENT_LENGTH},
    {NAME("transfer-encoding"), NAME_EXACT, HTTP_NAME_TRANSFER_ENCODING},
    {NAME("connection"), NAME_EXACT, HTTP_NAME_CONNECTION},
    {NAME("expect"), NAME_EXACT, HTTP_NAME_EXPECT},
    {NAME("keep-alive"), NAME_EXACT, HTTP_NAME_HOP},
    {NAME("proxy-connection"), NAME_EXACT, HTTP_NAME_HOP},
    {NAME("te"), NAME_EXACT, HTTP_NAME_HOP},
    {NAME("trailer"), NAME_EXACT, HTTP_NAME_HOP},
    {NAME("upgrade"), NAME_EXACT, HTTP_NAME_HOP},
    {NAME("content-length"), NAME_MARKED, HTTP_NAME_LOOKALIKE},
    {NAME("transfer-encoding"), NAME_MARKED, HTTP_NAME_LOOKALIKE},
    {NAME("as2-from"), NAME_EXACT, HTTP_NAME_AS2_FROM},
    {NAME("as2-from"), NAME_MARKED, HTTP_NAME_AS2_LOOKALIKE},
    {NAME("forwarded"), NAME_MARKED, HTTP_NAME_IDENTITY},
    {NAME("x-real-ip"), NAME_MARKED, HTTP_NAME_IDENTITY},
    {NAME("client-cert"), NAME_PREFIX, HTTP_NAME_IDENTITY},
    {NAME("x-client-cert"), NAME_PREFIX, HTTP_NAME_IDENTITY},
    {NAME("x-forwarded"), NAME_PREFIX, HTTP_NAME_IDENTITY},
    {NAME("x-ssl-"), NAME_PREFIX, HTTP_NAME_IDENTITY},
    {NAME("ssl-client-"), NAME_PREFIX, HTTP_NAME_IDENTITY},
};

/* Not to be taken away by Connection; what ends in '*' is a prefix. */
static const char *const http_protected[] = {
    "host",
    "transfer-encoding",
    "content-*",
    "authorization",
    "cookie",
    "date",
    "from",
    "subject",
    "message-id",
    "mime-version",
    "as2-*",
    "ediint-*",
    "client-cert*",
    "forwarded",
    "x-forwarded*",
    "x-client-cert*",
    "disposition-*",
    "receipt-delivery-option",
    "recipient-address",
};

/* ASCII lower case; every mark that a token may have is '-'. */
static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return c;
    return '-';
}

static bool matches(const char *name, size_t len, const char *pattern)
{
    size_t i = 0;

    for (; i < len && pattern[i] && pattern[i] != '*'; i++)
        if (fold(name[i]) != pattern[i])
            return false;
    return pattern[i] == '*' || (i == len && !pattern[i]);
}

static bool fits(const struct name_row *row, const char *name, size_t len)
{
    if (row->way == NAME_PREFIX ? len < row->len : len != row->len)
        return false;
    if (row->way == NAME_EXACT)
        return text_same_n(name, len, row->name);
    for (size_t i = 0; i < row->len; i++)
        if (fold(name[i]) != row->name[i])
            return false;
    return true;
}

enum http_name http_name_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof http_names / sizeof *http_names; i++)
        if (fits(&http_names[i], name, len))
            return http_names[i].meaning;
    return HTTP_NAME_OTHER;
}

bool http_name_protected(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof http_protected / sizeof *http_protected; i++)
        if (matches(name, len, http_protected[i]))
            return true;
    return false;
}

static bool all_are(const uint8_t *text, size_t len, uint8_t class)
{
    for (size_t i = 0; i < len; i++)
        if (!(http_chars[text[i]] & class))
            return false;
    return true;
}

bool http_is_token(const uint8_t *text, size_t len)
{
    return len && all_are(text, len, CHAR_TOKEN);
}

bool http_is_value(const uint8_t *text, size_t len)
{
    return all_are(text, len, CHAR_VALUE);
}

bool http_is_graph(const uint8_t *text, size_t len)
{
    return all_are(text, len, CHAR_GRAPH);
}
