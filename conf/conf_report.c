#include "conf_report.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BYTES = 180 };

void conf_report_start(struct conf_report *report, const char *path, struct conf_errors *errors)
{
    *report = (struct conf_report){.path = path, .file = path, .errors = errors};
    errors->count = 0;
}

void conf_report_in(struct conf_report *report, const char *file)
{
    report->file = file ? file : report->path;
}

static void report_prefix(const struct conf_report *report, int line, const char *where, struct err *out)
{
    const char *colon = where[0] ? ": " : "";

    if (line)
        err_set(out, "%.200s:%d%s%s", report->file, line, colon, where);
    else
        err_set(out, "%.200s%s%s", report->file, colon, where);
}

void conf_report_add(struct conf_report *report, int line, const char *where, const char *format, ...)
{
    struct conf_errors *errors = report->errors;
    char text[sizeof(struct err)];
    struct err prefix;
    va_list args;

    if (errors->count == CONF_ERRORS_MAX) {
        report->left_out++;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_prefix(report, line, where, &prefix);
    report->lines[errors->count] = line;
    report->files[errors->count] = report->file;
    err_set(&errors->items[errors->count], "%s", text);
    err_context(&errors->items[errors->count], "%s", prefix.text);
    errors->count++;
}

/* Does error `at` come behind the place? */
static bool comes_behind(const struct conf_report *report, size_t at, const char *file, int line)
{
    const char *other = report->files[at];
    int order = strcmp(other, file);

    if (!order)
        return report->lines[at] > line;
    if (strcmp(other, report->path) == 0 || strcmp(file, report->path) == 0)
        return strcmp(file, report->path) == 0;
    return order > 0;
}

/* Insertion: few errors, nearly sorted, and equal lines keep their order. */
void conf_report_finish(struct conf_report *report)
{
    struct conf_errors *errors = report->errors;

    for (size_t i = 1; i < errors->count; i++) {
        struct err moved = errors->items[i];
        const char *file = report->files[i];
        int line = report->lines[i];
        size_t at = i;

        for (; at > 0 && comes_behind(report, at - 1, file, line); at--) {
            errors->items[at] = errors->items[at - 1];
            report->lines[at] = report->lines[at - 1];
            report->files[at] = report->files[at - 1];
        }
        errors->items[at] = moved;
        report->lines[at] = line;
        report->files[at] = file;
    }
    if (report->left_out)
        err_set(&errors->items[CONF_ERRORS_MAX - 1], "%.200s: %zu more errors are not shown", report->path,
                report->left_out + 1);
}

void conf_shown(const char *text, char out[CONF_SHOWN_LEN])
{
    size_t len = strnlen(text, SHOWN_BYTES + 1);
    bool cut = len > SHOWN_BYTES;

    if (strstr(text, "pin-value")) {
        (void)text_copy(out, CONF_SHOWN_LEN, "(hidden: it holds a PIN)");
        return;
    }
    len = cut ? SHOWN_BYTES : len;
    while (cut && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--; /* never half a UTF-8 character */
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];

        out[i] = text[i];
        if (byte < ' ' || byte == 127)
            out[i] = '?';
    }
    (void)text_copy(out + len, CONF_SHOWN_LEN - len, cut ? "..." : "");
}
