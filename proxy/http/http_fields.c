#include "http_fields.h"

#include <stdio.h>
#include <strings.h>

static bool add_slice(struct buf *out, const uint8_t *bytes, struct http_slice slice)
{
    return buf_add(out, bytes + slice.at, slice.len);
}

void http_forwarded_init(struct http_forwarded *forwarded, const struct addr *peer, bool secure)
{
    const char *proto = secure ? "https" : "http";
    char host[ADDR_TEXT_LEN];
    int len;

    *forwarded = (struct http_forwarded){.len = 0};
    if (!peer)
        return;
    addr_host_text(peer, host);
    len = snprintf(forwarded->text, sizeof forwarded->text,
                   addr_is_v4(peer) ? "X-Forwarded-For: %.48s\r\nX-Forwarded-Proto: %s\r\n"
                                      "Forwarded: for=%.48s;proto=%s"
                                    : "X-Forwarded-For: %.48s\r\nX-Forwarded-Proto: %s\r\n"
                                      "Forwarded: for=\"[%.48s]\";proto=%s",
                   host, proto, host, proto);
    forwarded->len = len > 0 ? (size_t)len : 0;
}

static bool add_option(struct http_options *options, const uint8_t *bytes, struct http_slice token)
{
    if (!token.len || http_slice_is(bytes, token, "keep-alive"))
        return true;
    if (http_slice_is(bytes, token, "close")) {
        options->close = true;
        return true;
    }
    if (options->count == HTTP_CONNECTION_OPTIONS_MAX)
        return false;
    options->tokens[options->count++] = token;
    return true;
}

static bool is_separator(uint8_t byte)
{
    return byte == ',' || byte == ' ' || byte == '\t';
}

/* RFC 9110 7.6.1; empty elements are allowed. */
static bool add_options(struct http_options *options, const uint8_t *bytes, struct http_slice list)
{
    size_t at = list.at, end = (size_t)list.at + list.len;

    while (at < end) {
        size_t from = at;

        while (at < end && !is_separator(bytes[at]))
            at++;
        if (!add_option(options, bytes, (struct http_slice){(uint16_t)from, (uint16_t)(at - from)}))
            return false;
        while (at < end && is_separator(bytes[at]))
            at++;
    }
    return true;
}

bool http_options_read(struct http_options *options, const struct http_head *head, const uint8_t *bytes,
                       struct http_fault *fault)
{
    options->close = false;
    options->count = 0;
    if (!head->count[HTTP_NAME_CONNECTION])
        return true;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];

        if (field->meaning == HTTP_NAME_CONNECTION && !add_options(options, bytes, field->value))
            return http_refuse(fault, head->kind == HTTP_HEAD_REQUEST ? 400 : 502,
                               "too many options in Connection");
    }
    return true;
}

static bool is_named(const struct http_options *options, const uint8_t *bytes, const struct http_field *field)
{
    const char *name = (const char *)bytes + field->name.at;

    for (size_t i = 0; i < options->count; i++) {
        struct http_slice token = options->tokens[i];

        if (token.len == field->name.len && strncasecmp((const char *)bytes + token.at, name, token.len) == 0)
            return !http_name_protected(name, field->name.len);
    }
    return false;
}

/* 100-continue is the only expectation there is, and HTTP/1.0 does not know it. */
static bool is_kept(const struct http_head *head, const uint8_t *bytes, const struct http_options *options,
                    const struct http_field *field)
{
    switch ((enum http_name)field->meaning) {
    case HTTP_NAME_CONTENT_LENGTH:
    case HTTP_NAME_TRANSFER_ENCODING:
    case HTTP_NAME_CONNECTION:
    case HTTP_NAME_HOP:
        return false;
    case HTTP_NAME_IDENTITY:
        /* In an answer such a field tells the client nothing that it could be deceived by. */
        return head->kind == HTTP_HEAD_ANSWER;
    case HTTP_NAME_EXPECT:
        return !head->version_1_0;
    case HTTP_NAME_HOST:
        return true;
    case HTTP_NAME_OTHER:
    case HTTP_NAME_LOOKALIKE:
    case HTTP_NAME_AS2_FROM:
    case HTTP_NAME_AS2_LOOKALIKE:
    case HTTP_NAME_COUNT:
        break;
    }
    return !options->count || !is_named(options, bytes, field);
}

/* Neighbours that are kept are copied together: a field is a line, and a line ends where the next begins. */
static bool add_kept(struct buf *out, const struct http_head *head, const uint8_t *bytes,
                     const struct http_options *options)
{
    size_t from = 0, end = 0;

    for (size_t i = 0; i < head->field_count; i++) {
        size_t line = head->fields[i].name.at;

        if (!is_kept(head, bytes, options, &head->fields[i]))
            continue;
        if (line != end) {
            if (!buf_add(out, bytes + from, end - from))
                return false;
            from = line;
        }
        end = i + 1 < head->field_count ? head->fields[i + 1].name.at : head->len - 2;
    }
    return buf_add(out, bytes + from, end - from);
}

static bool add_framing(struct buf *out, const struct http_body *body)
{
    char line[48];

    switch (body->announced) {
    case HTTP_FRAMING_LENGTH:
        (void)snprintf(line, sizeof line, "Content-Length: %llu\r\n", (unsigned long long)body->length);
        return buf_add_text(out, line);
    case HTTP_FRAMING_CHUNKED:
        return buf_add_text(out, "Transfer-Encoding: chunked\r\n");
    case HTTP_FRAMING_NONE:
    case HTTP_FRAMING_CLOSE:
        break;
    }
    return true;
}

/* H7, H8. Host is quoted: it may hold a colon or brackets. */
static bool add_forwarded(struct buf *out, const struct http_head *head, const uint8_t *bytes,
                          const struct http_forwarded *forwarded)
{
    const struct http_field *host = http_head_field(head, HTTP_NAME_HOST);

    if (!buf_add(out, forwarded->identity, forwarded->identity_len))
        return false;
    if (!forwarded->len)
        return true;
    if (!host)
        return buf_add(out, forwarded->text, forwarded->len) && buf_add_text(out, "\r\n");
    return buf_add(out, forwarded->text, forwarded->len) && buf_add_text(out, ";host=\"") &&
           add_slice(out, bytes, host->value) && buf_add_text(out, "\"\r\nX-Forwarded-Host: ") &&
           add_slice(out, bytes, host->value) && buf_add_text(out, "\r\n");
}

static bool add_end(struct buf *out, bool close)
{
    return buf_add_text(out, close ? "Connection: close\r\n\r\n" : "\r\n");
}

bool http_fields_request(struct buf *out, const struct http_head *head, const uint8_t *bytes,
                         const struct http_body *body, const struct http_options *options,
                         const struct http_forwarded *forwarded, bool close)
{
    bool rooted = head->path.len && (bytes[head->path.at] == '/' || bytes[head->path.at] == '*');

    return add_slice(out, bytes, head->method) && buf_add_text(out, rooted ? " " : " /") &&
           add_slice(out, bytes, head->path) &&
           buf_add_text(out, head->version_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n") &&
           add_kept(out, head, bytes, options) && add_framing(out, body) &&
           add_forwarded(out, head, bytes, forwarded) && add_end(out, close);
}

bool http_fields_answer(struct buf *out, const struct http_head *head, const uint8_t *bytes,
                        const struct http_body *body, const struct http_options *options, bool close)
{
    char code[20];

    (void)snprintf(code, sizeof code, "HTTP/1.1 %03u ", head->status);
    return buf_add_text(out, code) && add_slice(out, bytes, head->reason) && buf_add_text(out, "\r\n") &&
           add_kept(out, head, bytes, options) && add_framing(out, body) && add_end(out, close);
}
