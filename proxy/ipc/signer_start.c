#include "signer_start.h"

#include "pack.h"

static bool write_wanted(struct buf *out, const struct signer_wanted *wanted)
{
    return pack_text(out, wanted->where) && pack_text(out, wanted->name) &&
           pack_bytes(out, wanted->certificates, wanted->certificates_len) &&
           pack_text(out, wanted->certificates_path) && pack_u8(out, wanted->client);
}

bool signer_start_write(struct buf *out, const struct signer_start *start)
{
    if (start->wanted_count > SIGNER_START_KEYS_MAX)
        return false;
    if (!pack_text(out, start->alias) || !pack_text(out, start->where) || !pack_text(out, start->module) ||
        !pack_text(out, start->init_args) || !pack_text(out, start->token) ||
        !pack_text(out, start->directory) || !pack_u32(out, start->sign_timeout_ms) ||
        !pack_u32(out, start->max_per_second) || !pack_u8(out, start->force_login) ||
        !pack_u8(out, start->check) || !pack_u32(out, (uint32_t)start->wanted_count))
        return false;
    for (size_t i = 0; i < start->wanted_count; i++)
        if (!write_wanted(out, &start->wanted[i]))
            return false;
    return true;
}

static bool read_bool(struct unpack *in)
{
    uint8_t value = unpack_u8(in);

    if (value > 1)
        in->failed = true;
    return value == 1;
}

bool signer_start_read(const void *data, size_t len, struct signer_start *out)
{
    struct unpack in;

    unpack_start(&in, data, len);
    *out = (struct signer_start){0};
    out->alias = unpack_text(&in);
    out->where = unpack_text(&in);
    out->module = unpack_text(&in);
    out->init_args = unpack_text(&in);
    out->token = unpack_text(&in);
    out->directory = unpack_text(&in);
    out->sign_timeout_ms = unpack_u32(&in);
    out->max_per_second = unpack_u32(&in);
    out->force_login = read_bool(&in);
    out->check = read_bool(&in);
    out->wanted_count = unpack_u32(&in);
    if (in.failed || out->wanted_count > SIGNER_START_KEYS_MAX) {
        out->wanted_count = 0;
        return false;
    }
    for (size_t i = 0; i < out->wanted_count; i++) {
        struct signer_wanted *wanted = &out->wanted[i];

        wanted->where = unpack_text(&in);
        wanted->name = unpack_text(&in);
        wanted->certificates = unpack_bytes(&in, &wanted->certificates_len);
        wanted->certificates_path = unpack_text(&in);
        wanted->client = read_bool(&in);
    }
    return unpack_done(&in);
}
