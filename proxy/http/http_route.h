/*
 * Which route of a listener a request takes: by the raw segments of its path, as they came (H10;
 * http_target.h has refused whatever could be read in two ways). "/as2" stands for itself and for what is
 * below it, never for "/as2x"; "/as2/" for what is below it only. Pure; never blocks.
 */
#pragma once

#include "conf_listener.h"

#include <stdbool.h>
#include <stddef.h>

/* target: the path that goes to the backend, its query may follow; empty: "/". NULL: no route fits. */
const struct conf_route *http_route_find(const struct conf_listener *listener, const char *target,
                                         size_t len);

/* Methods know their case (RFC 9110 9.1). */
bool http_route_takes(const struct conf_route *route, const char *method, size_t len);

/* Do both lead to the same servers, in the same order? */
bool http_route_same_backends(const struct conf_backends *a, const struct conf_backends *b);
