/*
 * The lines of one process, cut out of the stream of bytes that its log socket is. Pure: bytes in, whole
 * lines out. What a process says is not believed: a line has its limit, and a byte that is neither printable
 * ASCII nor a newline becomes '?', so that no terminal is told anything.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Longer ones are cut into several. Lines of log.h have at most 4096 bytes. */
enum { LINE_BYTES_MAX = 8192 };

struct line_source {
    const bool *as_json; /* borrowed; NULL: never */
    struct buf begun;    /* a line whose end has not come */
};

/* Each line is one JSON object (json_line.h) for as long as *as_json. */
void line_source_init(struct line_source *source, const bool *as_json);
void line_source_free(struct line_source *source);

/* Appends whole lines to out; false when out took less than all of them (its limit, memory). */
bool line_source_take(struct line_source *source, const void *data, size_t len, struct buf *out);

/* The process is gone: what it had begun is a line too. */
bool line_source_end(struct line_source *source, struct buf *out);
