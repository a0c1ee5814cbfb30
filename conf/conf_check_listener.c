/* Rules of one listener that need more than one of its options. */
#include "conf_check.h"

#include <stdio.h>
#include <string.h>

static bool is_usable(const struct conf_listener_block *listener, const char *option)
{
    return conf_is_usable(CONF_BLOCK_LISTENER, &listener->given, option);
}

static bool is_present(const struct conf_listener_block *listener, const char *option)
{
    return conf_is_present(CONF_BLOCK_LISTENER, &listener->given, option);
}

/* "NAME: reason", at the option. */
static void report(struct conf_reader *reader, const struct conf_listener_block *listener, const char *option,
                   const char *reason)
{
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, &listener->given, option),
                    listener->given.where, "%s: %s", option, reason);
}

/* The listener's protocol, one of enum conf_for, or-ed. false too when it is not known. */
static bool is_for(const struct conf_listener_block *listener, unsigned protocols)
{
    return is_usable(listener, "protocol") && protocols >> listener->protocol & 1;
}

/* -- client certificates ------------------------------------------------------------------------- */

/* A directory may be empty today: the first partner comes, and the last one goes, without a word here. */
static bool partners_may_come(const struct conf_reader *reader)
{
    return reader->server.partners_dir[0];
}

static void check_client_certificate(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_given *given = &listener->given;

    if (listener->client_certificate == CONF_CLIENT_NONE || !is_usable(listener, "client-certificate") ||
        is_present(listener, "truststore") || reader->partner_count || partners_may_come(reader))
        return;
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, given, "client-certificate"),
                    given->where,
                    "client-certificate = \"%s\": truststore is missing, and there are no partners",
                    listener->client_certificate == CONF_CLIENT_REQUEST ? "request" : "require");
}

/* An option that works with certificates, where no client is asked for one. */
static void check_wants_certificate(struct conf_reader *reader, const struct conf_listener_block *listener,
                                    const char *option, bool is_set)
{
    if (is_set && !is_for(listener, CONF_FOR_HTTP) && is_usable(listener, option) &&
        is_usable(listener, "client-certificate") && listener->client_certificate == CONF_CLIENT_NONE)
        report(reader, listener, option, "client-certificate is none: no client is asked for one");
}

static bool any_partner(const struct conf_reader *reader, bool (*has)(const struct conf_partner_block *))
{
    for (size_t i = 0; i < reader->partner_count; i++)
        if (has(reader->partners[i]))
            return true;
    return false;
}

static bool has_ftp_user(const struct conf_partner_block *partner)
{
    return partner->value.ftp_user[0] || !conf_is_usable(CONF_BLOCK_PARTNER, &partner->given, "ftp-user");
}

static bool has_as2_id(const struct conf_partner_block *partner)
{
    return partner->as2_ids.count || !conf_is_usable(CONF_BLOCK_PARTNER, &partner->given, "as2-id");
}

static void check_partners(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    if (partners_may_come(reader))
        return;
    if (listener->value.cert_map && !any_partner(reader, has_ftp_user))
        report(reader, listener, "cert-map", "no partner has ftp-user, so a certificate would map to nobody");
    if (listener->value.require_as2_id && !is_for(listener, CONF_FOR_HTTP) &&
        !any_partner(reader, has_as2_id))
        report(reader, listener, "require-as2-id",
               "no partner has as2-id, so every request would be refused");
}

/* -- ftp ------------------------------------------------------------------------------------------ */

static bool has_v4_bind(const struct conf_listener_block *listener)
{
    for (size_t i = 0; i < listener->binds.count; i++)
        if (addr_is_v4(&listener->binds.items[i]))
            return true;
    return false;
}

/* C6: an IPv6 client is never told an address, so the options would do nothing. */
static void check_passive_address(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    if (!is_usable(listener, "bind") || has_v4_bind(listener))
        return;
    if (listener->passive_address.set)
        report(reader, listener, "passive-address", "every bind is IPv6, where no address is told");
    if (listener->passive_for_count)
        conf_report_add(&reader->report, listener->passive_for[0].given.line, listener->given.where,
                        "passive-address-for: every bind is IPv6, where no address is told");
}

static bool same_network(const struct conf_network *a, const struct conf_network *b)
{
    return a->prefix == b->prefix && addr_is_v4(&a->addr) == addr_is_v4(&b->addr) &&
           addr_same_host(&a->addr, &b->addr);
}

static void check_passive_for(struct conf_reader *reader, const struct conf_listener_block *listener,
                              size_t index)
{
    const struct conf_passive_for_block *block = &listener->passive_for[index];

    if (!conf_is_usable(CONF_BLOCK_PASSIVE_FOR, &block->given, "network"))
        return;
    if (!addr_is_v4(&block->value.network.addr))
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_PASSIVE_FOR, &block->given, "network"),
                        block->given.where, "network: an IPv6 client is told no address");
    for (size_t i = 0; i < index; i++) {
        const struct conf_passive_for_block *earlier = &listener->passive_for[i];

        if (!conf_is_usable(CONF_BLOCK_PASSIVE_FOR, &earlier->given, "network") ||
            !same_network(&earlier->value.network, &block->value.network))
            continue;
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_PASSIVE_FOR, &block->given, "network"),
                        block->given.where, "network: the passive-address-for of line %d has the same",
                        earlier->given.line);
        return;
    }
}

static void check_passive_ports(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_ports *own = &listener->passive_ports, *told = &listener->passive_ports_advertised;
    char reason[96];

    if (!told->first || !is_usable(listener, "passive-ports") ||
        !is_usable(listener, "passive-ports-advertised") ||
        own->last - own->first == told->last - told->first)
        return;
    (void)snprintf(reason, sizeof reason, "%d ports for %d of passive-ports: as many are needed",
                   told->last - told->first + 1, own->last - own->first + 1);
    report(reader, listener, "passive-ports-advertised", reason);
}

static void check_data_peer(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    if (listener->data_peer == CONF_PEER_SAME_SESSION && listener->data_resumption == CONF_RESUMPTION_OFF &&
        is_usable(listener, "data-peer") && is_usable(listener, "data-resumption"))
        report(reader, listener, "data-peer",
               "data-resumption is off, and without it no client shows its session");
}

static void check_commands(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_strings *allowed = &listener->allow_commands, *denied = &listener->deny_commands;

    if (!is_usable(listener, "allow-commands") || !is_usable(listener, "deny-commands"))
        return;
    for (size_t i = 0; i < denied->count; i++)
        for (size_t k = 0; k < allowed->count; k++)
            if (strcmp(denied->items[i], allowed->items[k]) == 0)
                conf_report_add(&reader->report,
                                conf_line_of(CONF_BLOCK_LISTENER, &listener->given, "deny-commands"),
                                listener->given.where, "deny-commands = \"%s\": allow-commands has it, too",
                                denied->items[i]);
}

static void check_ftp(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    check_passive_address(reader, listener);
    for (size_t i = 0; i < listener->passive_for_count; i++)
        check_passive_for(reader, listener, i);
    check_passive_ports(reader, listener);
    check_data_peer(reader, listener);
    check_commands(reader, listener);
}

/* -- backends ------------------------------------------------------------------------------------- */

static void check_backend(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    if (is_present(listener, "backend") || !is_usable(listener, "backend"))
        return;
    if (!listener->route_count)
        conf_report_add(&reader->report, listener->given.line, listener->given.where, "backend is missing");
    for (size_t i = 0; i < listener->route_count; i++) {
        const struct conf_given *given = &listener->routes[i].given;

        if (!listener->routes[i].value.backends.count && conf_is_usable(CONF_BLOCK_ROUTE, given, "backend"))
            conf_report_add(&reader->report, given->line, given->where,
                            "backend is missing, and the listener has none");
    }
}

/* F12: HOST and SNI choose it at a login. */
static void check_name_backend(struct conf_reader *reader, const struct conf_listener_block *listener,
                               const struct conf_given *given)
{
    if (conf_is_present(CONF_BLOCK_SERVER_NAME, given, "backend") &&
        is_for(listener, CONF_FOR_HTTPS | CONF_FOR_TLS))
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_SERVER_NAME, given, "backend"), given->where,
                        "backend: only for protocol ftps and ftp, and this is %s",
                        conf_protocol_names[listener->protocol]);
}

static void check_send_proxy(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    if (is_usable(listener, "send-proxy") && listener->send_proxy == CONF_PROXY_V2_TLS &&
        is_for(listener, CONF_FOR_HTTP))
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, &listener->given, "send-proxy"),
                        listener->given.where,
                        "send-proxy = \"v2-tls\": clients of protocol http have no TLS");
}

/* The certificate has to have one name, whichever backend is taken. */
static const char *name_of(const struct conf_backends *backends, const char *name)
{
    for (size_t i = 0; name && i < backends->count; i++) {
        const char *host = backends->items[i].host;

        name = host[0] && (!name[0] || strcmp(host, name) == 0) ? host : NULL;
    }
    return name;
}

const char *conf_backend_name(const struct conf_listener_block *listener)
{
    const char *name = name_of(&listener->value.backends, "");

    for (size_t i = 0; i < listener->route_count; i++)
        name = name_of(&listener->routes[i].value.backends, name);
    return name && name[0] ? name : NULL;
}

/* What a listener, a name of its server-names and its backend-tls have in common. */
struct keys {
    enum conf_block_id id;
    const struct conf_given *given;
    const struct conf_key_lists *lists;
};

/* A list beside key-alias: of each key, or of none. */
static void check_key_list(struct conf_reader *reader, const struct keys *keys, const char *option,
                           size_t count)
{
    size_t wanted = keys->lists->aliases.count;

    if (count && conf_is_usable(keys->id, keys->given, option) && count != wanted)
        conf_report_add(&reader->report, conf_line_of(keys->id, keys->given, option), keys->given->where,
                        "%s: %zu of them for %zu of key-alias: as many, or none", option, count, wanted);
}

static void check_keys(struct conf_reader *reader, const struct keys *keys)
{
    const struct conf_strings *aliases = &keys->lists->aliases;
    char shown[CONF_SHOWN_LEN];

    if (!conf_is_usable(keys->id, keys->given, "key-alias"))
        return;
    for (size_t i = 1; i < aliases->count; i++) {
        for (size_t earlier = 0; earlier < i; earlier++) {
            if (strcmp(aliases->items[i], aliases->items[earlier]) != 0)
                continue;
            conf_shown(aliases->items[i], shown);
            conf_report_add(&reader->report, conf_line_of(keys->id, keys->given, "key-alias"),
                            keys->given->where, "key-alias = \"%s\": named twice", shown);
        }
    }
    check_key_list(reader, keys, "certificate-file", keys->lists->certificate_files.count);
    check_key_list(reader, keys, "ocsp-file", keys->lists->ocsp_files.count);
}

static void check_backend_tls(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_backend_tls_block *block = &listener->backend_tls;
    const struct conf_given *given = &block->given;
    const struct keys keys = {CONF_BLOCK_BACKEND_TLS, given, &block->keys};
    bool has_key = conf_is_present(CONF_BLOCK_BACKEND_TLS, given, "key-alias");
    bool has_keystore = conf_is_present(CONF_BLOCK_BACKEND_TLS, given, "keystore");

    if (!given->line) {
        if (is_for(listener, CONF_FOR_HTTP))
            conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, &listener->given, "protocol"),
                            listener->given.where,
                            "protocol = \"http\": backend-tls is missing: neither side "
                            "would have TLS");
        return;
    }
    if (has_key != has_keystore)
        conf_report_add(&reader->report,
                        conf_line_of(CONF_BLOCK_BACKEND_TLS, given, has_key ? "key-alias" : "keystore"),
                        given->where, "%s: %s is missing", has_key ? "key-alias" : "keystore",
                        has_key ? "keystore" : "key-alias");
    if (!conf_is_present(CONF_BLOCK_BACKEND_TLS, given, "server-name") && !conf_backend_name(listener))
        conf_report_add(&reader->report, given->line, given->where,
                        "server-name is missing: the backends do not have one name that it could be");
    check_keys(reader, &keys);
}

static void check_server_names(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    conf_check_aliases(reader, CONF_BLOCK_SERVER_NAME, listener->names, listener->name_count);
    for (size_t i = 0; i < listener->name_count; i++) {
        const struct keys keys = {CONF_BLOCK_SERVER_NAME, &listener->names[i].given,
                                  &listener->names[i].keys};

        check_keys(reader, &keys);
        check_name_backend(reader, listener, &listener->names[i].given);
    }
    if (listener->value.strict_server_name && !listener->names_listed)
        conf_report_add(&reader->report,
                        conf_line_of(CONF_BLOCK_LISTENER, &listener->given, "strict-server-name"),
                        listener->given.where, "strict-server-name: server-names is missing");
}

void conf_check_listener(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct keys keys = {CONF_BLOCK_LISTENER, &listener->given, &listener->keys};

    check_client_certificate(reader, listener);
    check_wants_certificate(reader, listener, "require-as2-id", listener->value.require_as2_id);
    check_wants_certificate(reader, listener, "client-cert-header", listener->client_cert_header);
    check_partners(reader, listener);
    check_ftp(reader, listener);
    check_backend(reader, listener);
    check_send_proxy(reader, listener);
    conf_check_aliases(reader, CONF_BLOCK_ROUTE, listener->routes, listener->route_count);
    check_keys(reader, &keys);
    check_backend_tls(reader, listener);
    check_server_names(reader, listener);
}
