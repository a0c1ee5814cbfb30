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
    const struct account *account; /* copied, as the target: "stderr" or a path */
    const char *target;
    void (*ready)(void *owner); /* a housekeeper took up its work (each time) */
    void (*gone)(void *owner);  /* it ended: after log_keeper_stop, or before it was ever ready */
    void (*feed)(void *owner);  /* one was started: tell it what it shows */
    void *owner;
};

/* Opens the target. */
struct log_keeper *log_keeper_new(const struct log_keeper_setup *setup, struct err *err);
void log_keeper_free(struct log_keeper *keeper);

bool log_keeper_start(struct log_keeper *keeper, struct err *err);

/* Opens the target again and hands it over (USR1). */
void log_keeper_reopen(struct log_keeper *keeper);

/* A reload: opens another target (-1: err) ... */
int log_keeper_open(const char *target, struct err *err);
/* ... and, when nothing else is wrong, uses it from now on (-1: the target is what it was); fd is the
 * keeper's, the rest is copied. */
void log_keeper_change(struct log_keeper *keeper, const struct account *account, const char *target, int fd);

/* log.format, of the supervisor's lines that no housekeeper writes, too; before log_keeper_start, and when a
 * reload has changed it. */
void log_keeper_format(struct log_keeper *keeper, bool json);

/* To the housekeeper that runs, if one does: pages and what belongs to them; a page that is nobody's any
 * more; whether a keystore can sign. The latter two wait while its channel is full. */
void log_keeper_grant(struct log_keeper *keeper, const struct grant *grants, size_t count);
void log_keeper_gone(struct log_keeper *keeper, enum grant_kind kind, uint32_t index);
void log_keeper_keystore(struct log_keeper *keeper, uint32_t keystore, bool can_sign);

/* Sends what waits for its channel. */
void log_keeper_flush(struct log_keeper *keeper);

/* Now and then: starts a housekeeper that is due, sends what the supervisor itself has logged. */
void log_keeper_tick(struct log_keeper *keeper, uint64_t now_ms);

/* The last lines are handed over, then the housekeeper ends by itself; at_once does not wait for that. */
void log_keeper_stop(struct log_keeper *keeper, bool at_once);
bool log_keeper_idle(const struct log_keeper *keeper);

/* Why the last housekeeper ended, "" when it did not say. */
const char *log_keeper_fault(const struct log_keeper *keeper);
/* What p11gate ends with when that was its first: CHILD_EXIT_AGAIN when nothing says that it would be the
 * same the next time. */
int log_keeper_exit_code(const struct log_keeper *keeper);
