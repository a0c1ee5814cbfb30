/*
 * A PIN, read once from its file (or, pin_source.h, from elsewhere) and kept in memory of its own that is
 * locked (as far as the limit allows), left out of core files and wiped at the end. It leaves the supervisor
 * through pipes only, one for each signer that starts (P4). Supervisor only; pin_file_read blocks on the
 * file.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum { PIN_BYTES_MAX = 512 };

struct pin {
    char *memory; /* a page; NULL: none */
    size_t len;
    struct timespec changed; /* its file, the last time; 0: it has none */
};

/*
 * One trailing newline is not part of the PIN. Refused: no regular file, readable or writable by group or
 * others, owned by somebody else than root, the signer's user or ourselves, empty or too long.
 */
bool pin_file_read(const char *path, uid_t signer_uid, struct pin *out, struct err *err);

/* The same for a credential of systemd, which is 0400 or, where an access list lets its user in, 0440. */
bool pin_credential_read(const char *path, uid_t signer_uid, struct pin *out, struct err *err);

/* Memory for a PIN of up to PIN_BYTES_MAX bytes and two more; len is 0. */
bool pin_new(struct pin *out, struct err *err);
bool pin_copy(const struct pin *pin, struct pin *out, struct err *err);
bool pin_same(const struct pin *a, const struct pin *b);     /* to the byte; both may be none */
bool pin_same_age(const struct pin *a, const struct pin *b); /* nobody has written its file anew */

/* The reading end of a pipe with the PIN in it and its other end closed; -1 on failure. Never blocks. */
int pin_pipe(const struct pin *pin, struct err *err);

void pin_wipe(struct pin *pin);
