/*
 * The head of an HTTP/1 message, strictly read (RFC 9112 2-5; H1): bytes in, a table of slices out. What
 * RFC 9112 lets a lenient reader accept (a bare LF, folded lines, a space before the colon) is refused,
 * because the server behind might read it differently.
 *
 * The reader is asked again with the same bytes and more behind them until it is done; it never looks
 * twice at a line. Slices are offsets into these bytes, so the bytes may move between calls. Pure; takes no
 * memory; never blocks.
 */
#pragma once

#include "http_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEAD_BYTES_MAX = 65536, HTTP_FIELDS_MAX = 128, HTTP_METHOD_MAX = 32 };

enum http_progress { HTTP_MORE, HTTP_DONE, HTTP_REFUSED };
enum http_head_kind { HTTP_HEAD_REQUEST, HTTP_HEAD_ANSWER };

/* Why a message is refused: the status code to answer with (a bad answer of the backend: 502), and the
 * cause in words that hold nothing of the input. */
struct http_fault {
    unsigned code;
    const char *why;
};

/* Fills fault; always false. */
bool http_refuse(struct http_fault *fault, unsigned code, const char *why);

struct http_slice {
    uint16_t at, len;
};

/* name.at is where the line begins. */
struct http_field {
    struct http_slice name, value; /* value: without the white space around it */
    uint8_t meaning;               /* enum http_name */
};

struct http_head {
    enum http_head_kind kind;
    bool version_1_0, has_start_line;
    unsigned status; /* of an answer */
    struct http_slice method, target, reason;
    struct http_slice path; /* the part of target that goes to the backend: see http_target.h */
    size_t len;             /* read so far; when done: of the whole head with its empty line */
    size_t scanned;         /* up to here there is no further line end */
    size_t field_count;
    uint8_t count[HTTP_NAME_COUNT]; /* how many fields have a meaning, and the last of them */
    uint8_t last[HTTP_NAME_COUNT];
    struct http_field fields[HTTP_FIELDS_MAX];
};

void http_head_begin(struct http_head *head, enum http_head_kind kind);

/* bytes[0..len) begins where the head begins. HTTP_REFUSED fills fault; the head is then of no use, except
 * that method and target stand when has_start_line is set. */
enum http_progress http_head_parse(struct http_head *head, const uint8_t *bytes, size_t len,
                                   struct http_fault *fault);

/* The last field with this meaning, NULL: none. */
const struct http_field *http_head_field(const struct http_head *head, enum http_name meaning);

/* Equal without regard to ASCII case. */
bool http_slice_is(const uint8_t *bytes, struct http_slice slice, const char *text);
