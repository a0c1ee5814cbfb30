/*
 * One event is one line of key=value pairs (logfmt). A line is built on the stack and put into this
 * process's log buffer; log_flush hands the buffer to the housekeeper's socket without blocking.
 * When the buffer is full, lines are dropped and counted, never waited for. Values are escaped:
 * whatever a client sent stays on its line.
 *
 * Every process has one log; one thread. log_open before the first line; before it, lines go to
 * standard error at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_line {
    bool wanted;
    size_t len;
    char text[4096];
};

/* Borrows fd (a non-blocking stream socket); -1 is standard error, written at once. */
void log_open(int fd);
/* How a line (without its newline) that goes to standard error is written; NULL: as it is. */
void log_set_direct(bool (*convert)(const char *line, size_t len, struct buf *out));
void log_set_level(enum log_level level);

/* The names of the levels, as log.level spells them. */
extern const char *const log_level_names[];

/* Starts a line: time, level and event are put in. The line is the caller's, usually on the stack. */
void log_begin(struct log_line *line, enum log_level level, const char *event);

/* Adds key=value; a NULL or empty value leaves the pair out. What does not fit is left out whole. */
void log_text(struct log_line *line, const char *key, const char *value);
void log_bytes(struct log_line *line, const char *key, const void *value, size_t len);
void log_number(struct log_line *line, const char *key, int64_t value);
void log_format(struct log_line *line, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the line and buffers it. */
void log_end(struct log_line *line);

/* The short form: event, and reason=... when format is given. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends what is buffered, as far as the socket takes it; true when nothing is left. */
bool log_flush(void);

/* Lines that were dropped since the start. */
uint64_t log_dropped(void);
