/*
 * Where a client wants its data connection, pure: the arguments of PORT (RFC 959) and EPRT (RFC 2428).
 * Requirement F10. Worker only; owns nothing.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>

enum ftp_port_status {
    FTP_PORT_OK,
    FTP_PORT_MALFORMED,
    FTP_PORT_PROTOCOL, /* EPRT: another network protocol than the client's own */
    FTP_PORT_FOREIGN,  /* another address than the client's own, or a port below 1024 */
};

/* "h1,h2,h3,h4,p1,p2" and "|1|192.0.2.1|1029|"; client: the address that the control connection comes from.
 * *out is set with FTP_PORT_OK. */
enum ftp_port_status ftp_port_read(const char *text, const struct addr *client, struct addr *out);
enum ftp_port_status ftp_port_read_extended(const char *text, const struct addr *client, struct addr *out);
