/* What `p11gate ctl sessions` shows, as JSON: the living sessions of all workers, as these show them in their
 * pages, which are read as hostile. Supervisor only; never blocks. */
#pragma once

#include "buf.h"

#include <stdbool.h>

struct supervisor;

/* At most SESSIONS_SHOWN of them. False: no memory. */
enum { SESSIONS_SHOWN = 10000 };
bool sessions_write(const struct supervisor *supervisor, struct buf *out);
