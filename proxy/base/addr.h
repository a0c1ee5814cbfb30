/*
 * An IP address with a port, numeric only: nothing here asks DNS. A value, copied freely.
 * Any process; never blocks.
 */
#pragma once

#include "err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa;
    socklen_t len;
};

enum { ADDR_TEXT_LEN = 64 };

/* "192.0.2.1:990" or "[2001:db8::1]:990". */
bool addr_parse(const char *text, struct addr *out, struct err *err);

/* "192.0.2.1" or "2001:db8::1", port 0. */
bool addr_parse_host(const char *text, struct addr *out, struct err *err);

bool addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct addr *out);

uint16_t addr_port(const struct addr *addr);
void addr_set_port(struct addr *addr, uint16_t port);
bool addr_is_v4(const struct addr *addr);
bool addr_same_host(const struct addr *a, const struct addr *b);

/* The /24 or /48 it is in, as a number: for fairness between networks. */
uint64_t addr_network(const struct addr *addr);

/* With and without the port; IPv6 with a port in brackets. */
void addr_text(const struct addr *addr, char out[ADDR_TEXT_LEN]);
void addr_host_text(const struct addr *addr, char out[ADDR_TEXT_LEN]);
