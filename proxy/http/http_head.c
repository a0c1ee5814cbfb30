#include "http_head.h"

#include "text.h"

#include <string.h>

_Static_assert(HTTP_HEAD_BYTES_MAX - 1 <= UINT16_MAX, "a slice holds every offset of a head");
_Static_assert(HTTP_FIELDS_MAX <= UINT8_MAX, "a count holds every field");

bool http_refuse(struct http_fault *fault, unsigned code, const char *why)
{
    *fault = (struct http_fault){.code = code, .why = why};
    return false;
}

static struct http_slice slice_of(size_t at, size_t end)
{
    return (struct http_slice){.at = (uint16_t)at, .len = (uint16_t)(end - at)};
}

void http_head_begin(struct http_head *head, enum http_head_kind kind)
{
    /* The table of fields is valid up to field_count only: it needs no zeros. */
    memset(head, 0, offsetof(struct http_head, fields));
    head->kind = kind;
}

bool http_slice_is(const uint8_t *bytes, struct http_slice slice, const char *text)
{
    return text_same_n((const char *)bytes + slice.at, slice.len, text);
}

const struct http_field *http_head_field(const struct http_head *head, enum http_name meaning)
{
    return head->count[meaning] ? &head->fields[head->last[meaning]] : NULL;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1" or "HTTP/1.0", and nothing else. */
static bool take_version(struct http_head *head, const uint8_t *text, size_t len, struct http_fault *fault)
{
    if (len != 8 || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7]))
        return http_refuse(fault, 400, "no HTTP version");
    if (text[5] != '1' || text[7] > '1')
        return http_refuse(fault, 505, "an HTTP version other than 1.0 and 1.1");
    head->version_1_0 = text[7] == '0';
    return true;
}

/* RFC 9112 3: method SP request-target SP HTTP-version. */
static bool take_request_line(struct http_head *head, const uint8_t *bytes, size_t end,
                              struct http_fault *fault)
{
    size_t at = head->len;
    const uint8_t *space = memchr(bytes + at, ' ', end - at), *second;
    size_t target, version;

    if (!space)
        return http_refuse(fault, 400, "a request line without spaces");
    target = (size_t)(space - bytes) + 1;
    second = target < end ? memchr(bytes + target, ' ', end - target) : NULL;
    if (!second)
        return http_refuse(fault, 400, "a request line without a version");
    version = (size_t)(second - bytes) + 1;
    head->method = slice_of(at, target - 1);
    head->target = slice_of(target, version - 1);
    if (head->method.len > HTTP_METHOD_MAX || !http_is_token(bytes + at, head->method.len))
        return http_refuse(fault, 400, "a method that is no token");
    if (!head->target.len || !http_is_graph(bytes + target, head->target.len))
        return http_refuse(fault, 400, "a target with bytes that do not belong there");
    return take_version(head, bytes + version, end - version, fault);
}

/* RFC 9112 4: HTTP-version SP status-code SP [ reason ]; without the last space, as some servers send it. */
static bool take_status_line(struct http_head *head, const uint8_t *bytes, size_t end,
                             struct http_fault *fault)
{
    const uint8_t *line = bytes + head->len;
    size_t len = end - head->len;

    if (len < 12 || line[8] != ' ' || (len > 12 && line[12] != ' '))
        return http_refuse(fault, 502, "no status line");
    if (!take_version(head, line, 8, fault))
        return false;
    if (line[9] < '1' || line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]))
        return http_refuse(fault, 502, "a status code out of range");
    head->status =
        (unsigned)(line[9] - '0') * 100 + (unsigned)(line[10] - '0') * 10 + (unsigned)(line[11] - '0');
    head->reason = slice_of(head->len + (len > 12 ? 13 : 12), end);
    if (!http_is_value(bytes + head->reason.at, head->reason.len))
        return http_refuse(fault, 502, "control characters in the status line");
    return true;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* RFC 9112 5: field-name ":" OWS field-value OWS. */
static bool take_field(struct http_head *head, const uint8_t *bytes, size_t end, struct http_fault *fault)
{
    size_t at = head->len, value, name_len;
    const uint8_t *colon = memchr(bytes + at, ':', end - at);
    struct http_field *field = &head->fields[head->field_count];

    if (is_blank(bytes[at]))
        return http_refuse(fault, 400, "a folded line");
    if (!colon)
        return http_refuse(fault, 400, "a header line without a colon");
    name_len = (size_t)(colon - bytes) - at;
    if (!http_is_token(bytes + at, name_len))
        return http_refuse(fault, 400, "a header name that is no token");
    if (head->field_count == HTTP_FIELDS_MAX)
        return http_refuse(fault, 431, "too many header lines");
    value = at + name_len + 1;
    while (value < end && is_blank(bytes[value]))
        value++;
    while (end > value && is_blank(bytes[end - 1]))
        end--;
    if (!http_is_value(bytes + value, end - value))
        return http_refuse(fault, 400, "control characters in a header");
    field->name = slice_of(at, at + name_len);
    field->value = slice_of(value, end);
    field->meaning = (uint8_t)http_name_find((const char *)bytes + at, name_len);
    head->count[field->meaning]++;
    head->last[field->meaning] = (uint8_t)head->field_count++;
    return true;
}

/* One line, bytes[head->len..end) without its CR LF. */
static enum http_progress take_line(struct http_head *head, const uint8_t *bytes, size_t end,
                                    struct http_fault *fault)
{
    bool empty = end == head->len, fine;

    if (empty && head->has_start_line)
        return HTTP_DONE;
    /* One empty line before a request is allowed: RFC 9112 2.2. */
    if (empty && !head->len && head->kind == HTTP_HEAD_REQUEST)
        return HTTP_MORE;
    if (empty) {
        (void)http_refuse(fault, 400, "an empty line where a message should begin");
        return HTTP_REFUSED;
    }
    if (head->has_start_line) {
        fine = take_field(head, bytes, end, fault);
    } else if (head->kind == HTTP_HEAD_REQUEST) {
        fine = take_request_line(head, bytes, end, fault);
        head->has_start_line = head->target.len > 0;
    } else {
        fine = head->has_start_line = take_status_line(head, bytes, end, fault);
    }
    return fine ? HTTP_MORE : HTTP_REFUSED;
}

static enum http_progress parse_lines(struct http_head *head, const uint8_t *bytes, size_t len,
                                      struct http_fault *fault)
{
    size_t limit = len < HTTP_HEAD_BYTES_MAX ? len : (size_t)HTTP_HEAD_BYTES_MAX;

    while (head->scanned < limit) {
        const uint8_t *line_end = memchr(bytes + head->scanned, '\n', limit - head->scanned);
        enum http_progress progress;
        size_t end;

        if (!line_end) {
            head->scanned = limit;
            break;
        }
        end = (size_t)(line_end - bytes);
        if (end == head->len || bytes[end - 1] != '\r') {
            (void)http_refuse(fault, 400, "a line that does not end in CR LF");
            return HTTP_REFUSED;
        }
        progress = take_line(head, bytes, end - 1, fault);
        head->scanned = end + 1;
        if (progress != HTTP_REFUSED)
            head->len = end + 1;
        if (progress != HTTP_MORE)
            return progress;
    }
    if (limit < HTTP_HEAD_BYTES_MAX)
        return HTTP_MORE;
    (void)http_refuse(fault, 431, "a head above 64 KB");
    return HTTP_REFUSED;
}

enum http_progress http_head_parse(struct http_head *head, const uint8_t *bytes, size_t len,
                                   struct http_fault *fault)
{
    enum http_progress progress = parse_lines(head, bytes, len, fault);

    /* Whatever is wrong with an answer, the client learns that the backend failed. */
    if (progress == HTTP_REFUSED && head->kind == HTTP_HEAD_ANSWER)
        fault->code = 502;
    return progress;
}
