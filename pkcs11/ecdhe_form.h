/*
 * The server's half of an ECDHE key exchange as TLS 1.2 carries it (RFC 8422 5.4): curve_type named_curve,
 * the curve, its point.
 *
 * Pure: no library, no state. Signer process, unit test and fuzz target.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How long the parameters at the beginning of the bytes are; 0: they are not there. The point's own length is
 * 4 less. */
size_t ecdhe_params_len(const uint8_t *bytes, size_t len);

enum { ECDHE_HEAD_LEN = 4 }; /* curve_type, named_curve, the point's length */
