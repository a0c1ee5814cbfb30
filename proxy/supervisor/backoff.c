#include "backoff.h"

void backoff_init(struct backoff *backoff, uint64_t first_ms, uint64_t cap_ms)
{
    *backoff = (struct backoff){.first_ms = first_ms, .cap_ms = cap_ms};
}

uint64_t backoff_wait_ms(struct backoff *backoff, uint64_t lived_ms)
{
    uint64_t wait_ms = lived_ms >= BACKOFF_GOOD_LIFE_MS ? 0 : backoff->next_ms;

    backoff->next_ms = wait_ms ? wait_ms * 2 : backoff->first_ms;
    if (backoff->next_ms > backoff->cap_ms)
        backoff->next_ms = backoff->cap_ms;
    return wait_ms;
}
