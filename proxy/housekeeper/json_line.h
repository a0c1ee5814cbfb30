/*
 * A line of the log as one JSON object: the same keys, numbers where they are counted, else strings. Pure:
 * text in, text out. What a process says is not believed: whatever the line is, the object is valid JSON in
 * plain ASCII, and on one line.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { JSON_LINE_BYTES_MAX = 8192 }; /* of a line */

/* line: key=value pairs as log.h writes them, without a newline; what is none of that becomes the value of
 * "line". Appends the object and a newline; false when out did not take all of it (its limit, memory). */
bool json_line_add(const char *line, size_t len, struct buf *out);
