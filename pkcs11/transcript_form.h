/*
 * What a TLS 1.2 client signs: the messages of its handshake so far (RFC 5246 7.4.8). They are read as a
 * whole: ClientHello, ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone,
 * Certificate and ClientKeyExchange, each once, in this order, each with every length in it right, and
 * nothing behind. Only ECDHE with a certificate on both sides is known: it is all that p11gate speaks.
 *
 * Pure: no library, no state. Signer process, unit test and fuzz target.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool transcript_is_client(const uint8_t *bytes, size_t len);
