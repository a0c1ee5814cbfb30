#include "clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t clock_read_us(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_monotonic_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000u;
}

uint64_t clock_wall_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000u;
}

void clock_iso(uint64_t wall_ms, char out[CLOCK_ISO_LEN])
{
    time_t seconds = (time_t)(wall_ms / 1000u);
    char day[20];
    struct tm utc;

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, CLOCK_ISO_LEN, "%.19s.%03uZ", day, (unsigned)(wall_ms % 1000u));
}
