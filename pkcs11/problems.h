/*
 * What a person must mend in the configuration before the keys can be used: one line each, all of them
 * in one report, so that nobody mends one and meets the next. Lives in the signer's start; never blocks.
 */
#pragma once

#include "buf.h"

#include <stddef.h>

struct problems {
    struct buf text;
    size_t count, unsaid; /* unsaid: there was no room */
};

void problems_init(struct problems *problems);

/* "where: key "name": ...", without what key_name_shown holds back. */
void problems_add(struct problems *problems, const char *where, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The report; borrowed. Call it once, at the end. */
const char *problems_text(struct problems *problems);
