/*
 * The two replies that name a passive port, pure: 227 (RFC 959) and 229 (RFC 2428), read from the
 * backend and written for the client; and which address the client is told. Requirements F9, C6.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FTP_PASSIVE_LEN = 80 };

/* text: a reply line with its code. The six numbers begin at the first digit behind the code (RFC 1123
 * 4.1.2.6); the address among them is not given, for it is never used. False: not six numbers of 0 to 255, or
 * port 0. */
bool ftp_passive_read_227(const char *text, size_t len, uint16_t *port);

/* "(|||port|)": any delimiter of RFC 2428, blank protocol and address. */
bool ftp_passive_read_229(const char *text, size_t len, uint16_t *port);

/* A whole reply with CRLF. at must be IPv4; its port does not count. */
void ftp_passive_write_227(const struct addr *at, uint16_t port, char out[FTP_PASSIVE_LEN]);
void ftp_passive_write_229(uint16_t port, char out[FTP_PASSIVE_LEN]);

/* The IPv4 address for this session's 227, port 0: the server's own, else the one of the client's network,
 * else the listener's, else the one that the client dialled. Asked anew for each PASV, for names change.
 * False: err says why (a name that has no address now). */
struct session;
bool ftp_passive_address(const struct session *session, struct addr *out, struct err *err);
