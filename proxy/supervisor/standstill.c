#include "standstill.h"

static bool stood_still(const struct standstill *standstill, uint64_t now_ms)
{
    return standstill->looked_ms && now_ms > standstill->looked_ms + STANDSTILL_MS;
}

void standstill_look(struct standstill *standstill, uint64_t now_ms)
{
    if (stood_still(standstill, now_ms))
        standstill->over_ms = now_ms;
    standstill->looked_ms = now_ms;
}

uint64_t standstill_age_ms(const struct standstill *standstill, uint64_t since_ms, uint64_t now_ms)
{
    uint64_t from_ms = since_ms > standstill->over_ms ? since_ms : standstill->over_ms;

    return stood_still(standstill, now_ms) || now_ms < from_ms ? 0 : now_ms - from_ms;
}

bool standstill_overdue(const struct standstill *standstill, uint64_t end_ms, uint64_t slack_ms,
                        uint64_t now_ms)
{
    return now_ms >= end_ms && standstill_age_ms(standstill, end_ms, now_ms) >= slack_ms;
}
