/*
 * One login at a time of all signers that have the same PIN for the same token, and none after that PIN was
 * refused: a token counts wrong tries, whoever makes them. Memory made by the supervisor and granted to each
 * of these signers, with a lock on it that the kernel gives to the next when its holder dies. What a signer
 * that was killed inside a login has not come to say stays unsaid: such a login counts as none.
 *
 * Signers enter and leave, the supervisor only looks: closing any descriptor of it loses a process its lock.
 * Signers believe each other here: they have the same PIN. Only login_gate_enter blocks.
 */
#pragma once

#include "counter.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct login_gate_page {
    counter refused;
};

struct login_gate {
    int fd; /* owned; -1: shared with nobody, everything is allowed */
    struct login_gate_page *page;
};

#define LOGIN_GATE_NONE ((struct login_gate){.fd = -1})

bool login_gate_make(struct login_gate *out, struct err *err);

/* Another holder of the same memory; of may be closed afterwards. */
bool login_gate_share(const struct login_gate *of, struct login_gate *out, struct err *err);

/* Of a granted descriptor, which is taken over in any case. */
bool login_gate_take(struct login_gate *out, int fd, struct err *err);

/* Harmless without one. */
void login_gate_close(struct login_gate *gate);

/* False: others were inside for all of wait_ms. */
bool login_gate_enter(const struct login_gate *gate, uint64_t wait_ms);

/* Whoever has entered; what was refused stays refused. */
void login_gate_leave(const struct login_gate *gate, bool refused);

bool login_gate_refused(const struct login_gate *gate);
