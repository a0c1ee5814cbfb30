#include "tls_kit_clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

long kit_later_s;

int clock_gettime(clockid_t clock, struct timespec *out)
{
    long result = syscall(SYS_clock_gettime, clock, out);

    out->tv_sec += kit_later_s;
    return (int)result;
}

time_t time(time_t *out)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
