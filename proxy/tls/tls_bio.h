/*
 * Private to this folder: one BIO for all conversations. It reads what a conversation
 * kept and then the lent input, and appends to the lent output; between tls_bio_lend and tls_bio_return
 * only. Without a loan there is nothing to read, and what is written disappears.
 */
#pragma once

#include "buf.h"
#include "tls.h"

#include <openssl/bio.h>

/* A new reference; NULL without memory. */
BIO *tls_bio_get(void);

/* carry: input that the conversation kept, read first. Both are borrowed. */
void tls_bio_lend(struct buf *carry, struct tls_io *io);
void tls_bio_return(void);
