/*
 * What one reading of a configuration works on; on the stack of conf_read. Only conf/ sees it.
 */
#pragma once

#include "conf_files.h"
#include "conf_listener_block.h"
#include "conf_options.h"
#include "conf_report.h"
#include "conf_values.h"

#include <libconfig.h>
#include <stdbool.h>

struct conf_reader {
    struct conf_files *files; /* borrowed */
    struct conf_place place;
    struct conf_report report;

    struct conf_server_block server;
    struct conf_log_block log;
    struct conf_admin_block admin;
    size_t keystore_count, truststore_count, partner_count, listener_count;
    struct conf_keystore_block *keystores;
    struct conf_truststore_block *truststores;
    struct conf_partner_block **partners; /* those of the file, then those of partners-dir */
    struct conf_listener_block *listeners;
};

/* libconfig's reading of a text, in a tree that was initialised; false: reported. */
bool conf_parse(config_t *tree, const char *text, size_t len, struct conf_report *report);

/* Everything of path up to its last '/', in memory of the configuration; NULL: out of memory. */
const char *conf_directory_of(struct conf_memory *memory, const char *path);

/* Reads every block of the file by the tables; errors go to the report. */
void conf_read_blocks(struct conf_reader *reader, const config_setting_t *root);

/* Checks across options and makes conf out of the blocks; errors go to the report. */
void conf_resolve(struct conf_reader *reader, struct conf *conf);
