/*
 * The partners: blocks of the configuration, and one file each in partners-dir. Errors go to the report,
 * under the file that they are in. Only conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

/* Fills reader->partners: those of the configuration, then those of partners-dir in the order of names. */
void conf_partners_read(struct conf_reader *reader, struct conf_partner_block *listed, size_t count);

/* Rules of one partner and among all of them. */
void conf_partners_check(struct conf_reader *reader);

/* Reads certificates and passwords, and makes conf->partners. */
void conf_partners_resolve(struct conf_reader *reader, struct conf *conf);
