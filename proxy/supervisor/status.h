/* What `p11gate ctl status` shows, as JSON (docs/man/p11gate.8 says what is in it). Pages of counters are
 * read as hostile: numbers only. Supervisor only; never blocks. */
#pragma once

#include "buf.h"

#include <stdbool.h>

struct supervisor;

/* false: no memory. */
bool status_write(const struct supervisor *supervisor, struct buf *out);
