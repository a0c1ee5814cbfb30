#include "conf_resolve_listener.h"

#include "conf_check.h"
#include "conf_content.h"
#include "conf_keys.h"

#include <stdio.h>
#include <string.h>

enum { HEAD_BYTES_MAX = 64 * 1024, NAMES_LEN = 200 };

static void out_of_memory(struct conf_reader *reader, const struct conf_given *given)
{
    conf_report_add(&reader->report, given->line, given->where, "out of memory");
}

/* -- aliases -------------------------------------------------------------------------------------- */

/* One more of the names that exist, for an error about one that does not. */
static void names_add(char names[NAMES_LEN], const char *name)
{
    size_t len = strlen(names);

    (void)snprintf(names + len, NAMES_LEN - len, "%s%s", len ? ", " : "", name);
}

/* Where an option names a keystore or a truststore; the option has the name of what it names. */
struct reference {
    enum conf_block_id id;
    const struct conf_given *given;
    const char *option, *alias;
};

static void report_no_alias(struct conf_reader *reader, const struct reference *reference, const char *names)
{
    char shown[CONF_SHOWN_LEN];

    conf_shown(reference->alias, shown);
    conf_report_add(&reader->report, conf_line_of(reference->id, reference->given, reference->option),
                    reference->given->where, "%s = \"%s\": there is no such %s%s%s", reference->option, shown,
                    reference->option, names[0] ? "; there is " : "", names);
}

static int find_keystore(struct conf_reader *reader, const struct reference *reference)
{
    char names[NAMES_LEN] = "";

    if (!conf_is_usable(reference->id, reference->given, "keystore") || !reference->alias[0])
        return CONF_NONE;
    for (size_t i = 0; i < reader->keystore_count; i++) {
        const struct conf_keystore_block *keystore = &reader->keystores[i];

        if (!conf_is_usable(CONF_BLOCK_KEYSTORE, &keystore->given, "alias"))
            return CONF_NONE; /* it may be this one, and is reported already */
        if (strcmp(keystore->value.alias, reference->alias) == 0)
            return (int)i;
        names_add(names, keystore->value.alias);
    }
    report_no_alias(reader, reference, names);
    return CONF_NONE;
}

static int find_truststore(struct conf_reader *reader, const struct reference *reference)
{
    char names[NAMES_LEN] = "";

    if (!conf_is_usable(reference->id, reference->given, "truststore") || !reference->alias[0])
        return CONF_NONE;
    for (size_t i = 0; i < reader->truststore_count; i++) {
        const struct conf_truststore_block *truststore = &reader->truststores[i];

        if (!conf_is_usable(CONF_BLOCK_TRUSTSTORE, &truststore->given, "alias"))
            return CONF_NONE; /* it may be this one, and is reported already */
        if (strcmp(truststore->value.alias, reference->alias) == 0)
            return (int)i;
        names_add(names, truststore->value.alias);
    }
    report_no_alias(reader, reference, names);
    return CONF_NONE;
}

static void resolve_stores(struct conf_reader *reader, const struct conf_listener_block *block,
                           struct conf_listener *out)
{
    const struct conf_backend_tls_block *backend = &block->backend_tls;
    const struct reference keystore = {CONF_BLOCK_LISTENER, &block->given, "keystore", block->keystore};
    const struct reference truststore = {CONF_BLOCK_LISTENER, &block->given, "truststore", block->truststore};
    const struct reference backend_keystore = {CONF_BLOCK_BACKEND_TLS, &backend->given, "keystore",
                                               backend->keystore};
    const struct reference backend_truststore = {CONF_BLOCK_BACKEND_TLS, &backend->given, "truststore",
                                                 backend->truststore};

    out->keystore = find_keystore(reader, &keystore);
    out->truststore = find_truststore(reader, &truststore);
    out->backend_tls.keystore = find_keystore(reader, &backend_keystore);
    out->backend_tls.truststore = find_truststore(reader, &backend_truststore);
}

/* -- defaults ------------------------------------------------------------------------------------- */

static bool is_set(const struct conf_listener_block *block, const char *option)
{
    return conf_is_present(CONF_BLOCK_LISTENER, &block->given, option);
}

/* Options whose default is another option, or depends on the protocol. */
static void resolve_defaults(const struct conf_reader *reader, const struct conf_listener_block *block,
                             struct conf_listener *out)
{
    const struct conf_server_block *server = &reader->server;
    bool is_ftp = out->protocol == CONF_FTP || out->protocol == CONF_FTPS;

    if (!is_set(block, "bad-certificate"))
        out->bad_certificate = is_ftp ? CONF_BAD_IGNORE : CONF_BAD_FAIL;
    if (!is_set(block, "reject-at"))
        out->reject_at = is_ftp ? CONF_REJECT_LOGIN : CONF_REJECT_HANDSHAKE;
    if (!is_set(block, "tls-versions"))
        out->tls_versions = server->tls_versions;
    if (!is_set(block, "ciphers"))
        out->ciphers = server->ciphers;
    if (!is_set(block, "ciphersuites"))
        out->ciphersuites = server->ciphersuites;
    if (!is_set(block, "groups"))
        out->groups = server->groups;
    if (!is_set(block, "allow") && !is_set(block, "deny"))
        out->access = (struct conf_access){server->allow, server->deny};
    out->max_sessions = out->max_sessions ? out->max_sessions : CONF_SESSIONS_MAX;
    out->max_head_bytes = HEAD_BYTES_MAX;
}

/* -- ftp ------------------------------------------------------------------------------------------ */

/* The longest prefix first; equal ones keep their order. */
static void sort_passive_for(struct conf_listener *listener)
{
    for (size_t i = 1; i < listener->passive_for_count; i++) {
        struct conf_passive_for moved = listener->passive_for[i];
        size_t at = i;

        for (; at > 0 && listener->passive_for[at - 1].network.prefix < moved.network.prefix; at--)
            listener->passive_for[at] = listener->passive_for[at - 1];
        listener->passive_for[at] = moved;
    }
}

/* C6: the server's address wins; a listener with IPv6 binds only has no use for one. */
static void resolve_passive(struct conf_reader *reader, const struct conf_listener_block *block,
                            struct conf_listener *out)
{
    const struct conf_host_name *host =
        reader->server.passive_address.set ? &reader->server.passive_address : &block->passive_address;
    bool has_v4 = false;

    for (size_t i = 0; i < out->bind_count; i++)
        has_v4 = has_v4 || addr_is_v4(&out->binds[i]);
    out->passive_host = *host;
    out->passive_host.set = host->set && has_v4;
    out->passive_host.host = out->passive_host.set ? host->host : "";
    out->passive_first = block->passive_ports.first;
    out->passive_last = block->passive_ports.last;
    out->advertised_first = block->passive_ports_advertised.first;
    out->advertised_last = block->passive_ports_advertised.last;
    out->passive_for =
        conf_memory_array(reader->place.memory, block->passive_for_count, sizeof out->passive_for[0]);
    if (!out->passive_for) {
        out_of_memory(reader, &block->given);
        return;
    }
    for (size_t i = 0; i < block->passive_for_count; i++)
        out->passive_for[i] = block->passive_for[i].value;
    if (!reader->server.passive_address.set) /* which wins over whatever a listener says (C6) */
        out->passive_for_count = block->passive_for_count;
    sort_passive_for(out);
}

static void resolve_secrets(struct conf_reader *reader, const struct conf_listener_block *block,
                            struct conf_listener *out)
{
    const struct conf_strings *files = &block->ticket_secret_files;

    out->ticket_secrets.items =
        conf_memory_array(reader->place.memory, files->count, sizeof out->ticket_secrets.items[0]);
    if (!out->ticket_secrets.items) {
        out_of_memory(reader, &block->given);
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct conf_content content = {CONF_BLOCK_LISTENER, &block->given, "ticket-secret-file",
                                             files->items[i]};
        struct conf_ticket_secret *secret = &out->ticket_secrets.items[i];

        secret->data = (const uint8_t *)conf_content_secret(reader, &content, &secret->len);
    }
    out->ticket_secrets.count = files->count;
}

/* -- http ----------------------------------------------------------------------------------------- */

/* The longest path first, so that the first that fits is the one. */
static void sort_routes(struct conf_listener *listener)
{
    for (size_t i = 1; i < listener->route_count; i++) {
        struct conf_route moved = listener->routes[i];
        size_t at = i;

        for (; at > 0 && strlen(listener->routes[at - 1].path) < strlen(moved.path); at--)
            listener->routes[at] = listener->routes[at - 1];
        listener->routes[at] = moved;
    }
}

static void resolve_routes(struct conf_reader *reader, const struct conf_listener_block *block,
                           struct conf_listener *out)
{
    out->routes = conf_memory_array(reader->place.memory, block->route_count, sizeof out->routes[0]);
    if (!out->routes) {
        out_of_memory(reader, &block->given);
        return;
    }
    for (size_t i = 0; i < block->route_count; i++) {
        struct conf_route *route = &out->routes[i];

        *route = block->routes[i].value;
        route->methods = block->routes[i].methods.items;
        route->method_count = block->routes[i].methods.count;
        if (!route->backends.count)
            route->backends = out->backends;
    }
    out->route_count = block->route_count;
    sort_routes(out);
}

/* -- all ------------------------------------------------------------------------------------------ */

static void resolve_choices(const struct conf_listener_block *block, struct conf_listener *out)
{
    out->protocol = (enum conf_protocol)block->protocol;
    out->client_certificate = (enum conf_client_certificate)block->client_certificate;
    out->bad_certificate = (enum conf_bad_certificate)block->bad_certificate;
    out->reject_at = (enum conf_reject_at)block->reject_at;
    out->data_resumption = (enum conf_resumption)block->data_resumption;
    out->data_peer = (enum conf_data_peer)block->data_peer;
    out->client_cert_header = (enum conf_client_cert_header)block->client_cert_header;
    out->balance = (enum conf_balance)block->balance;
    out->send_proxy = (enum conf_send_proxy)block->send_proxy;
}

static void resolve_lists(const struct conf_listener_block *block, struct conf_listener *out)
{
    out->binds = block->binds.items;
    out->bind_count = block->binds.count;
    out->allow_commands = block->allow_commands.items;
    out->allow_commands_count = block->allow_commands.count;
    out->deny_commands = block->deny_commands.items;
    out->deny_commands_count = block->deny_commands.count;
}

void conf_resolve_listener(struct conf_reader *reader, const struct conf *conf,
                           const struct conf_listener_block *block, struct conf_listener *out)
{
    const char *backend_name = conf_backend_name(block);

    *out = block->value;
    out->line = block->given.line;
    resolve_choices(block, out);
    resolve_lists(block, out);
    resolve_defaults(reader, block, out);
    resolve_stores(reader, block, out);
    out->backend_tls.set = block->backend_tls.given.line;
    out->backend_tls.server_name = block->backend_tls.server_name;
    if (out->backend_tls.set && !block->backend_tls.server_name[0] && backend_name)
        out->backend_tls.server_name = backend_name;
    conf_keys_resolve(reader, conf, block, out);
    resolve_passive(reader, block, out);
    resolve_secrets(reader, block, out);
    resolve_routes(reader, block, out);
}
