#include "pack.h"

#include <string.h>

bool pack_u8(struct buf *out, uint8_t value)
{
    return buf_add(out, &value, sizeof value);
}

bool pack_u32(struct buf *out, uint32_t value)
{
    return buf_add(out, &value, sizeof value);
}

bool pack_u64(struct buf *out, uint64_t value)
{
    return buf_add(out, &value, sizeof value);
}

bool pack_bytes(struct buf *out, const void *data, size_t len)
{
    return len <= UINT32_MAX && pack_u32(out, (uint32_t)len) && buf_add(out, data, len);
}

/* The NUL travels behind the text, so that a reader can borrow it. */
bool pack_text(struct buf *out, const char *text)
{
    const char *written = text ? text : "";

    return pack_bytes(out, written, strlen(written)) && pack_u8(out, 0);
}

void unpack_start(struct unpack *in, const void *data, size_t len)
{
    *in = (struct unpack){.at = data, .left = len};
}

/* The next len bytes, or NULL and failed for good. */
static const uint8_t *unpack_take(struct unpack *in, size_t len)
{
    const uint8_t *at = in->at;

    if (in->failed || len > in->left) {
        in->failed = true;
        return NULL;
    }
    if (len)
        in->at += len;
    in->left -= len;
    return at;
}

uint8_t unpack_u8(struct unpack *in)
{
    const uint8_t *at = unpack_take(in, 1);

    return at ? *at : 0;
}

uint32_t unpack_u32(struct unpack *in)
{
    const uint8_t *at = unpack_take(in, sizeof(uint32_t));
    uint32_t value = 0;

    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

uint64_t unpack_u64(struct unpack *in)
{
    const uint8_t *at = unpack_take(in, sizeof(uint64_t));
    uint64_t value = 0;

    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

const uint8_t *unpack_bytes(struct unpack *in, size_t *len)
{
    static const uint8_t nothing[1];
    size_t wanted = unpack_u32(in);
    const uint8_t *at = unpack_take(in, wanted);

    *len = at ? wanted : 0;
    return at ? at : nothing;
}

const char *unpack_text(struct unpack *in)
{
    size_t len;
    const uint8_t *at = unpack_bytes(in, &len);

    if (unpack_u8(in) != 0 || memchr(at, 0, len))
        in->failed = true;
    return in->failed ? "" : (const char *)at;
}

bool unpack_done(const struct unpack *in)
{
    return !in->failed && in->left == 0;
}
