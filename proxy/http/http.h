/*
 * HTTP/1.1 (RFC 9110, 9112) as a struct protocol: `https`, and `http` for clients in clear: servers of one's
 * own on their way out.
 */
#pragma once

#include "protocol.h"

extern const struct protocol protocol_https;
extern const struct protocol protocol_http;
