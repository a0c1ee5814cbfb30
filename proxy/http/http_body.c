#include "http_body.h"

#include "text.h"

#include <string.h>

/* RFC 9112 7.1. Each state is named for the byte that is expected. */
enum chunk_state {
    CHUNK_SIZE,
    CHUNK_BLANK, /* white space before an extension */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_OVER,
};

enum { CHUNK_DIGITS_MAX = 16 };

static bool has(const struct http_head *head, enum http_name meaning)
{
    return head->count[meaning] > 0;
}

/* Content-Length, digits only (RFC 9110 8.6); RFC 9112 6.3 would take "5, 5", we do not. */
static bool read_length(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                        struct http_fault *fault)
{
    const struct http_field *field = http_head_field(head, HTTP_NAME_CONTENT_LENGTH);

    if (head->count[HTTP_NAME_CONTENT_LENGTH] > 1)
        return http_refuse(fault, 400, "more than one Content-Length");
    if (!text_number((const char *)bytes + field->value.at, field->value.len, INT64_MAX, &body->length))
        return http_refuse(fault, 400, "a Content-Length that is no number");
    body->announced = HTTP_FRAMING_LENGTH;
    return true;
}

/* One element of a list up to the next comma, without the white space around it. */
static struct http_slice element(const uint8_t *bytes, struct http_slice list)
{
    size_t at = list.at, stop = (size_t)list.at + list.len, end;
    const uint8_t *comma = at < stop ? memchr(bytes + at, ',', stop - at) : NULL;

    end = comma ? (size_t)(comma - bytes) : stop;
    while (at < end && (bytes[at] == ' ' || bytes[at] == '\t'))
        at++;
    while (end > at && (bytes[end - 1] == ' ' || bytes[end - 1] == '\t'))
        end--;
    return (struct http_slice){.at = (uint16_t)at, .len = (uint16_t)(end - at)};
}

/* The only coding is chunked, once. What else stands there decides how it is refused. */
static bool read_coding(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                        struct http_fault *fault)
{
    struct http_slice list = http_head_field(head, HTTP_NAME_TRANSFER_ENCODING)->value;
    bool chunked = false, others = false, more = true;

    if (head->version_1_0)
        return http_refuse(fault, 400, "Transfer-Encoding in HTTP/1.0");
    if (has(head, HTTP_NAME_CONTENT_LENGTH))
        return http_refuse(fault, 400, "Content-Length with Transfer-Encoding");
    if (head->count[HTTP_NAME_TRANSFER_ENCODING] > 1)
        return http_refuse(fault, 400, "more than one Transfer-Encoding");
    while (more) {
        struct http_slice coding = element(bytes, list);
        const uint8_t *comma = list.len ? memchr(bytes + list.at, ',', list.len) : NULL;
        size_t used = comma ? (size_t)(comma - bytes) + 1 - list.at : list.len;

        if (!http_is_token(bytes + coding.at, coding.len))
            return http_refuse(fault, 400, "a Transfer-Encoding that is no list of codings");
        if (chunked)
            return http_refuse(fault, 400, "chunked is not the last coding");
        chunked = http_slice_is(bytes, coding, "chunked");
        others = others || !chunked;
        more = comma != NULL;
        list = (struct http_slice){.at = (uint16_t)(list.at + used), .len = (uint16_t)(list.len - used)};
    }
    if (others)
        return http_refuse(fault, 501, "a transfer coding other than chunked");
    body->announced = HTTP_FRAMING_CHUNKED;
    return true;
}

static bool read_framing(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                         struct http_fault *fault)
{
    memset(body, 0, sizeof *body);
    if (has(head, HTTP_NAME_LOOKALIKE) && head->kind == HTTP_HEAD_REQUEST)
        return http_refuse(fault, 400, "a framing field in another spelling");
    if (has(head, HTTP_NAME_TRANSFER_ENCODING))
        return read_coding(body, head, bytes, fault);
    return !has(head, HTTP_NAME_CONTENT_LENGTH) || read_length(body, head, bytes, fault);
}

static void begin(struct http_body *body, enum http_framing framing)
{
    body->framing = framing;
    body->remaining = framing == HTTP_FRAMING_LENGTH ? body->length : 0;
}

bool http_body_of_request(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                          struct http_fault *fault)
{
    if (!read_framing(body, head, bytes, fault))
        return false;
    begin(body, body->announced);
    return true;
}

bool http_body_limit(struct http_body *body, uint64_t limit_bytes)
{
    body->limit = limit_bytes;
    return !limit_bytes || body->framing != HTTP_FRAMING_LENGTH || body->length <= limit_bytes;
}

bool http_body_of_answer(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                         bool to_head, bool to_1_0, struct http_fault *fault)
{
    bool framed = read_framing(body, head, bytes, fault);

    if (!framed || (to_1_0 && body->announced == HTTP_FRAMING_CHUNKED)) {
        if (framed)
            (void)http_refuse(fault, 502, "a chunked answer to HTTP/1.0");
        fault->code = 502;
        return false;
    }
    if (head->status < 200 || head->status == 204) {
        /* RFC 9110 8.6: neither field may stand here; what is not announced is not sent on. */
        body->announced = HTTP_FRAMING_NONE;
        begin(body, HTTP_FRAMING_NONE);
    } else if (to_head || head->status == 304) {
        begin(body, HTTP_FRAMING_NONE);
    } else {
        begin(body, body->announced == HTTP_FRAMING_NONE ? HTTP_FRAMING_CLOSE : body->announced);
    }
    return true;
}

bool http_body_is_over(const struct http_body *body)
{
    switch (body->framing) {
    case HTTP_FRAMING_NONE:
        return true;
    case HTTP_FRAMING_LENGTH:
        return !body->remaining;
    case HTTP_FRAMING_CHUNKED:
        return body->state == CHUNK_OVER;
    case HTTP_FRAMING_CLOSE:
        return false;
    }
    return false;
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* A digit of the size, or what follows it. */
static bool step_size(struct http_body *body, uint8_t byte)
{
    int digit = hex_value(byte);

    if (digit >= 0) {
        if (body->digits == CHUNK_DIGITS_MAX || body->remaining > (uint64_t)INT64_MAX >> 4)
            return false;
        body->digits++;
        body->remaining = body->remaining << 4 | (uint64_t)digit;
        return true;
    }
    if (!body->digits)
        return false;
    body->dropped = 1;
    if (byte == '\r')
        body->state = CHUNK_SIZE_LF;
    else if (byte == ';')
        body->state = CHUNK_EXTENSION;
    else if (byte == ' ' || byte == '\t')
        body->state = CHUNK_BLANK;
    else
        return false;
    return true;
}

/* White space, then ';', then up to the CR: nothing in it is looked at, but nothing in it may end a line. */
static bool step_extension(struct http_body *body, uint8_t byte)
{
    if (body->state == CHUNK_EXTENSION && byte == '\r') {
        body->state = CHUNK_SIZE_LF;
        return true;
    }
    if (body->state == CHUNK_BLANK && byte == ';')
        body->state = CHUNK_EXTENSION;
    else if (body->state == CHUNK_BLANK && byte != ' ' && byte != '\t')
        return false;
    return http_is_value(&byte, 1) && ++body->dropped <= HTTP_EXTENSION_BYTES_MAX &&
           ++body->excess <= HTTP_EXTENSIONS_EXCESS_MAX;
}

static bool step_trailer(struct http_body *body, uint8_t byte)
{
    if (body->state == CHUNK_TRAILER && byte == '\r') {
        body->state = CHUNK_LAST_LF;
        return true;
    }
    if (++body->dropped > HTTP_TRAILER_BYTES_MAX)
        return false;
    if (body->state == CHUNK_TRAILER_VALUE) {
        if (byte == '\r')
            body->state = CHUNK_TRAILER_LF;
        return byte == '\r' || http_is_value(&byte, 1);
    }
    if (body->state == CHUNK_TRAILER_NAME && byte == ':') {
        body->state = CHUNK_TRAILER_VALUE;
        return true;
    }
    body->state = CHUNK_TRAILER_NAME;
    return http_is_token(&byte, 1);
}

static bool step_line_end(struct http_body *body, uint8_t byte, uint8_t expected, enum chunk_state next)
{
    if (byte != expected)
        return false;
    body->state = (uint8_t)next;
    return true;
}

/* The size of a chunk is complete: what it brings counts before any of it has come. */
static bool step_chunk(struct http_body *body, uint8_t byte)
{
    body->dropped = 0;
    body->digits = 0;
    body->excess -= (uint32_t)least(body->remaining, body->excess);
    body->total += body->remaining;
    body->too_large = body->total > INT64_MAX || (body->limit && body->total > body->limit);
    return !body->too_large && step_line_end(body, byte, '\n', body->remaining ? CHUNK_DATA : CHUNK_TRAILER);
}

/* One byte that is not data; false: it breaks the framing. */
static bool step(struct http_body *body, uint8_t byte)
{
    switch ((enum chunk_state)body->state) {
    case CHUNK_SIZE:
        return step_size(body, byte);
    case CHUNK_BLANK:
    case CHUNK_EXTENSION:
        return step_extension(body, byte);
    case CHUNK_SIZE_LF:
        return step_chunk(body, byte);
    case CHUNK_DATA_CR:
        return step_line_end(body, byte, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        return step_line_end(body, byte, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
        return step_trailer(body, byte);
    case CHUNK_TRAILER_LF:
        body->dropped++;
        return step_line_end(body, byte, '\n', CHUNK_TRAILER);
    case CHUNK_LAST_LF:
        return step_line_end(body, byte, '\n', CHUNK_OVER);
    case CHUNK_DATA:
    case CHUNK_OVER:
        return false;
    }
    return false;
}

/* Does the byte belong to an extension or a trailer? */
static bool is_dropped(const struct http_body *body, uint8_t byte)
{
    switch ((enum chunk_state)body->state) {
    case CHUNK_SIZE:
        return byte == ';' || byte == ' ' || byte == '\t';
    case CHUNK_EXTENSION:
    case CHUNK_TRAILER:
        return byte != '\r';
    case CHUNK_BLANK:
    case CHUNK_TRAILER_NAME:
    case CHUNK_TRAILER_VALUE:
    case CHUNK_TRAILER_LF:
        return true;
    case CHUNK_SIZE_LF:
    case CHUNK_DATA:
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
    case CHUNK_LAST_LF:
    case CHUNK_OVER:
        return false;
    }
    return false;
}

static enum http_progress chunked_next(struct http_body *body, const uint8_t *data, size_t len,
                                       struct http_run *run)
{
    size_t at = 0;

    while (at < len && body->state != CHUNK_OVER) {
        if (body->state == CHUNK_DATA) {
            size_t data_len = least(body->remaining, len - at);
            at += data_len;
            run->pass += data_len;
            body->remaining -= data_len;
            body->state = body->remaining ? CHUNK_DATA : CHUNK_DATA_CR;
            continue;
        }
        bool dropped = is_dropped(body, data[at]);
        if (dropped && run->pass)
            return HTTP_MORE;
        if (!step(body, data[at++]))
            return HTTP_REFUSED;
        *(dropped ? &run->drop : &run->pass) += 1;
    }
    return body->state == CHUNK_OVER ? HTTP_DONE : HTTP_MORE;
}

enum http_progress http_body_next(struct http_body *body, const uint8_t *data, size_t len,
                                  struct http_run *run)
{
    *run = (struct http_run){0};
    if (http_body_is_over(body))
        return HTTP_DONE;
    switch (body->framing) {
    case HTTP_FRAMING_LENGTH:
        run->pass = least(body->remaining, len);
        body->remaining -= run->pass;
        return body->remaining ? HTTP_MORE : HTTP_DONE;
    case HTTP_FRAMING_CHUNKED:
        return chunked_next(body, data, len, run);
    case HTTP_FRAMING_CLOSE:
        run->pass = len;
        return HTTP_MORE;
    case HTTP_FRAMING_NONE:
        return HTTP_DONE;
    }
    return HTTP_DONE;
}
