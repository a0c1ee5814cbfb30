#include "rate.h"

enum { RATE_ONE = 1000 };

void rate_init(struct rate *rate, uint32_t per_second, uint32_t burst, uint64_t now_ms)
{
    rate->per_second = per_second;
    rate->burst = burst ? burst : 1;
    rate->level_milli = (uint64_t)rate->burst * RATE_ONE;
    rate->filled_ms = now_ms;
}

static void rate_fill(struct rate *rate, uint64_t now_ms)
{
    uint64_t full = (uint64_t)rate->burst * RATE_ONE;
    uint64_t passed_ms = now_ms > rate->filled_ms ? now_ms - rate->filled_ms : 0;

    rate->filled_ms = now_ms;
    /* per_second a second is per_second thousandths a millisecond */
    if (passed_ms >= full || rate->level_milli + passed_ms * rate->per_second >= full)
        rate->level_milli = full;
    else
        rate->level_milli += passed_ms * rate->per_second;
}

uint64_t rate_wait_ms(struct rate *rate, uint64_t now_ms)
{
    if (!rate->per_second)
        return 0;
    rate_fill(rate, now_ms);
    if (rate->level_milli >= RATE_ONE)
        return 0;
    return (RATE_ONE - rate->level_milli + rate->per_second - 1) / rate->per_second;
}

bool rate_take(struct rate *rate, uint64_t now_ms)
{
    if (!rate->per_second)
        return true;
    if (rate_wait_ms(rate, now_ms))
        return false;
    rate->level_milli -= RATE_ONE;
    return true;
}
