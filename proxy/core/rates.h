/*
 * A rate for each client address of one listener. The table has a fixed size: an address that was quiet for
 * longest is forgotten first, and a forgotten address begins with a full bucket. Worker only; never blocks.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stdint.h>

struct rates;

/* NULL: out of memory. */
struct rates *rates_new(uint32_t per_second, uint32_t burst);
void rates_free(struct rates *rates);

/* Takes one of the address's; false: it has none left now. */
bool rates_take(struct rates *rates, const struct addr *addr, uint64_t now_ms);
