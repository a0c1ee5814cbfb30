/*
 * Checks that need more than one option, on the blocks as they were read. Errors go to the report. Only
 * conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

void conf_check(struct conf_reader *reader);

/* The file sets the option, or it has a default, and the value is good. */
bool conf_is_usable(enum conf_block_id id, const struct conf_given *given, const char *option);

bool conf_is_present(enum conf_block_id id, const struct conf_given *given, const char *option);

/* No two blocks have the same alias, name or path: their first option. */
void conf_check_aliases(struct conf_reader *reader, enum conf_block_id id, const void *blocks, size_t count);

/* Rules of one listener; those among listeners are conf_check's. */
void conf_check_listener(struct conf_reader *reader, const struct conf_listener_block *listener);

/* The one host name of all its backends and routes; NULL: they have several, or one has none. */
const char *conf_backend_name(const struct conf_listener_block *listener);

/* The line of an option that the file sets, else of its block. */
int conf_line_of(enum conf_block_id id, const struct conf_given *given, const char *option);
