#include "trouble.h"

enum { TROUBLE_ABSENT_REST_MS = 1000, TROUBLE_CHANGED_REST_MS = 5000, TROUBLE_WRONG_REST_MS = 30000 };

enum trouble trouble_of(enum signer_state state, const struct child_end *end)
{
    if (end->by_signal)
        return TROUBLE_FAULTY;
    if (end->code == CHILD_EXIT_PIN)
        return TROUBLE_CLOSED;
    if (end->code == CHILD_EXIT_CONFIGURATION)
        return TROUBLE_WRONG;
    return end->code == CHILD_EXIT_AGAIN && state == SIGNER_ABSENT ? TROUBLE_ABSENT : TROUBLE_FAULTY;
}

uint64_t trouble_rest_ms(enum trouble trouble)
{
    if (trouble == TROUBLE_ABSENT)
        return TROUBLE_ABSENT_REST_MS;
    if (trouble == TROUBLE_CHANGED)
        return TROUBLE_CHANGED_REST_MS;
    return trouble == TROUBLE_WRONG ? TROUBLE_WRONG_REST_MS : 0;
}

const char *trouble_event(enum trouble trouble)
{
    static const char *const events[] = {
        [TROUBLE_NONE] = "keystore-up",       [TROUBLE_ABSENT] = "keystore-absent",
        [TROUBLE_FAULTY] = "keystore-faulty", [TROUBLE_CHANGED] = "keystore-keys-changed",
        [TROUBLE_WRONG] = "keystore-wrong",   [TROUBLE_CLOSED] = "keystore-pin-refused",
    };

    return events[trouble];
}

bool trouble_is_final(enum trouble trouble)
{
    return trouble == TROUBLE_CLOSED || trouble == TROUBLE_WRONG;
}

int trouble_exit_code(enum trouble trouble)
{
    if (trouble == TROUBLE_NONE)
        return CHILD_EXIT_OK;
    return trouble == TROUBLE_CLOSED ? CHILD_EXIT_PIN : CHILD_EXIT_CONFIGURATION;
}
