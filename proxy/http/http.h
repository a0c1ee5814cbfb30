/* HTTP/1.1 (RFC 9110, 9112) as a struct protocol: `https`. */
#pragma once

#include "protocol.h"

extern const struct protocol protocol_https;
