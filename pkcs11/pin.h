/*
 * The PIN: read from its pipe straight into a page of locked memory that is in no core dump and no
 * child, handed to C_Login, and wiped. It is never copied or printed, and kept longer only for keys that want
 * it for each signature.
 * Signer process; pin_read blocks until the writer closes the pipe, PIN_TIMEOUT_MS at most.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

enum { PIN_LEN_MAX = 255, PIN_TIMEOUT_MS = 10000 };

struct pin {
    char *text; /* NUL behind it; NULL: no PIN was given */
    size_t len;
    bool locked; /* its page cannot be swapped to a disk */
};

/* One line end behind the PIN is taken away. Closes fd in any case. */
bool pin_read(struct pin *pin, int fd, struct err *err);

/* Asks the person at the terminal on standard input, who does not see what is typed. False with err when it
 * was interrupted or is no PIN; an empty answer is true with text NULL. Blocks for as long as the person
 * does. */
bool pin_ask(struct pin *pin, const char *token_label, struct err *err);

/* Overwrites and gives the page back; harmless when there is none. */
void pin_wipe(struct pin *pin);
