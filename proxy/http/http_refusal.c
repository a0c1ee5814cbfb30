#include "http_refusal.h"

#include <string.h>

struct refusal_row {
    unsigned code;
    const char *phrase, *fields;
};

/* The last row is for every other code. */
static const struct refusal_row refusals[] = {
    {400, "Bad Request", ""},
    {403, "Forbidden", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", ""},
    {408, "Request Timeout", ""},
    {413, "Content Too Large", ""},
    {417, "Expectation Failed", ""},
    {431, "Request Header Fields Too Large", ""},
    {501, "Not Implemented", ""},
    {502, "Bad Gateway", ""},
    {503, "Service Unavailable", "Retry-After: 10\r\n"},
    {504, "Gateway Timeout", ""},
    {505, "HTTP Version Not Supported", ""},
    {500, "Internal Server Error", ""},
};

static bool add_allow(struct buf *out, const struct http_allowed *allowed)
{
    if (!allowed->methods)
        return buf_add_text(out, "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n");
    for (size_t i = 0; i < allowed->count; i++)
        if (!buf_printf(out, i ? ", %s" : "Allow: %s", allowed->methods[i]))
            return false;
    return buf_add_text(out, "\r\n");
}

bool http_refusal(struct buf *out, unsigned code, bool to_head, const struct http_allowed *allowed)
{
    const struct refusal_row *row = refusals;
    const struct refusal_row *last = &refusals[sizeof refusals / sizeof *refusals - 1];

    while (row != last && row->code != code)
        row++;
    return buf_printf(out, "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s",
                      row->code, row->phrase, strlen(row->phrase) + 5, row->fields) &&
           (row->code != 405 || add_allow(out, allowed)) && buf_add_text(out, "Connection: close\r\n\r\n") &&
           (to_head || buf_printf(out, "%u %s\n", row->code, row->phrase));
}
