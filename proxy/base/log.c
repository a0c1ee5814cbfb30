#include "log.h"

#include "buf.h"
#include "clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOG_BUFFER_BYTES = 256 * 1024, LOG_VALUE_BYTES = 3072 };

static struct {
    int fd;
    bool (*convert)(const char *line, size_t len, struct buf *out);
    enum log_level level;
    struct buf pending;
    uint64_t dropped;
} process_log = {.fd = -1, .level = LOG_LEVEL_INFO, .pending = {.limit = LOG_BUFFER_BYTES}};

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

void log_open(int fd)
{
    process_log.fd = fd;
}

void log_set_direct(bool (*convert)(const char *line, size_t len, struct buf *out))
{
    process_log.convert = convert;
}

void log_set_level(enum log_level level)
{
    process_log.level = level;
}

uint64_t log_dropped(void)
{
    return process_log.dropped;
}

/* Room is kept for the newline. */
static bool line_add(struct log_line *line, const char *text, size_t len)
{
    if (len >= sizeof line->text - line->len)
        return false;
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

static bool needs_quotes(const unsigned char *value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (value[i] <= ' ' || value[i] >= 127 || value[i] == '"' || value[i] == '=' || value[i] == '\\')
            return true;
    return len == 0;
}

/* One byte of a quoted value; UTF-8 is passed on as \x.. too, so that a line is plain ASCII. */
static size_t quote_byte(unsigned char byte, char out[4])
{
    static const char hex[] = "0123456789abcdef";

    if (byte == '"' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        return 2;
    }
    if (byte >= ' ' && byte < 127) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = hex[byte >> 4];
    out[3] = hex[byte & 15];
    return 4;
}

void log_bytes(struct log_line *line, const char *key, const void *value, size_t len)
{
    const unsigned char *bytes = value;
    size_t mark = line->len;
    bool fits = true, quoted = needs_quotes(bytes, len);

    if (!line->wanted || !len)
        return;
    fits = line_add(line, " ", 1) && line_add(line, key, strlen(key)) && line_add(line, "=", 1);
    if (!quoted) {
        fits = fits && line_add(line, value, len);
    } else {
        fits = fits && line_add(line, "\"", 1);
        for (size_t i = 0; fits && i < len; i++) {
            char out[4];
            fits = line_add(line, out, quote_byte(bytes[i], out));
        }
        fits = fits && line_add(line, "\"", 1);
    }
    if (!fits)
        line->len = mark;
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    if (value)
        log_bytes(line, key, value, strnlen(value, LOG_VALUE_BYTES));
}

void log_number(struct log_line *line, const char *key, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    log_text(line, key, text);
}

void log_format(struct log_line *line, const char *key, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_text(line, key, text);
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
    char now[CLOCK_ISO_LEN];

    line->wanted = level <= process_log.level;
    line->len = 0;
    if (!line->wanted)
        return;
    clock_iso(clock_wall_ms(), now);
    line->len = (size_t)snprintf(line->text, sizeof line->text, "time=%s level=%s event=%.64s", now,
                                 log_level_names[level], event);
}

static void write_directly(const struct log_line *line)
{
    ssize_t written = -1;
    struct buf out;

    buf_init(&out, LOG_BUFFER_BYTES);
    if (!process_log.convert)
        written = write(STDERR_FILENO, line->text, line->len);
    else if (process_log.convert(line->text, line->len - 1, &out))
        written = write(STDERR_FILENO, buf_data(&out), buf_len(&out));
    buf_free(&out);
    process_log.dropped += written < 0;
}

void log_end(struct log_line *line)
{
    if (!line->wanted)
        return;
    line->text[line->len++] = '\n';
    if (process_log.fd < 0) {
        write_directly(line);
    } else if (!buf_add(&process_log.pending, line->text, line->len)) {
        process_log.dropped++;
    }
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    struct log_line line;
    char reason[1024];
    va_list args;

    log_begin(&line, level, event);
    if (format) {
        va_start(args, format);
        (void)vsnprintf(reason, sizeof reason, format, args);
        va_end(args);
        log_text(&line, "reason", reason);
    }
    log_end(&line);
}

bool log_flush(void)
{
    struct buf *pending = &process_log.pending;

    while (buf_len(pending)) {
        ssize_t sent = send(process_log.fd, buf_data(pending), buf_len(pending), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        buf_take(pending, (size_t)sent);
    }
    return true;
}
