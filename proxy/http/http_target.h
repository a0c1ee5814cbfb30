/*
 * What a request asks for and of whom: method, target and Host (RFC 9112 3.2, RFC 3986; H10). Routes and
 * servers behind compare raw segments, so whatever two readers could see as two paths is refused: dot
 * segments (also "%2e" and "..;"), "//", "%2F", "%5C", "%00", a backslash. Pure; never blocks.
 */
#pragma once

#include "http_head.h"

/* Sets head->path: what goes to the backend, empty or beginning with '?' when a '/' is still missing in
 * front. The backend gets the origin form; a target in absolute form must name the same authority as Host. */
bool http_target_check(struct http_head *head, const uint8_t *bytes, struct http_fault *fault);
