/*
 * One value of the file, checked against its option and put where the option says. A value has been
 * taken out of libconfig's tree before, or is the option's own default. Pure but for the memory of the
 * configuration; any process; never blocks.
 */
#pragma once

#include "conf_memory.h"
#include "conf_options.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

enum conf_value_kind {
    CONF_VALUE_BOOL,
    CONF_VALUE_NUMBER,
    CONF_VALUE_FRACTION,
    CONF_VALUE_TEXT,
    CONF_VALUE_TEXTS,
    CONF_VALUE_OTHER
};

struct conf_value {
    enum conf_value_kind kind;
    bool truth;
    long long number;
    double fraction;
    const char *other;        /* what stands there, for an error */
    size_t count;             /* of texts; 1 for CONF_VALUE_TEXT */
    const char *const *texts; /* borrowed */
};

/* Where values go: the memory of the configuration, and the directory that paths are relative to ("" or
 * with a '/' at its end). Borrowed. */
struct conf_place {
    struct conf_memory *memory;
    const char *directory;
};

/* false: err is `NAME = VALUE: what is allowed`. */
bool conf_value_store(const struct conf_option *option, const struct conf_value *value,
                      const struct conf_place *place, void *block, struct err *err);

/* The default of an option that has one; what was zero stays zero otherwise, and texts become "". */
bool conf_value_preset(const struct conf_option *option, const struct conf_place *place, void *block,
                       struct err *err);
