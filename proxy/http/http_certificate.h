/*
 * A client certificate in the words of header fields, for the server behind (H7): Client-Cert and
 * Client-Cert-Chain (RFC 9440), X-Forwarded-Client-Cert. Whole lines with CR LF are appended; false: no
 * memory, or out is full. Pure but for the buffer; never blocks.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "Client-Cert: :<Base64 of DER>:". */
bool http_certificate_leaf(struct buf *out, const uint8_t *der, size_t len);

/* One element of "Client-Cert-Chain: :...:, :...:"; first: it begins the line. The caller ends it. */
bool http_certificate_issuer(struct buf *out, bool first, const uint8_t *der, size_t len);

/* "X-Forwarded-Client-Cert: Hash=<hex>;Cert="<PEM, URL-encoded>";Subject="<RFC 2253>"". A subject that was
 * too long for its place ("" here) is left out: the certificate has it. */
bool http_certificate_xfcc(struct buf *out, const char *fingerprint, const char *subject, const uint8_t *der,
                           size_t len);
