/*
 * Why a keystore's signer did not come up, read from how its process ended, and what follows from that. Pure.
 */
#pragma once

#include "child.h"
#include "message.h"

#include <stdint.h>

enum trouble {
    TROUBLE_NONE,
    TROUBLE_ABSENT,  /* the token is not there: looked for every second */
    TROUBLE_FAULTY,  /* signers end before they are ready: started with back-off */
    TROUBLE_CHANGED, /* signers find other keys than workers know: tried every 5 s */
    TROUBLE_WRONG,   /* the configuration does not fit the token: tried every 30 s */
    TROUBLE_CLOSED,  /* the PIN was refused: never tried again */
};

/* state is what the signer said last. */
enum trouble trouble_of(enum signer_state state, const struct child_end *end);

/* How long the whole keystore rests before another signer is started. */
uint64_t trouble_rest_ms(enum trouble trouble);

/* The event of its log line. */
const char *trouble_event(enum trouble trouble);

/* At the start of p11gate this ends everything. */
bool trouble_is_final(enum trouble trouble);

/* What p11gate exits with. */
int trouble_exit_code(enum trouble trouble);
