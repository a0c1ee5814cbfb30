/* The text of `p11gate ctl status` from its JSON. Pure. */
#pragma once

#include "buf.h"

#include <stdbool.h>

/* false when the JSON is none, or there is no memory. What is missing in it is left out. */
bool ctl_status_text(const char *json, size_t len, struct buf *out);

/* The same for `p11gate ctl sessions`: a line each. */
bool ctl_sessions_text(const char *json, size_t len, struct buf *out);
