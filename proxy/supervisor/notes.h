/*
 * Small messages to one child that may come in bursts: they wait here while its channel is full (the
 * kernel queues about ten), in order, the newer in place of the older about the same thing. Supervisor only;
 * never blocks.
 */
#pragma once

#include "child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NOTES_MAX = 4096 };

struct note {
    uint32_t type, about, more;
};

struct notes {
    size_t count;
    struct note waiting[NOTES_MAX];
};

/* MESSAGE_GONE: about = grant_kind, more = index. MESSAGE_KEYSTORE: about = keystore, more = can_sign. */
bool notes_add(struct notes *notes, uint32_t type, uint32_t about, uint32_t more);

/* The page is there (again): an older note that it is gone must not follow. */
void notes_forget_gone(struct notes *notes, uint32_t kind, uint32_t index);

/* Sends what the channel takes now. */
void notes_send(struct notes *notes, struct child *child);
