#include "http_refusal.h"

#include <string.h>

struct refusal_row {
    unsigned code;
    const char *phrase, *fields;
};

/* The last row is for every other code. */
static const struct refusal_row refusals[] = {
    {400, "Bad Request", ""},
    {405, "Method Not Allowed", "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n"},
    {408, "Request Timeout", ""},
    {417, "Expectation Failed", ""},
    {431, "Request Header Fields Too Large", ""},
    {501, "Not Implemented", ""},
    {502, "Bad Gateway", ""},
    {503, "Service Unavailable", "Retry-After: 10\r\n"},
    {504, "Gateway Timeout", ""},
    {505, "HTTP Version Not Supported", ""},
    {500, "Internal Server Error", ""},
};

bool http_refusal(struct buf *out, unsigned code, bool to_head)
{
    const struct refusal_row *row = refusals;
    const struct refusal_row *last = &refusals[sizeof refusals / sizeof *refusals - 1];

    while (row != last && row->code != code)
        row++;
    return buf_printf(out,
                      "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s"
                      "Connection: close\r\n\r\n",
                      row->code, row->phrase, strlen(row->phrase) + 5, row->fields) &&
           (to_head || buf_printf(out, "%u %s\n", row->code, row->phrase));
}
