/*
 * The errors of one reading, each with its line, shown in the order of the file. Owned by the reader's
 * stack; the errors go to the caller's struct conf_errors. Any process; never blocks.
 */
#pragma once

#include "conf.h"

#include <stdbool.h>

struct conf_report {
    const char *path; /* borrowed: how the configuration was named */
    const char *file; /* borrowed: where errors are now, see conf_report_in */
    struct conf_errors *errors;
    int lines[CONF_ERRORS_MAX];
    const char *files[CONF_ERRORS_MAX];
    size_t left_out;
};

void conf_report_start(struct conf_report *report, const char *path, struct conf_errors *errors);

/* What is added from now on is in this file, which lives as long as the report; NULL: the configuration. */
void conf_report_in(struct conf_report *report, const char *file);

/* "path:line: where: text"; where "" is left out, line 0 is left out. */
void conf_report_add(struct conf_report *report, int line, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sorts by file, the configuration first, and line; errors of one line stay in the order of their finding.
 * Says when some were left out. */
void conf_report_finish(struct conf_report *report);

/* Text of a file as it may be shown on a terminal: cut after 180 bytes, control characters replaced, and a
 * PIN in a pkcs11: URI hidden (P4). */
enum { CONF_SHOWN_LEN = 192 };
void conf_shown(const char *text, char out[CONF_SHOWN_LEN]);
