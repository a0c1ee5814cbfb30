/* FTP over TLS (RFC 959, 2228, 2428, 4217) as a struct protocol: explicit (`ftp`) and implicit (`ftps`). */
#pragma once

#include "protocol.h"

extern const struct protocol protocol_ftp;
extern const struct protocol protocol_ftps;
