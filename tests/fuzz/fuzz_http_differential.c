/*
 * Two readers of one request (H1): ours and Debian's http-parser, another HTTP/1 parser that servers have
 * stood on for years. A request that the exchange takes whole, http-parser must understand in the same way,
 * as it came and as it goes on: method, target, fields, how the body is framed, what it is, and where it
 * ends. It may refuse what we take only for the reasons in is_stricter(). The first byte: bit 0 an answer's
 * head.
 */
#include "buf.h"
#include "http_body.h"
#include "http_exchange.h"
#include "http_head.h"

#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* What http-parser reads: fields as "name: value\n". */
struct reading {
    struct buf target, fields, body;
    unsigned method, status, minor;
    uint64_t length;
    bool chunked, has_length, upgrade, head_done, done, in_value;
    bool has_tabs; /* which it does not take for white space in framing; what goes on has none there */
    bool misnamed; /* a name that begins with Transfer-Encoding, which it takes for that */
    enum http_errno error;
    size_t used;
};

static int read_target(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;

    return !buf_add(&reading->target, at, len);
}

static const char coding[] = "transfer-encoding";

static int read_name(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;

    if (reading->head_done) /* a trailer */
        return 0;
    if (reading->in_value)
        must(buf_add_text(&reading->fields, "\n"));
    reading->in_value = false;
    reading->misnamed =
        reading->misnamed || (len > strlen(coding) && strncasecmp(at, coding, strlen(coding)) == 0);
    return !buf_add(&reading->fields, at, len);
}

static int read_value(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;

    if (reading->head_done)
        return 0;
    if (!reading->in_value)
        must(buf_add_text(&reading->fields, ":"));
    reading->in_value = true;
    return !buf_add(&reading->fields, at, len);
}

static int read_head_end(http_parser *parser)
{
    struct reading *reading = parser->data;

    if (reading->in_value)
        must(buf_add_text(&reading->fields, "\n"));
    reading->head_done = true;
    reading->method = parser->method;
    reading->status = parser->status_code;
    reading->minor = parser->http_minor;
    reading->chunked = parser->flags & F_CHUNKED;
    reading->has_length = parser->flags & F_CONTENTLENGTH;
    reading->length = parser->content_length;
    reading->upgrade = parser->upgrade;
    return 0;
}

static int read_body(http_parser *parser, const char *at, size_t len)
{
    struct reading *reading = parser->data;

    return !buf_add(&reading->body, at, len);
}

static int read_end(http_parser *parser)
{
    struct reading *reading = parser->data;

    reading->done = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_url = read_target,
    .on_header_field = read_name,
    .on_header_value = read_value,
    .on_headers_complete = read_head_end,
    .on_body = read_body,
    .on_message_complete = read_end,
};

static void reading_of(struct reading *reading, enum http_parser_type type, const uint8_t *data, size_t len)
{
    http_parser parser;

    memset(reading, 0, sizeof *reading);
    buf_init(&reading->target, len + 1);
    buf_init(&reading->fields, 2 * len + 1);
    buf_init(&reading->body, len + 1);
    http_parser_init(&parser, type);
    parser.data = reading;
    reading->has_tabs = memchr(data, '\t', len) != NULL;
    reading->used = http_parser_execute(&parser, &settings, (const char *)data, len);
    reading->error = HTTP_PARSER_ERRNO(&parser);
}

static void reading_free(struct reading *reading)
{
    buf_free(&reading->target);
    buf_free(&reading->fields);
    buf_free(&reading->body);
}

/* What http-parser does not know or does not want, and we do: it knows a list of methods; it wants of a
 * target what a browser would send; it takes every name that begins with Transfer-Encoding for that; and it
 * looks for Content-Length in trailers, which never go on. */
static bool is_stricter(const struct reading *reading)
{
    return reading->misnamed || reading->error == HPE_INVALID_METHOD || reading->error == HPE_INVALID_URL ||
           reading->error == HPE_INVALID_HOST || reading->error == HPE_INVALID_PATH ||
           reading->error == HPE_INVALID_PORT || reading->error == HPE_INVALID_CONSTANT ||
           reading->error == HPE_INVALID_TRANSFER_ENCODING ||
           (reading->head_done && (reading->error == HPE_UNEXPECTED_CONTENT_LENGTH ||
                                   reading->error == HPE_INVALID_CONTENT_LENGTH));
}

static bool same(const struct buf *a, const void *text, size_t len)
{
    return buf_len(a) == len && (!len || memcmp(buf_data(a), text, len) == 0);
}

/* White space at the end of a value: http-parser leaves it there. */
static void check_fields(const struct reading *reading, const struct http_head *head, const uint8_t *bytes)
{
    const char *at = (const char *)buf_data(&reading->fields);
    const char *end = at ? at + buf_len(&reading->fields) : NULL;

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];

        must((size_t)(end - at) >= (size_t)field->name.len + field->value.len + 2);
        must(memcmp(at, bytes + field->name.at, field->name.len) == 0 && at[field->name.len] == ':');
        at += field->name.len + 1;
        must(memcmp(at, bytes + field->value.at, field->value.len) == 0);
        for (at += field->value.len; at < end && (*at == ' ' || *at == '\t');)
            at++;
        must(at < end && *at++ == '\n');
    }
    must(at == end);
}

static void check_framing(const struct reading *reading, const struct http_body *body)
{
    must(reading->chunked == (body->announced == HTTP_FRAMING_CHUNKED));
    must(reading->has_length == (body->announced == HTTP_FRAMING_LENGTH));
    must(!reading->has_length || reading->length == body->length);
}

/* Our reading of a head that was taken, against theirs. */
static void check_head(const struct reading *reading, const uint8_t *bytes, size_t len)
{
    struct http_fault fault;
    struct http_head head;
    struct http_body body;
    const char *method = http_method_str((enum http_method)reading->method);

    http_head_begin(&head, HTTP_HEAD_REQUEST);
    if (http_head_parse(&head, bytes, len, &fault) != HTTP_DONE) {
        /* What goes on may have more fields than may come: those that tell of the client. */
        must(head.field_count == HTTP_FIELDS_MAX);
        return;
    }
    must(http_body_of_request(&body, &head, bytes, &fault));
    must(strlen(method) == head.method.len && memcmp(method, bytes + head.method.at, head.method.len) == 0);
    must(same(&reading->target, bytes + head.target.at, head.target.len));
    must(reading->minor == !head.version_1_0);
    check_fields(reading, &head, bytes);
    check_framing(reading, &body);
}

/* --- the exchange --- */

struct play {
    struct buf out;
};

static void to_client(void *owner, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)data;
    (void)len;
}

static void to_backend(void *owner, const uint8_t *data, size_t len)
{
    struct play *play = owner;

    must(buf_add(&play->out, data, len));
}

static void finished(void *owner, const struct http_record *record)
{
    (void)owner;
    (void)record;
}

static const struct http_outlet outlet = {
    .to_client = to_client, .to_backend = to_backend, .finished = finished};

/* Returns the length of the first request when all of it was taken, else 0. */
static size_t take_request(struct play *play, const uint8_t *data, size_t size)
{
    struct http_exchange *exchange;
    struct addr client;
    struct err err;
    size_t taken;

    must(addr_parse_host("192.0.2.9", &client, &err));
    exchange = http_exchange_new(&outlet, play, &client, true);
    must(exchange != NULL);
    taken = http_exchange_client_data(exchange, data, size);
    if (http_exchange_phase(exchange) != HTTP_PHASE_ANSWER)
        taken = 0;
    http_exchange_free(exchange);
    return taken;
}

static void compare_request(const uint8_t *data, size_t size)
{
    struct play play;
    struct reading came, left;
    size_t taken;

    buf_init(&play.out, size + 4096);
    taken = take_request(&play, data, size);
    if (taken) {
        reading_of(&came, HTTP_REQUEST, data, taken);
        reading_of(&left, HTTP_REQUEST, buf_data(&play.out), buf_len(&play.out));
        if (!is_stricter(&left)) {
            must(left.done && left.used == buf_len(&play.out) && !left.upgrade);
            check_head(&left, buf_data(&play.out), buf_len(&play.out));
        }
        if (!is_stricter(&came) && !came.upgrade && !came.has_tabs) {
            must(came.done && came.used == taken);
            check_head(&came, data, taken);
            must(is_stricter(&left) || same(&came.body, buf_data(&left.body), buf_len(&left.body)));
        }
        reading_free(&came);
        reading_free(&left);
    }
    buf_free(&play.out);
}

/* An answer's head: its status, its fields, its framing. */
static void compare_answer(const uint8_t *data, size_t size)
{
    struct http_fault fault;
    struct http_head head;
    struct http_body body;
    struct reading came;

    http_head_begin(&head, HTTP_HEAD_ANSWER);
    if (http_head_parse(&head, data, size, &fault) != HTTP_DONE ||
        !http_body_of_answer(&body, &head, data, false, false, &fault) || head.status < 200)
        return;
    reading_of(&came, HTTP_RESPONSE, data, head.len);
    if (!came.upgrade && !came.misnamed && !came.has_tabs) {
        must(came.head_done && came.status == head.status && came.minor == !head.version_1_0);
        check_fields(&came, &head, data);
        /* That 204 and 304 have no body is for its callers to know. */
        if (body.framing != HTTP_FRAMING_NONE) {
            check_framing(&came, &body);
            must(came.done == http_body_is_over(&body));
        }
    }
    reading_free(&came);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (data[0] & 1)
        compare_answer(data + 1, size - 1);
    else
        compare_request(data + 1, size - 1);
    return 0;
}
