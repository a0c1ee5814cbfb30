/*
 * What makes a generation, as text: every option that is not policy, and the bytes of the files that such
 * options name. Two configurations with the same text serve the same listeners with the same keys. Only conf/
 * sees it.
 */
#pragma once

#include "conf_reader.h"

/* Sets conf->shape; conf is resolved. Nothing when there were errors. */
void conf_shape(struct conf_reader *reader, struct conf *conf);
