/*
 * Where a message ends (RFC 9112 6, 7.1; H1, H2, H4): from the head, how its body is framed; then, bytes
 * in, which of them are the body's and go on. The framing is kept: what comes chunked leaves chunked, with
 * the very same bytes but for chunk extensions and trailers, which are dropped.
 *
 * A struct http_body is a value, inside its owner. Pure; takes no memory; never blocks.
 */
#pragma once

#include "http_head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_framing {
    HTTP_FRAMING_NONE,
    HTTP_FRAMING_LENGTH,
    HTTP_FRAMING_CHUNKED,
    HTTP_FRAMING_CLOSE, /* an answer that ends with its connection */
};

/* Of one chunk; of all of them, beyond the data they carry; of all trailers. */
enum { HTTP_EXTENSION_BYTES_MAX = 256, HTTP_EXTENSIONS_EXCESS_MAX = 16384, HTTP_TRAILER_BYTES_MAX = 16384 };

struct http_body {
    enum http_framing framing;   /* how the bytes end */
    enum http_framing announced; /* what the head says; differs in an answer to HEAD and in 304 */
    uint64_t length;             /* the announced Content-Length */
    uint64_t remaining;          /* of the body, or of this chunk */
    uint8_t state;               /* of a chunked body */
    uint8_t digits;              /* of this chunk's size */
    uint32_t dropped;            /* bytes of this chunk's extension, or of all trailers */
    uint32_t excess;             /* bytes of extensions beyond the bytes of data that came with them */
    uint64_t limit, total;       /* of a chunked body: the most that its chunks may hold, what they do */
    bool too_large;              /* refused for its limit, not for its framing */
};

/* What to do with the bytes that were given: the first `drop` go nowhere, the next `pass` go on. */
struct http_run {
    size_t drop, pass;
};

bool http_body_of_request(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                          struct http_fault *fault);

/* The body may have so many bytes, 0: any number. False: its Content-Length says more already. One that is
 * chunked is refused with too_large set when a chunk begins that would pass the limit. */
bool http_body_limit(struct http_body *body, uint64_t limit_bytes);

/* to_head: the request was HEAD. to_1_0: it was HTTP/1.0, which must not be answered in chunks. */
bool http_body_of_answer(struct http_body *body, const struct http_head *head, const uint8_t *bytes,
                         bool to_head, bool to_1_0, struct http_fault *fault);

/* No byte is missing (never true of HTTP_FRAMING_CLOSE). */
bool http_body_is_over(const struct http_body *body);

/* Tells one run of data[0..len); ask again for the rest. HTTP_DONE: the body ends behind this run.
 * HTTP_REFUSED: bytes behind this run break the framing or the limit. */
enum http_progress http_body_next(struct http_body *body, const uint8_t *data, size_t len,
                                  struct http_run *run);
