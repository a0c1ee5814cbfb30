#include "conf_check.h"
#include "signer_start.h"

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
    conf->drain_timeout_ms = 3600 * 1000;
    conf->max_generations = 3;
    conf->control_socket = conf->admin_group = "";
    conf->log_level = (enum log_level)reader->log.level;
    conf->log_target = reader->log.target;
}

/* An option of which the file is read: for errors. */
struct file_option {
    enum conf_block_id id;
    const struct conf_given *given;
    const char *name, *path;
};

static void report_file(struct conf_reader *reader, const struct file_option *option, const char *reason)
{
    char shown[CONF_SHOWN_LEN];

    conf_shown(option->path, shown);
    conf_report_add(&reader->report, conf_line_of(option->id, option->given, option->name),
                    option->given->where, "%s = \"%s\": %s", option->name, shown, reason);
}

/* The certificates of a file, in memory of the configuration; NULL: reported. Workers get these bytes, so
 * a private key among them is refused. */
static const char *read_certificates(struct conf_reader *reader, const struct file_option *option,
                                     size_t *len)
{
    struct err err;
    const char *bytes = conf_files_get(reader->files, option->path, len, &err);
    const char *copy = NULL;

    if (!bytes)
        report_file(reader, option, err.text);
    else if (memmem(bytes, *len, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")))
        report_file(reader, option, "holds a private key, which does not belong here: certificates only");
    else if (!memmem(bytes, *len, "CERTIFICATE-----", strlen("CERTIFICATE-----")))
        report_file(reader, option, "holds no certificate in PEM form");
    else if (!(copy = conf_memory_bytes(reader->place.memory, bytes, *len)))
        report_file(reader, option, "out of memory");
    return copy;
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
        struct file_option option = {CONF_BLOCK_TRUSTSTORE, &block->given, "ca-file", block->value.ca_file};

        *out = block->value;
        out->line = block->given.line;
        if (conf_is_usable(CONF_BLOCK_TRUSTSTORE, &block->given, "ca-file"))
            out->ca_pem = read_certificates(reader, &option, &out->ca_pem_len);
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

/* In a directory keystore the alias is a file's name. */
static void check_file_alias(struct conf_reader *reader, const struct conf_listener_block *block,
                             const struct conf_keystore *keystore, const char *alias)
{
    char shown[CONF_SHOWN_LEN];

    if (!keystore->directory[0] || !strchr(alias, '/'))
        return;
    conf_shown(alias, shown);
    conf_report_add(
        &reader->report, conf_line_of(CONF_BLOCK_LISTENER, &block->given, "key-alias"), block->given.where,
        "key-alias = \"%s\": a file name without / (keystore \"%s\" is a directory)", shown, keystore->alias);
}

static void resolve_keys(struct conf_reader *reader, const struct conf *conf,
                         const struct conf_listener_block *block, struct conf_listener *out)
{
    const struct conf_strings *files = &block->certificate_files;

    out->keys = conf_memory_array(reader->place.memory, block->key_aliases.count, sizeof out->keys[0]);
    if (!out->keys) {
        conf_report_add(&reader->report, block->given.line, block->given.where, "out of memory");
        return;
    }
    out->key_count = block->key_aliases.count;
    for (size_t i = 0; i < out->key_count; i++) {
        struct conf_key *key = &out->keys[i];
        struct file_option option = {CONF_BLOCK_LISTENER, &block->given, "certificate-file", ""};

        *key = (struct conf_key){.alias = block->key_aliases.items[i],
                                 .wanted = UINT32_MAX,
                                 .certificate_file = "",
                                 .certificate_pem = "",
                                 .ocsp_file = "",
                                 .ocsp_der = ""};
        if (out->keystore != CONF_NONE)
            check_file_alias(reader, block, &conf->keystores[out->keystore], key->alias);
        if (i >= files->count)
            continue;
        option.path = key->certificate_file = files->items[i];
        key->certificate_pem = read_certificates(reader, &option, &key->certificate_pem_len);
    }
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
    resolve_keys(reader, conf, block, out);
    resolve_defaults(reader, block, out);
    resolve_passive(reader, block, out);
}

/* The number that an earlier enabled listener (or key) gave to the same key; UINT32_MAX: none did. */
static uint32_t wanted_before(const struct conf *conf, size_t listener, size_t key)
{
    const struct conf_listener *wants = &conf->listeners[listener];

    for (size_t i = 0; i <= listener; i++) {
        const struct conf_listener *other = &conf->listeners[i];

        for (size_t k = 0; k < (i < listener ? other->key_count : key); k++)
            if (other->enabled && other->keystore == wants->keystore &&
                strcmp(other->keys[k].alias, wants->keys[key].alias) == 0 &&
                strcmp(other->keys[k].certificate_file, wants->keys[key].certificate_file) == 0)
                return other->keys[k].wanted;
    }
    return UINT32_MAX;
}

static void resolve_wanted(struct conf_reader *reader, struct conf *conf, size_t keystore)
{
    uint32_t next = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        struct conf_listener *listener = &conf->listeners[i];

        if (!listener->enabled || listener->keystore != (int)keystore)
            continue;
        for (size_t k = 0; k < listener->key_count; k++) {
            uint32_t before = wanted_before(conf, i, k);

            listener->keys[k].wanted = before == UINT32_MAX ? next++ : before;
        }
    }
    if (next > SIGNER_START_KEYS_MAX)
        conf_report_add(&reader->report, reader->keystores[keystore].given.line,
                        reader->keystores[keystore].given.where,
                        "enabled listeners want %u keys of it, and at most %d are possible", (unsigned)next,
                        SIGNER_START_KEYS_MAX);
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
        resolve_wanted(reader, conf, i);
}
