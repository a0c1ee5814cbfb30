/*
 * What one reading of a configuration works on; on the stack of conf_read. Only conf/ sees it.
 */
#pragma once

#include "conf_blocks.h"
#include "conf_files.h"
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
    size_t keystore_count, truststore_count, listener_count;
    struct conf_keystore_block *keystores;
    struct conf_truststore_block *truststores;
    struct conf_listener_block *listeners;
};

/* Reads every block of the file by the tables; errors go to the report. */
void conf_read_blocks(struct conf_reader *reader, const config_setting_t *root);

/* Checks across options and makes conf out of the blocks; errors go to the report. */
void conf_resolve(struct conf_reader *reader, struct conf *conf);
