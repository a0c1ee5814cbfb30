/*
 * The host names of a configuration (of backends and passive addresses), made known to the resolver that a
 * worker has for them. What becomes of them is logged: a name's new addresses, and that it cannot be looked
 * up.
 *
 * Worker only; before the sandbox (resolve.h).
 */
#pragma once

#include "err.h"

#include <stdbool.h>

struct conf;
struct loop;
struct resolver;

/* *out is NULL when there is no name, and nothing is to be looked up. False: err. */
bool names_open(struct loop *loop, const struct conf *conf, struct resolver **out, struct err *err);
