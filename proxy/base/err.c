#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void err_set(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
}

/* Adds ": tail" as far as there is room. */
static void err_append(struct err *err, const char *tail)
{
    size_t len = strlen(err->text);

    (void)snprintf(err->text + len, sizeof err->text - len, ": %s", tail);
}

void err_errno(struct err *err, const char *format, ...)
{
    int saved = errno;
    char meaning[128];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err_append(err, strerror_r(saved, meaning, sizeof meaning));
    errno = saved;
}

void err_context(struct err *err, const char *format, ...)
{
    char tail[sizeof err->text];
    va_list args;

    memcpy(tail, err->text, sizeof tail);
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err_append(err, tail);
}
