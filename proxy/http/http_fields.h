/*
 * The head that goes on (RFC 9110 7.6; H2, H6-H8): the fields that came, byte for byte, in their order,
 * without those for one hop only, without framing and without identity; behind them framing and identity,
 * written by us. Pure but for the buffer; never blocks.
 */
#pragma once

#include "addr.h"
#include "buf.h"
#include "http_body.h"
#include "http_head.h"

#include <stdbool.h>

enum {
    HTTP_CONNECTION_OPTIONS_MAX = 32,
    HTTP_FORWARDED_TEXT_LEN = 256,
    HTTP_IDENTITY_BYTES_MAX = 256 * 1024, /* what TLS takes of certificates, in Base64 */
};

/* Who the client is, in the words of the fields that say so; made once a session. Nothing of what it says
 * comes from the client but the name in Host, which http_target_check has seen. */
struct http_forwarded {
    char
        text[HTTP_FORWARDED_TEXT_LEN]; /* X-Forwarded-For, X-Forwarded-Proto, and Forwarded as far as host= */
    size_t len;
    const void *identity; /* of this request: whole lines about the client's certificate, borrowed */
    size_t identity_len;
};

/* peer: the client's address; NULL: nobody is told of it. secure: it came by TLS. RFC 7239 4, 6: IPv6 in
 * brackets and quotes. */
void http_forwarded_init(struct http_forwarded *forwarded, const struct addr *peer, bool secure);

/* The tokens of all Connection fields, as slices of the head. */
struct http_options {
    bool close;
    size_t count;
    struct http_slice tokens[HTTP_CONNECTION_OPTIONS_MAX]; /* names of fields; not close, not keep-alive */
};

/* More than HTTP_CONNECTION_OPTIONS_MAX: 400, from the backend 502. */
bool http_options_read(struct http_options *options, const struct http_head *head, const uint8_t *bytes,
                       struct http_fault *fault);

/* Both append a whole head; false: no memory, or out is full. close: the connection ends after this message.
 */
bool http_fields_request(struct buf *out, const struct http_head *head, const uint8_t *bytes,
                         const struct http_body *body, const struct http_options *options,
                         const struct http_forwarded *forwarded, bool close);
bool http_fields_answer(struct buf *out, const struct http_head *head, const uint8_t *bytes,
                        const struct http_body *body, const struct http_options *options, bool close);
