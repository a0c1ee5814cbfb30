/*
 * What /etc/hosts and /etc/resolv.conf say, as far as names need it. Pure: their bytes are given, nothing is
 * opened. Lines that are not understood are passed over, as libc does.
 */
#pragma once

#include "addr.h"

#include <stddef.h>

/* The addresses of a name (port 0, without regard to ASCII case), in the order of the lines; at most max. */
size_t hosts_file_find(const char *text, size_t len, const char *host, struct addr *out, size_t max);

/* The name servers of a resolv.conf: an address, or ADDRESS:PORT; port 53 else. Those with a scope ("%eth0")
 * are left out. */
size_t hosts_file_servers(const char *text, size_t len, struct addr *out, size_t max);
