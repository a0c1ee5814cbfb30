#include "conf_check.h"
#include "conf_content.h"
#include "conf_keys.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS_MAX = 64, HEAD_BYTES_MAX = 64 * 1024, NAMES_LEN = 200 };

static uint32_t one_a_core(void)
{
    cpu_set_t cores;
    int count;

    if (sched_getaffinity(0, sizeof cores, &cores) < 0)
        return 1;
    count = CPU_COUNT(&cores);
    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (uint32_t)count;
}

static void resolve_server(const struct conf_reader *reader, struct conf *conf)
{
    conf->workers = reader->server.workers ? reader->server.workers : one_a_core();
    conf->user = reader->server.user;
    conf->signer_user = reader->server.signer_user;
    conf->stop_timeout_ms = reader->server.stop_timeout_ms;
    conf->drain_timeout_ms = reader->server.drain_timeout_ms;
    conf->max_generations = reader->server.max_generations;
    conf->admin_enabled = reader->admin.bind.set;
    conf->admin_bind = reader->admin.bind.addr;
    conf->control_socket = reader->admin.control_socket;
    conf->admin_group = reader->admin.group;
    conf->log_level = (enum log_level)reader->log.level;
    conf->log_target = reader->log.target;
}

static void resolve_keystores(struct conf_reader *reader, struct conf *conf)
{
    for (size_t i = 0; i < reader->keystore_count; i++) {
        conf->keystores[i] = reader->keystores[i].value;
        conf->keystores[i].line = reader->keystores[i].given.line;
    }
    conf->keystore_count = reader->keystore_count;
}

static void resolve_truststores(struct conf_reader *reader, struct conf *conf)
{
    for (size_t i = 0; i < reader->truststore_count; i++) {
        const struct conf_truststore_block *block = &reader->truststores[i];
        struct conf_truststore *out = &conf->truststores[i];
        const struct conf_content content = {CONF_BLOCK_TRUSTSTORE, &block->given, "ca-file",
                                             block->value.ca_file};

        *out = block->value;
        out->line = block->given.line;
        if (conf_is_usable(CONF_BLOCK_TRUSTSTORE, &block->given, "ca-file"))
            out->ca_pem = conf_content_certificates(reader, &content, &out->ca_pem_len);
    }
    conf->truststore_count = reader->truststore_count;
}

/* One more of the names that exist, for an error about one that does not. */
static void names_add(char names[NAMES_LEN], const char *name)
{
    size_t len = strlen(names);

    (void)snprintf(names + len, NAMES_LEN - len, "%s%s", len ? ", " : "", name);
}

static void report_no_alias(struct conf_reader *reader, const struct conf_given *given, const char *option,
                            const char *wanted, const char *names)
{
    char shown[CONF_SHOWN_LEN];

    conf_shown(wanted, shown);
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, given, option), given->where,
                    "%s = \"%s\": there is no such %s%s%s", option, shown, option,
                    names[0] ? "; there is " : "", names);
}

static int find_keystore(struct conf_reader *reader, const struct conf_listener_block *block)
{
    char names[NAMES_LEN] = "";

    if (!conf_is_usable(CONF_BLOCK_LISTENER, &block->given, "keystore"))
        return CONF_NONE;
    for (size_t i = 0; i < reader->keystore_count; i++) {
        const struct conf_keystore_block *keystore = &reader->keystores[i];

        if (!conf_is_usable(CONF_BLOCK_KEYSTORE, &keystore->given, "alias"))
            return CONF_NONE; /* it may be this one, and is reported already */
        if (strcmp(keystore->value.alias, block->keystore) == 0)
            return (int)i;
        names_add(names, keystore->value.alias);
    }
    report_no_alias(reader, &block->given, "keystore", block->keystore, names);
    return CONF_NONE;
}

static int find_truststore(struct conf_reader *reader, const struct conf_listener_block *block)
{
    char names[NAMES_LEN] = "";

    if (!conf_is_usable(CONF_BLOCK_LISTENER, &block->given, "truststore") || !block->truststore[0])
        return CONF_NONE;
    for (size_t i = 0; i < reader->truststore_count; i++) {
        const struct conf_truststore_block *truststore = &reader->truststores[i];

        if (!conf_is_usable(CONF_BLOCK_TRUSTSTORE, &truststore->given, "alias"))
            return CONF_NONE; /* it may be this one, and is reported already */
        if (strcmp(truststore->value.alias, block->truststore) == 0)
            return (int)i;
        names_add(names, truststore->value.alias);
    }
    report_no_alias(reader, &block->given, "truststore", block->truststore, names);
    return CONF_NONE;
}

/* Options whose default is another option, or depends on the protocol. */
static void resolve_defaults(const struct conf_reader *reader, const struct conf_listener_block *block,
                             struct conf_listener *out)
{
    const struct conf_block *table = conf_block(CONF_BLOCK_LISTENER);
    bool is_ftp = out->protocol == CONF_FTP || out->protocol == CONF_FTPS;
    uint64_t present = block->given.present;

    if (!(present >> conf_option_index(table, "bad-certificate") & 1))
        out->bad_certificate = is_ftp ? CONF_BAD_IGNORE : CONF_BAD_FAIL;
    if (!(present >> conf_option_index(table, "reject-at") & 1))
        out->reject_at = is_ftp ? CONF_REJECT_LOGIN : CONF_REJECT_HANDSHAKE;
    if (!(present >> conf_option_index(table, "tls-versions") & 1))
        out->tls_versions = reader->server.tls_versions;
    if (!(present >> conf_option_index(table, "ciphers") & 1))
        out->ciphers = reader->server.ciphers;
    if (!(present >> conf_option_index(table, "ciphersuites") & 1))
        out->ciphersuites = reader->server.ciphersuites;
    if (!(present >> conf_option_index(table, "groups") & 1))
        out->groups = reader->server.groups;
}

/* C6: the server's address wins; a listener with IPv6 binds only has no use for one. */
static void resolve_passive(const struct conf_reader *reader, const struct conf_listener_block *block,
                            struct conf_listener *out)
{
    const struct conf_host *host =
        reader->server.passive_address.set ? &reader->server.passive_address : &block->passive_address;
    bool has_v4 = false;

    for (size_t i = 0; i < out->bind_count; i++)
        has_v4 = has_v4 || addr_is_v4(&out->binds[i]);
    out->has_passive_address = host->set && has_v4;
    if (out->has_passive_address)
        out->passive_address = host->addr;
    out->passive_first = block->passive_ports.first;
    out->passive_last = block->passive_ports.last;
}

static void resolve_listener(struct conf_reader *reader, const struct conf *conf,
                             const struct conf_listener_block *block, struct conf_listener *out)
{
    *out = block->value;
    out->line = block->given.line;
    out->protocol = (enum conf_protocol)block->protocol;
    out->client_certificate = (enum conf_client_certificate)block->client_certificate;
    out->bad_certificate = (enum conf_bad_certificate)block->bad_certificate;
    out->reject_at = (enum conf_reject_at)block->reject_at;
    out->data_resumption = (enum conf_resumption)block->data_resumption;
    out->binds = block->binds.items;
    out->bind_count = block->binds.count;
    out->max_sessions = out->max_sessions ? out->max_sessions : CONF_SESSIONS_MAX;
    out->max_head_bytes = HEAD_BYTES_MAX;
    out->keystore = find_keystore(reader, block);
    out->truststore = find_truststore(reader, block);
    conf_keys_resolve(reader, conf, block, out);
    resolve_defaults(reader, block, out);
    resolve_passive(reader, block, out);
}

static bool allocate(struct conf_reader *reader, struct conf *conf)
{
    struct conf_memory *memory = reader->place.memory;

    conf->keystores = conf_memory_array(memory, reader->keystore_count, sizeof conf->keystores[0]);
    conf->truststores = conf_memory_array(memory, reader->truststore_count, sizeof conf->truststores[0]);
    conf->listeners = conf_memory_array(memory, reader->listener_count, sizeof conf->listeners[0]);
    if (conf->keystores && conf->truststores && conf->listeners)
        return true;
    conf_report_add(&reader->report, 0, "", "out of memory");
    return false;
}

void conf_resolve(struct conf_reader *reader, struct conf *conf)
{
    if (!allocate(reader, conf))
        return;
    resolve_server(reader, conf);
    resolve_keystores(reader, conf);
    resolve_truststores(reader, conf);
    for (size_t i = 0; i < reader->listener_count; i++)
        resolve_listener(reader, conf, &reader->listeners[i], &conf->listeners[i]);
    conf->listener_count = reader->listener_count;
    for (size_t i = 0; i < conf->keystore_count; i++)
        conf_keys_number(reader, conf, i);
}
