#include "conf_keys.h"

#include "conf_check.h"
#include "conf_content.h"
#include "signer_start.h"

#include <string.h>

/* Where keys are named: a listener, one of its server names, or its backend-tls. */
struct place {
    enum conf_block_id id;
    const struct conf_given *given;
    const struct conf_key_lists *lists;
    const struct conf_keystore *keystore; /* NULL: unknown */
    bool client;
};

static void out_of_memory(struct conf_reader *reader, const struct conf_given *given)
{
    conf_report_add(&reader->report, given->line, given->where, "out of memory");
}

/* In a directory keystore the alias is a file's name. */
static void check_file_alias(struct conf_reader *reader, const struct place *place, const char *alias)
{
    char shown[CONF_SHOWN_LEN];

    if (!place->keystore || !place->keystore->directory[0] || !strchr(alias, '/'))
        return;
    conf_shown(alias, shown);
    conf_report_add(&reader->report, conf_line_of(place->id, place->given, "key-alias"), place->given->where,
                    "key-alias = \"%s\": a file name without / (keystore \"%s\" is a directory)", shown,
                    place->keystore->alias);
}

static void resolve_key(struct conf_reader *reader, const struct place *place, size_t at,
                        struct conf_key *out)
{
    const struct conf_key_lists *lists = place->lists;
    struct conf_content content = {place->id, place->given, "certificate-file", ""};

    *out = (struct conf_key){.alias = lists->aliases.items[at],
                             .certificate_file = "",
                             .certificate_pem = "",
                             .ocsp_file = "",
                             .ocsp_der = "",
                             .client = place->client,
                             .wanted = UINT32_MAX};
    check_file_alias(reader, place, out->alias);
    if (at < lists->certificate_files.count) {
        content.path = out->certificate_file = lists->certificate_files.items[at];
        out->certificate_pem = conf_content_certificates(reader, &content, &out->certificate_pem_len);
    }
    if (at < lists->ocsp_files.count && lists->ocsp_files.items[at][0]) {
        content.option = "ocsp-file";
        content.path = out->ocsp_file = lists->ocsp_files.items[at];
        out->ocsp_der = conf_content_ocsp(reader, &content, &out->ocsp_der_len);
    }
}

/* NULL (and count 0): reported. */
static struct conf_key *resolve_keys(struct conf_reader *reader, const struct place *place, size_t *count)
{
    size_t wanted = place->lists->aliases.count;
    struct conf_key *keys = conf_memory_array(reader->place.memory, wanted, sizeof keys[0]);

    *count = 0;
    if (!keys) {
        out_of_memory(reader, place->given);
        return NULL;
    }
    for (; *count < wanted; (*count)++)
        resolve_key(reader, place, *count, &keys[*count]);
    return keys;
}

static const struct conf_keystore *keystore_of(const struct conf *conf, int keystore)
{
    return keystore == CONF_NONE ? NULL : &conf->keystores[keystore];
}

static void resolve_backend_keys(struct conf_reader *reader, const struct conf *conf,
                                 const struct conf_backend_tls_block *block, struct conf_backend_tls *out)
{
    const struct place place = {CONF_BLOCK_BACKEND_TLS, &block->given, &block->keys,
                                keystore_of(conf, out->keystore), true};

    out->keys = resolve_keys(reader, &place, &out->key_count);
}

void conf_keys_resolve(struct conf_reader *reader, const struct conf *conf,
                       const struct conf_listener_block *block, struct conf_listener *out)
{
    const struct conf_keystore *keystore = keystore_of(conf, out->keystore);
    const struct place own = {CONF_BLOCK_LISTENER, &block->given, &block->keys, keystore, false};

    out->keys = resolve_keys(reader, &own, &out->key_count);
    resolve_backend_keys(reader, conf, &block->backend_tls, &out->backend_tls);
    out->server_names =
        conf_memory_array(reader->place.memory, block->name_count, sizeof out->server_names[0]);
    if (!out->server_names) {
        out_of_memory(reader, &block->given);
        return;
    }
    out->server_name_count = block->name_count;
    for (size_t i = 0; i < block->name_count; i++) {
        const struct conf_server_name_block *from = &block->names[i];
        const struct place place = {CONF_BLOCK_SERVER_NAME, &from->given, &from->keys, keystore, false};
        struct conf_server_name *to = &out->server_names[i];

        to->name = from->name;
        to->backends = from->backends;
        to->keys = resolve_keys(reader, &place, &to->key_count);
    }
}

/* The different keys of one keystore, in the order of their numbers. */
struct numbering {
    const struct conf_key *keys[SIGNER_START_KEYS_MAX];
    uint32_t count;
    bool too_many;
};

static void number_key(struct numbering *numbering, struct conf_key *key)
{
    for (uint32_t i = 0; i < numbering->count; i++) {
        const struct conf_key *before = numbering->keys[i];

        if (strcmp(before->alias, key->alias) == 0 && before->client == key->client &&
            strcmp(before->certificate_file, key->certificate_file) == 0) {
            key->wanted = i;
            return;
        }
    }
    if (numbering->count == SIGNER_START_KEYS_MAX) {
        numbering->too_many = true;
        return;
    }
    key->wanted = numbering->count;
    numbering->keys[numbering->count++] = key;
}

static void number_keys(struct numbering *numbering, struct conf_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        number_key(numbering, &keys[i]);
}

static void number_listener(struct numbering *numbering, struct conf_listener *listener, int keystore)
{
    if (listener->keystore == keystore) {
        number_keys(numbering, listener->keys, listener->key_count);
        for (size_t i = 0; i < listener->server_name_count; i++)
            number_keys(numbering, listener->server_names[i].keys, listener->server_names[i].key_count);
    }
    if (listener->backend_tls.keystore == keystore)
        number_keys(numbering, listener->backend_tls.keys, listener->backend_tls.key_count);
}

void conf_keys_number(struct conf_reader *reader, struct conf *conf, size_t keystore)
{
    const struct conf_given *given = &reader->keystores[keystore].given;
    struct numbering numbering = {.count = 0};

    for (size_t i = 0; i < conf->listener_count; i++) {
        struct conf_listener *listener = &conf->listeners[i];

        if (listener->enabled)
            number_listener(&numbering, listener, (int)keystore);
    }
    if (numbering.too_many)
        conf_report_add(&reader->report, given->line, given->where,
                        "enabled listeners want more than %d keys of it", SIGNER_START_KEYS_MAX);
}
