/*
 * Bytes in order, with a limit that is set when the buffer is made. Grows by doubling, never past
 * the limit; what was taken from the front is moved away when room is needed. The struct is visible
 * so that it can stand inside its owner, but only buf.c touches the fields.
 * Any process; never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *memory;
    size_t start, len, size, limit;
};

/* Takes no memory until the first byte. */
void buf_init(struct buf *buf, size_t limit_bytes);

/* Gives the memory back; the buffer is empty and may be used again. */
void buf_free(struct buf *buf);

static inline size_t buf_len(const struct buf *buf)
{
    return buf->len;
}

/* Borrowed, until the next call that changes the buffer. NULL only when nothing was ever added. */
static inline uint8_t *buf_data(const struct buf *buf)
{
    return buf->memory ? buf->memory + buf->start : NULL;
}

/* All or nothing: false when the limit would be passed or memory is out. */
bool buf_add(struct buf *buf, const void *data, size_t len);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes len writable bytes at the end and returns them (NULL as above); buf_commit tells how many count. */
uint8_t *buf_reserve(struct buf *buf, size_t len);
void buf_commit(struct buf *buf, size_t len);

/* Removes len bytes (at most buf_len) from the front. */
void buf_take(struct buf *buf, size_t len);
