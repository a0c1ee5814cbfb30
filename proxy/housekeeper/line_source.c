#include "line_source.h"

#include "json_line.h"

#include <string.h>

_Static_assert((int)LINE_BYTES_MAX <= (int)JSON_LINE_BYTES_MAX, "a line has another form");

void line_source_init(struct line_source *source, const bool *as_json)
{
    source->as_json = as_json;
    /* One more, for the newline that ends a line of full length. */
    buf_init(&source->begun, LINE_BYTES_MAX + 1);
}

void line_source_free(struct line_source *source)
{
    buf_free(&source->begun);
}

static void line_clean(uint8_t *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] < ' ' || line[i] > '~')
            line[i] = '?';
}

bool line_source_end(struct line_source *source, struct buf *out)
{
    size_t len = buf_len(&source->begun);
    bool written;

    if (!len)
        return true;
    line_clean(buf_data(&source->begun), len);
    if (source->as_json && *source->as_json)
        written = json_line_add((const char *)buf_data(&source->begun), len, out);
    else
        written = buf_add(&source->begun, "\n", 1) && buf_add(out, buf_data(&source->begun), len + 1);
    buf_take(&source->begun, buf_len(&source->begun));
    return written;
}

bool line_source_take(struct line_source *source, const void *data, size_t len, struct buf *out)
{
    const uint8_t *at = data;
    bool written = true;

    while (len) {
        const uint8_t *end = memchr(at, '\n', len);
        size_t room = LINE_BYTES_MAX - buf_len(&source->begun);
        size_t part = end ? (size_t)(end - at) : len;
        bool full = part > room;

        if (full)
            part = room;
        written = buf_add(&source->begun, at, part) && written;
        if (full || end)
            written = line_source_end(source, out) && written;
        if (!full && end)
            part++;
        at += part;
        len -= part;
    }
    return written;
}
