/*
 * Numbers, texts and byte strings one behind the other, for messages and sealed memory between
 * processes of one machine (native byte order). The writer grows a buf; the reader checks every
 * length and, once something is wrong, returns zeros and empty texts until pack_ok is asked.
 * Any process; never blocks.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writing: false when the buf's limit is reached. */
bool pack_u8(struct buf *out, uint8_t value);
bool pack_u32(struct buf *out, uint32_t value);
bool pack_u64(struct buf *out, uint64_t value);
bool pack_bytes(struct buf *out, const void *data, size_t len);
bool pack_text(struct buf *out, const char *text); /* NULL is written as "" */

/* Reading. Everything returned is borrowed from the bytes that unpack_start was given. */
struct unpack {
    const uint8_t *at;
    size_t left;
    bool failed;
};

void unpack_start(struct unpack *in, const void *data, size_t len);
uint8_t unpack_u8(struct unpack *in);
uint32_t unpack_u32(struct unpack *in);
uint64_t unpack_u64(struct unpack *in);
const uint8_t *unpack_bytes(struct unpack *in, size_t *len);
const char *unpack_text(struct unpack *in); /* NUL-terminated; a NUL inside is a failure */

/* True when nothing went wrong and nothing is left. */
bool unpack_done(const struct unpack *in);
