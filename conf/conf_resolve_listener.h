/*
 * One listener out of the block it was read into: aliases become indexes, defaults that depend on other
 * options are filled in, files are read. Errors go to the report. Only conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

/* The keystores, truststores and partners of conf are there already. */
void conf_resolve_listener(struct conf_reader *reader, const struct conf *conf,
                           const struct conf_listener_block *block, struct conf_listener *out);
