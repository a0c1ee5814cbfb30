/*
 * Private to this folder: why OpenSSL failed, as one short line for the log.
 */
#pragma once

#include "err.h"

#include <openssl/ssl.h>

/* Empties the error queue; returns its SSL_R_... number, 0 when the TLS library did not speak. ssl may be
 * NULL. */
int tls_cause(SSL *ssl, struct err *err);
