#include "notes.h"

#include "pack.h"

#include <string.h>

static bool same_thing(const struct note *note, uint32_t type, uint32_t about, uint32_t more)
{
    return note->type == type && note->about == about && (type == MESSAGE_KEYSTORE || note->more == more);
}

static void notes_drop(struct notes *notes, size_t first, size_t count)
{
    notes->count -= count;
    memmove(&notes->waiting[first], &notes->waiting[first + count],
            (notes->count - first) * sizeof notes->waiting[0]);
}

static void notes_forget(struct notes *notes, uint32_t type, uint32_t about, uint32_t more)
{
    for (size_t i = notes->count; i-- > 0;)
        if (same_thing(&notes->waiting[i], type, about, more))
            notes_drop(notes, i, 1);
}

bool notes_add(struct notes *notes, uint32_t type, uint32_t about, uint32_t more)
{
    notes_forget(notes, type, about, more);
    if (notes->count == NOTES_MAX)
        return false;
    notes->waiting[notes->count++] = (struct note){type, about, more};
    return true;
}

void notes_forget_gone(struct notes *notes, uint32_t kind, uint32_t index)
{
    notes_forget(notes, MESSAGE_GONE, kind, index);
}

static enum channel_result note_send(const struct note *note, int channel)
{
    enum channel_result result = CHANNEL_FAILED;
    struct buf payload;
    bool packed;

    buf_init(&payload, 2 * sizeof(uint32_t));
    packed = pack_u32(&payload, note->about) &&
             (note->type == MESSAGE_KEYSTORE ? pack_u8(&payload, note->more != 0)
                                             : pack_u32(&payload, note->more));
    if (packed)
        result = channel_send(channel, note->type, buf_data(&payload), buf_len(&payload), NULL, 0);
    buf_free(&payload);
    return result;
}

void notes_send(struct notes *notes, struct child *child)
{
    size_t sent = 0;

    while (sent < notes->count && child_runs(child) &&
           note_send(&notes->waiting[sent], child->channel) == CHANNEL_OK)
        sent++;
    notes_drop(notes, 0, sent);
}
