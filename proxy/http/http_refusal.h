/*
 * The answers that p11gate gives itself: small, plain text, nothing of the request in them (F19), and the
 * connection ends behind them. Pure but for the buffer.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>

/* Methods that would have been taken; NULL: those that are usual. */
struct http_allowed {
    const char *const *methods;
    size_t count;
};

/* Appends the answer with this status code; an unknown code is a 500. to_head: without the body. allowed:
 * what a 405 says, from the configuration. */
bool http_refusal(struct buf *out, unsigned code, bool to_head, const struct http_allowed *allowed);
