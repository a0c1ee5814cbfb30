/*
 * What libconfig 1.5 lets pass although the file does not mean what it says: a NUL byte or an open
 * comment hides the rest of the file, \x00 vanishes from a string, a number of more than 31 bits becomes
 * another one, and @include opens a file (a worker must not, and reload must see one text). And what it
 * does not bear well: a missing quote (reported far from its place), a string where none can stand
 * (leaked), brackets hundreds deep. Looked for before libconfig sees the text. Pure; any process; never
 * blocks.
 */
#pragma once

#include "conf_report.h"

#include <stdbool.h>
#include <stddef.h>

/* false: reported. */
bool conf_scan(const char *text, size_t len, struct conf_report *report);

/* The first byte that is neither blank nor comment; 0: there is none. */
char conf_scan_first(const char *text, size_t len);
