/*
 * Who is told that a certificate expires: once when it has 30, 14, 7 and 1 days left, and once when it has
 * expired; again for a new certificate under the same alias. Pure: totals and a time in, calls out.
 */
#pragma once

#include "totals.h"

#include <stdint.h>

struct expiry;

struct expiry *expiry_new(void); /* NULL: out of memory */
void expiry_free(struct expiry *expiry);

/* days: that are left, begun ones counted; 0: it has expired. Texts are borrowed for the call. */
typedef void expiry_function(void *owner, const char *listener, const char *alias, int64_t days);

void expiry_check(struct expiry *expiry, const struct totals *totals, expiry_function *tell, void *owner);
