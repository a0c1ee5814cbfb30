#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_SIZE = 256 };

void buf_init(struct buf *buf, size_t limit_bytes)
{
    *buf = (struct buf){.limit = limit_bytes};
}

void buf_free(struct buf *buf)
{
    free(buf->memory);
    buf_init(buf, buf->limit);
}

/* Moves the bytes to the front of a block of at least `size` bytes. */
static bool buf_grow(struct buf *buf, size_t size)
{
    size_t next = buf->size ? buf->size : BUF_FIRST_SIZE;
    uint8_t *memory;

    while (next < size)
        next *= 2;
    if (next > buf->limit)
        next = buf->limit;
    memory = malloc(next);
    if (!memory)
        return false;
    if (buf->memory)
        memcpy(memory, buf->memory + buf->start, buf->len);
    free(buf->memory);
    buf->memory = memory;
    buf->start = 0;
    buf->size = next;
    return true;
}

/* Bytes are moved to the front only when that makes much room: moving megabytes for each small addition would
 * make a buffer that is filled and emptied at once slow. */
static bool buf_room(struct buf *buf, size_t len)
{
    size_t wanted = buf->len + len;

    if (buf->memory && buf->start + wanted <= buf->size)
        return true;
    if (buf->memory && wanted <= buf->size && (buf->start >= buf->size / 2 || buf->size >= buf->limit)) {
        memmove(buf->memory, buf->memory + buf->start, buf->len);
        buf->start = 0;
        return true;
    }
    return buf_grow(buf, wanted > buf->size ? wanted : buf->size + 1);
}

uint8_t *buf_reserve(struct buf *buf, size_t len)
{
    if (len > buf->limit - buf->len || !buf_room(buf, len))
        return NULL;
    return buf->memory + buf->start + buf->len;
}

void buf_commit(struct buf *buf, size_t len)
{
    buf->len += len;
}

bool buf_add(struct buf *buf, const void *data, size_t len)
{
    uint8_t *room;

    if (!len)
        return true;
    room = buf_reserve(buf, len);
    if (!room)
        return false;
    memcpy(room, data, len);
    buf->len += len;
    return true;
}

bool buf_add_text(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    uint8_t *room;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return false;
    room = buf_reserve(buf, (size_t)len + 1);
    if (!room)
        return false;
    va_start(args, format);
    (void)vsnprintf((char *)room, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return true;
}

void buf_take(struct buf *buf, size_t len)
{
    if (len > buf->len)
        len = buf->len;
    buf->len -= len;
    buf->start = buf->len ? buf->start + len : 0;
}
