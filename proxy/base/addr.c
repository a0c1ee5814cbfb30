#include "addr.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool addr_parse_host(const char *text, struct addr *out, struct err *err)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->sa.v4.sin_addr) == 1) {
        out->sa.v4.sin_family = AF_INET;
        out->len = sizeof out->sa.v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->sa.v6.sin6_addr) == 1) {
        out->sa.v6.sin6_family = AF_INET6;
        out->len = sizeof out->sa.v6;
        return true;
    }
    err_set(err, "\"%.64s\" is not a numeric IPv4 or IPv6 address", text);
    return false;
}

bool addr_parse(const char *text, struct addr *out, struct err *err)
{
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[' && colon && colon > text + 1 && colon[-1] == ']';
    size_t host_len = colon ? (size_t)(colon - text) : 0;
    uint64_t port;
    char host[ADDR_TEXT_LEN];

    if (bracketed) {
        text++;
        host_len -= 2;
    }
    if (!host_len || host_len >= sizeof host || !text_number(colon + 1, strlen(colon + 1), 65535, &port)) {
        err_set(err, "\"%.64s\" is not ADDRESS:PORT (IPv6: [ADDRESS]:PORT)", bracketed ? text - 1 : text);
        return false;
    }
    memcpy(host, text, host_len);
    host[host_len] = 0;
    if (!addr_parse_host(host, out, err))
        return false;
    if (addr_is_v4(out) == bracketed) {
        err_set(err, "\"%.64s\": brackets belong around IPv6 addresses, and only there", host);
        return false;
    }
    addr_set_port(out, (uint16_t)port);
    return true;
}

bool addr_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct addr *out)
{
    memset(out, 0, sizeof *out);
    if (len > sizeof out->sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
        return false;
    memcpy(&out->sa, sa, len);
    out->len = len;
    return true;
}

bool addr_is_v4(const struct addr *addr)
{
    return addr->sa.any.sa_family == AF_INET;
}

uint16_t addr_port(const struct addr *addr)
{
    return ntohs(addr_is_v4(addr) ? addr->sa.v4.sin_port : addr->sa.v6.sin6_port);
}

void addr_set_port(struct addr *addr, uint16_t port)
{
    if (addr_is_v4(addr))
        addr->sa.v4.sin_port = htons(port);
    else
        addr->sa.v6.sin6_port = htons(port);
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
    if (a->sa.any.sa_family != b->sa.any.sa_family)
        return false;
    if (addr_is_v4(a))
        return a->sa.v4.sin_addr.s_addr == b->sa.v4.sin_addr.s_addr;
    return memcmp(&a->sa.v6.sin6_addr, &b->sa.v6.sin6_addr, sizeof a->sa.v6.sin6_addr) == 0 &&
           a->sa.v6.sin6_scope_id == b->sa.v6.sin6_scope_id;
}

void addr_host_text(const struct addr *addr, char out[ADDR_TEXT_LEN])
{
    const void *host =
        addr_is_v4(addr) ? (const void *)&addr->sa.v4.sin_addr : (const void *)&addr->sa.v6.sin6_addr;

    if (!inet_ntop(addr->sa.any.sa_family, host, out, ADDR_TEXT_LEN))
        (void)text_copy(out, ADDR_TEXT_LEN, "unknown");
}

void addr_text(const struct addr *addr, char out[ADDR_TEXT_LEN])
{
    char host[ADDR_TEXT_LEN];

    addr_host_text(addr, host);
    (void)snprintf(out, ADDR_TEXT_LEN, addr_is_v4(addr) ? "%.46s:%u" : "[%.46s]:%u", host,
                   (unsigned)addr_port(addr));
}

uint64_t addr_network(const struct addr *addr)
{
    const uint8_t *bytes;
    size_t len = addr_is_v4(addr) ? 3 : 6;
    uint64_t number = len;

    bytes = addr_is_v4(addr) ? (const uint8_t *)&addr->sa.v4.sin_addr : addr->sa.v6.sin6_addr.s6_addr;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | bytes[i];
    return number;
}
