#include "http_target.h"

#include "text.h"

#include <string.h>
#include <strings.h>

enum { HOST_LEN_MAX = 253 + 6 }; /* a DNS name, and a port */

struct span {
    const char *text;
    size_t len;
};

static struct span span_of(const uint8_t *bytes, struct http_slice slice)
{
    return (struct span){.text = (const char *)bytes + slice.at, .len = slice.len};
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
}

/* "[" IPv6 "]": the length with its brackets, 0 when malformed. */
static size_t literal_len(struct span host)
{
    for (size_t i = 1; i < host.len; i++) {
        if (host.text[i] == ']')
            return i > 2 ? i + 1 : 0;
        if (!is_hex(host.text[i]) && host.text[i] != ':' && host.text[i] != '.')
            return 0;
    }
    return 0;
}

/* RFC 9110 7.2: uri-host [ ":" port ], of names and addresses as DNS and sockets know them. */
static bool is_authority(struct span host)
{
    size_t at = 0;
    uint64_t port;

    if (host.len > HOST_LEN_MAX)
        return false;
    if (host.len && host.text[0] == '[')
        at = literal_len(host);
    else
        while (at < host.len && is_name(host.text[at]))
            at++;
    if (!at || at == host.len)
        return at > 0;
    return host.text[at] == ':' && text_number(host.text + at + 1, host.len - at - 1, 65535, &port);
}

static bool check_host(const struct http_head *head, const uint8_t *bytes, struct http_fault *fault)
{
    const struct http_field *host = http_head_field(head, HTTP_NAME_HOST);

    if (head->count[HTTP_NAME_HOST] > 1)
        return http_refuse(fault, 400, "more than one Host");
    if (!host && head->version_1_0)
        return true;
    if (!host)
        return http_refuse(fault, 400, "no Host");
    if (!is_authority(span_of(bytes, host->value)))
        return http_refuse(fault, 400, "a Host that is no host name or address");
    return true;
}

/* Is the percent sign at text[i] the encoding `code` ("2F")? */
static bool encodes(struct span text, size_t i, const char *code)
{
    return text_same_n(text.text + i + 1, 2, code);
}

/* "." or "..", its dots encoded or not, up to the parameters of the segment: some servers cut "..;x" there.
 */
static bool is_dot_segment(struct span segment)
{
    size_t i = 0, dots = 0;

    while (i < segment.len && segment.text[i] != ';') {
        if (segment.text[i] == '.')
            i++;
        else if (segment.text[i] == '%' && encodes(segment, i, "2e"))
            i += 3;
        else
            return false;
        dots++;
    }
    return dots == 1 || dots == 2;
}

/* One segment; *len gets its length. NULL: fine; else what is wrong. */
static const char *check_segment(struct span rest, size_t *len)
{
    size_t i = 0;

    for (; i < rest.len && rest.text[i] != '/'; i++) {
        if (rest.text[i] == '\\' || rest.text[i] == '#')
            return "a backslash or a fragment in the path";
        if (rest.text[i] != '%')
            continue;
        if (i + 2 >= rest.len || !is_hex(rest.text[i + 1]) || !is_hex(rest.text[i + 2]))
            return "a percent sign without two hex digits in the path";
        if (encodes(rest, i, "2f") || encodes(rest, i, "5c") || encodes(rest, i, "00"))
            return "an encoded slash, backslash or NUL in the path";
    }
    *len = i;
    if (is_dot_segment((struct span){rest.text, i}))
        return "a dot segment in the path";
    return NULL;
}

/* path begins with '/' and ends before the query. */
static bool check_path(struct span path, struct http_fault *fault)
{
    while (path.len) {
        struct span rest = {path.text + 1, path.len - 1};
        size_t len;
        const char *why = check_segment(rest, &len);

        if (!why && !len && rest.len)
            why = "an empty segment in the path";
        if (why)
            return http_refuse(fault, 400, why);
        path = (struct span){rest.text + len, rest.len - len};
    }
    return true;
}

static size_t path_len(struct span target)
{
    const char *query = memchr(target.text, '?', target.len);

    return query ? (size_t)(query - target.text) : target.len;
}

/* RFC 9112 3.2.2: "http://host/path". Leaves the path in head->path. */
static bool check_absolute(struct http_head *head, const uint8_t *bytes, struct http_fault *fault)
{
    struct span target = span_of(bytes, head->target);
    const struct http_field *host = http_head_field(head, HTTP_NAME_HOST);
    size_t scheme = 0, end;

    if (target.len > 7 && text_same_n(target.text, 7, "http://"))
        scheme = 7;
    else if (target.len > 8 && text_same_n(target.text, 8, "https://"))
        scheme = 8;
    else
        return http_refuse(fault, 400, "a target that is neither a path nor a URL");
    for (end = scheme; end < target.len && target.text[end] != '/' && target.text[end] != '?';)
        end++;
    if (host && (host->value.len != end - scheme ||
                 strncasecmp(target.text + scheme, (const char *)bytes + host->value.at, end - scheme) != 0))
        return http_refuse(fault, 400, "a target of another host than Host");
    if (!is_authority((struct span){target.text + scheme, end - scheme}))
        return http_refuse(fault, 400, "a target without a host");
    head->path.at = (uint16_t)(head->target.at + end);
    head->path.len = (uint16_t)(target.len - end);
    return true;
}

bool http_target_check(struct http_head *head, const uint8_t *bytes, struct http_fault *fault)
{
    struct span target = span_of(bytes, head->target), path;

    if (http_slice_is(bytes, head->method, "CONNECT"))
        return http_refuse(fault, 405, "CONNECT");
    if (!check_host(head, bytes, fault))
        return false;
    head->path = head->target;
    if (target.len == 1 && target.text[0] == '*') {
        if (http_slice_is(bytes, head->method, "OPTIONS"))
            return true;
        return http_refuse(fault, 400, "the target * is for OPTIONS only");
    }
    if (target.text[0] != '/' && !check_absolute(head, bytes, fault))
        return false;
    path = span_of(bytes, head->path);
    if (memchr(path.text, '#', path.len))
        return http_refuse(fault, 400, "a fragment in the target");
    path.len = path_len(path);
    return check_path(path, fault);
}
