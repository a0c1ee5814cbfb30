/*
 * What `p11gate ctl` may ask for beside status and reload: bans ended, listeners and backends switched,
 * sessions shown and ended, the log opened anew, the end when the last session has ended. Supervisor only;
 * never blocks (but for the log's file).
 */
#pragma once

#include "buf.h"

#include <stdbool.h>

struct supervisor;

/* False: not done, answer says why. */
bool orders_do(struct supervisor *supervisor, const char *word, const char *argument, struct buf *answer);
