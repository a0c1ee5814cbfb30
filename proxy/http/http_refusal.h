/*
 * The answers that p11gate gives itself: small, plain text, nothing of the request in them (F19), and the
 * connection ends behind them. Pure but for the buffer.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>

/* Appends the answer with this status code; an unknown code is a 500. to_head: without the body. */
bool http_refusal(struct buf *out, unsigned code, bool to_head);
