/*
 * The text of /metrics: Prometheus exposition format 0.0.4. Pure: totals in, text out. Every metric that is
 * written stands in docs/operations.md.
 */
#pragma once

#include "buf.h"
#include "totals.h"

#include <stdbool.h>

/* What the text may have at most: 256 listeners with every reason need less. */
enum { METRICS_BYTES_MAX = 16 * 1024 * 1024 };

/* Appends the text; false when out did not take all of it (its limit, memory): it is no use then. */
bool metrics_write(struct totals *totals, struct buf *out);
