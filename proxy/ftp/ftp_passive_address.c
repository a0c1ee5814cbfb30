/* Which address a 227 names (C6): what NAT makes of ours depends on where the client is. */
#include "conf.h"
#include "ftp_passive.h"
#include "session.h"
#include "stream.h"

#include <string.h>

#include <arpa/inet.h>

static bool is_within(const struct conf_network *network, const struct addr *host)
{
    uint32_t mask = network->prefix ? ~(uint32_t)0 << (32 - network->prefix) : 0;
    if (!addr_is_v4(&network->addr) || !addr_is_v4(host))
        return false;
    return ((ntohl(host->sa.v4.sin_addr.s_addr) ^ ntohl(network->addr.sa.v4.sin_addr.s_addr)) & mask) == 0;
}

/* The longest prefix stands first. A server-wide address leaves none of them. */
static const struct conf_host_name *host_for(const struct conf_listener *conf, const struct addr *client)
{
    for (size_t i = 0; i < conf->passive_for_count; i++)
        if (is_within(&conf->passive_for[i].network, client))
            return &conf->passive_for[i].address;
    return &conf->passive_host;
}

bool ftp_passive_address(const struct session *session, struct addr *out, struct err *err)
{
    const struct conf_host_name *host = host_for(session_conf(session), session_peer(session));
    if (!host->set) {
        stream_local(session_client(session), out);
        addr_set_port(out, 0);
        if (addr_is_v4(out))
            return true;
        /* An IPv4 client of a proxy in front of us that comes to us by IPv6. */
        err_set(err, "passive-address is not set, and the connection's own is IPv6");
        return false;
    }
    *out = host->addr;
    if (!host->host[0])
        return true;
    /* IPv4 stands first. */
    if (session_resolve(session, host->host, out, 1) && addr_is_v4(out))
        return true;
    err_set(err, "passive-address \"%s\" has no IPv4 address now", host->host);
    return false;
}
