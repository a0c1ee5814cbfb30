/*
 * Checks that need more than one option, on the blocks as they were read. Errors go to the report. Only
 * conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

void conf_check(struct conf_reader *reader);

/* The file sets the option, or it has a default, and the value is good. */
bool conf_is_usable(enum conf_block_id id, const struct conf_given *given, const char *option);

/* The line of an option that the file sets, else of its block. */
int conf_line_of(enum conf_block_id id, const struct conf_given *given, const char *option);
