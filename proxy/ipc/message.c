#include "message.h"

#include "pack.h"

#include <string.h>

/* What a text may have so that it fits with its number, length and NUL. */
enum { MESSAGE_TEXT_MAX = CHANNEL_PAYLOAD_MAX - 9 };

enum channel_result message_send_grants(int channel, const struct grant *grants, size_t count)
{
    struct buf payload;
    int fds[CHANNEL_FDS_MAX];
    enum channel_result result = CHANNEL_FAILED;
    bool packed;

    if (count > CHANNEL_FDS_MAX)
        return CHANNEL_FAILED;
    buf_init(&payload, CHANNEL_PAYLOAD_MAX);
    packed = pack_u32(&payload, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        packed = packed && pack_u32(&payload, grants[i].kind) && pack_u32(&payload, grants[i].index);
        fds[i] = grants[i].fd;
    }
    if (packed)
        result = channel_send(channel, MESSAGE_GRANT, buf_data(&payload), buf_len(&payload), fds, count);
    buf_free(&payload);
    return result;
}

bool message_read_grants(struct channel_message *message, struct grant *out, size_t max, size_t *count)
{
    struct unpack in;
    size_t wanted;
    bool known = true;

    *count = 0;
    unpack_start(&in, message->payload, message->len);
    wanted = unpack_u32(&in);
    if (message->type != MESSAGE_GRANT || wanted != message->fd_count || wanted > max)
        goto refused;
    for (size_t i = 0; i < wanted; i++) {
        uint32_t kind = unpack_u32(&in);

        known = known && kind >= GRANT_CONFIGURATION && kind <= GRANT_LOGIN_GATE;
        out[i] =
            (struct grant){.kind = (enum grant_kind)kind, .index = unpack_u32(&in), .fd = message->fds[i]};
    }
    if (!known || !unpack_done(&in))
        goto refused;
    message->fd_count = 0;
    *count = wanted;
    return true;

refused:
    channel_close_fds(message);
    return false;
}

enum channel_result message_send_text(int channel, enum message_type type, uint32_t number, const char *text)
{
    struct buf payload;
    char cut[MESSAGE_TEXT_MAX + 1];
    size_t len = strnlen(text, MESSAGE_TEXT_MAX);
    enum channel_result result = CHANNEL_FAILED;

    memcpy(cut, text, len);
    cut[len] = '\0';
    buf_init(&payload, CHANNEL_PAYLOAD_MAX);
    if (pack_u32(&payload, number) && pack_text(&payload, cut))
        result = channel_send(channel, type, buf_data(&payload), buf_len(&payload), NULL, 0);
    buf_free(&payload);
    return result;
}

bool message_read_text(const struct channel_message *message, uint32_t *number, const char **text)
{
    struct unpack in;

    unpack_start(&in, message->payload, message->len);
    *number = unpack_u32(&in);
    *text = unpack_text(&in);
    return unpack_done(&in);
}
