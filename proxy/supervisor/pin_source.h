/*
 * Where a keystore's PIN comes from: `pin-file`, `pin-credential` (a file that systemd passes in
 * $CREDENTIALS_DIRECTORY), or, when neither is set, a person at the terminal that p11gate was started from,
 * asked once for a token. A directory of PEM files has none. Blocks on the file and on the person.
 */
#pragma once

#include "conf.h"
#include "err.h"
#include "pin_file.h"

#include <stdbool.h>
#include <sys/types.h>

struct pin_source {
    const struct pin *known; /* what a person has said for this token already; NULL: nobody was asked */
    bool may_ask;            /* when standard input is a terminal */
};

/*
 * out->memory is NULL when there is no PIN: the keystore has none, or nobody can be asked; the signer then
 * says whether its token wants one.
 */
bool pin_source_read(const struct pin_source *source, const struct conf_keystore *keystore, uid_t signer_uid,
                     struct pin *out, struct err *err);

/* Neither pin-file nor pin-credential: a person has it. */
bool pin_source_is_person(const struct conf_keystore *keystore);
