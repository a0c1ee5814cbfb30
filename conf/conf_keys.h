/*
 * The keys of listeners and of the names that clients ask for: the lists of the options turned into
 * struct conf_key, with the bytes of their files, and numbered. Errors go to the report. Only conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

#include <stddef.h>

/* The keys and server names of one listener, whose keystore is known. */
void conf_keys_resolve(struct conf_reader *reader, const struct conf *conf,
                       const struct conf_listener_block *block, struct conf_listener *out);

/* The keys that enabled listeners want of one keystore get their numbers: see conf_wanted_keys. */
void conf_keys_number(struct conf_reader *reader, struct conf *conf, size_t keystore);
