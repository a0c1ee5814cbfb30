/*
 * The names of one configuration: its listeners and keystores by their numbers. Pages are numbered as the
 * configuration that was in force when they were made, so each holds the roster that it belongs to.
 * Counted references, not locked: the board's.
 */
#pragma once

#include "counters_history.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct roster {
    unsigned holders;
    struct counters_names names; /* aliases owned by the roster */
    uint32_t signers[COUNTERS_KEYSTORES_MAX];
    bool log_json;                       /* log.format */
    bool needed[COUNTERS_KEYSTORES_MAX]; /* an enabled listener wants a key of it */
};

/* From sealed memory (struct conf_files packed); fd stays the caller's. Held once; NULL on failure. */
struct roster *roster_read(int fd, struct err *err);

struct roster *roster_hold(struct roster *roster);
void roster_drop(struct roster *roster); /* NULL is nothing */
