/*
 * The cause of a failure, as text for a person. Whoever fails fills one in; whoever can act on it
 * logs it or prints it. Lives on the caller's stack; owns nothing; any process; never blocks.
 */
#pragma once

#include <stdarg.h>

struct err {
    char text[512];
};

/* Replaces the text. Too long is cut. */
void err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with ": " and the meaning of errno behind it. errno is kept. */
void err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts the formatted text and ": " in front of what is there. */
void err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
