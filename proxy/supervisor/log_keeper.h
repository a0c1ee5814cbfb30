/*
 * The supervisor's side of the housekeeper: the process, the log's target, and every child's log
 * socket. The reading ends stay here too, so that a housekeeper that is replaced loses no line that was
 * not yet read. Supervisor only; never blocks after log_keeper_new.
 */
#pragma once

#include "child.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct log_keeper;

struct log_keeper_setup {
    struct family *family;
    const struct programs *programs;
    const struct account *account;
    const char *target;         /* "stderr" or a path; borrowed */
    void (*ready)(void *owner); /* a housekeeper took up its work (each time) */
    void (*gone)(void *owner);  /* it ended: after log_keeper_stop, or before it was ever ready */
    void *owner;
};

/* Opens the target. */
struct log_keeper *log_keeper_new(const struct log_keeper_setup *setup, struct err *err);
void log_keeper_free(struct log_keeper *keeper);

bool log_keeper_start(struct log_keeper *keeper, struct err *err);

/* Opens the target again and hands it over (USR1). */
void log_keeper_reopen(struct log_keeper *keeper);

/* Now and then: starts a housekeeper that is due, sends what the supervisor itself has logged. */
void log_keeper_tick(struct log_keeper *keeper, uint64_t now_ms);

/* The last lines are handed over, then the housekeeper ends by itself; at_once does not wait for that. */
void log_keeper_stop(struct log_keeper *keeper, bool at_once);
bool log_keeper_idle(const struct log_keeper *keeper);

/* Why the last housekeeper ended, "" when it did not say. */
const char *log_keeper_fault(const struct log_keeper *keeper);
