#include "access.h"

#include <string.h>

enum { MAPPED_BITS = 96, V4_BITS = 32, V6_BITS = 128 };

/* A host or a network in one form: IPv4 where it is one. */
struct plain {
    bool v4;
    uint8_t bytes[16];
    unsigned prefix;
};

static struct plain plain_of(const struct addr *addr, unsigned prefix)
{
    static const uint8_t mapped[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};
    struct plain plain = {.v4 = addr_is_v4(addr), .prefix = prefix};

    if (plain.v4) {
        memcpy(plain.bytes, &addr->sa.v4.sin_addr, 4);
        return plain;
    }
    memcpy(plain.bytes, &addr->sa.v6.sin6_addr, sizeof plain.bytes);
    if (prefix < MAPPED_BITS || memcmp(plain.bytes, mapped, sizeof mapped) != 0)
        return plain;
    memmove(plain.bytes, plain.bytes + sizeof mapped, 4);
    plain.v4 = true;
    plain.prefix = prefix - MAPPED_BITS;
    return plain;
}

static bool is_inside(const struct plain *host, const struct plain *network)
{
    unsigned whole = network->prefix / 8, bits = network->prefix % 8;
    uint8_t mask = (uint8_t)(0xff00u >> bits);

    if (host->v4 != network->v4 || network->prefix > (host->v4 ? V4_BITS : V6_BITS))
        return false;
    return memcmp(host->bytes, network->bytes, whole) == 0 &&
           (bits == 0 || ((host->bytes[whole] ^ network->bytes[whole]) & mask) == 0);
}

/* The longest prefix that holds the host; -1: none. */
static int longest_prefix(const struct conf_networks *networks, const struct addr *who)
{
    const struct plain host = plain_of(who, addr_is_v4(who) ? V4_BITS : V6_BITS);
    int longest = -1;

    for (size_t i = 0; i < networks->count; i++) {
        const struct plain network = plain_of(&networks->items[i].addr, networks->items[i].prefix);

        if ((int)network.prefix > longest && is_inside(&host, &network))
            longest = (int)network.prefix;
    }
    return longest;
}

bool access_contains(const struct conf_networks *networks, const struct addr *who)
{
    return longest_prefix(networks, who) >= 0;
}

bool access_allows(const struct conf_access *access, const struct addr *who)
{
    int allow = longest_prefix(&access->allow, who), deny = longest_prefix(&access->deny, who);

    if (allow < 0 && deny < 0)
        return access->allow.count == 0;
    return allow > deny;
}
