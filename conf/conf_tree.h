/*
 * One block of the file, read by its table of options. Errors go to the report. Only conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

int conf_tree_line(const config_setting_t *setting);

/*
 * into is what the block is read into; it begins with a struct conf_given of which file, line and where are
 * set. group NULL: the block is not in the file, and its options have their defaults.
 */
void conf_tree_read(struct conf_reader *reader, enum conf_block_id id, const config_setting_t *group,
                    void *into);

/* Sets line and where: `listener "ftps-edge"`, with the block around it in front; where there is no good
 * name, a number unless it is 0. */
void conf_tree_name(const struct conf_block *block, const config_setting_t *group, const char *around,
                    size_t number, struct conf_given *given);
