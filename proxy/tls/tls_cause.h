/*
 * Private to this folder: why OpenSSL failed, as one short line for the log (TRAPS 19).
 */
#pragma once

#include "err.h"

#include <openssl/ssl.h>

/* Empties the error queue. ssl may be NULL. */
void tls_cause(SSL *ssl, struct err *err);
