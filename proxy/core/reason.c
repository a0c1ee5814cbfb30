#include "reason.h"

const char *reason_name(enum session_reason reason)
{
    static const char *const names[] = {
#define REASON_NAME(id, name, meaning) name,
        SESSION_REASONS(REASON_NAME)
#undef REASON_NAME
    };

    return (unsigned)reason < REASON_COUNT ? names[reason] : "unknown";
}
