#include "conf_shape.h"

#include "buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHAPE_BYTES_MAX = 256 * 1024 * 1024 };

struct shape {
    struct conf_reader *reader;
    struct buf out;
    bool whole;
};

/* -- values --------------------------------------------------------------------------------------- */

/* With its length in front, so that no two lists of bytes look alike; and no NUL. */
static void put_bytes(struct shape *shape, const char *bytes, size_t len)
{
    shape->whole = shape->whole && buf_printf(&shape->out, " %zu:", len);
    while (len && shape->whole) {
        const char *zero = memchr(bytes, 0, len);
        size_t piece = zero ? (size_t)(zero - bytes) : len;

        shape->whole = buf_add(&shape->out, bytes, piece) && (!zero || buf_add_text(&shape->out, "\\0"));
        bytes += piece + (zero != NULL);
        len -= piece + (zero != NULL);
    }
}

static void put_text(struct shape *shape, const char *text)
{
    put_bytes(shape, text, strlen(text));
}

static void put_number(struct shape *shape, uint64_t number)
{
    shape->whole = shape->whole && buf_printf(&shape->out, " %" PRIu64, number);
}

static void put_texts(struct shape *shape, const struct conf_strings *texts)
{
    put_number(shape, texts->count);
    for (size_t i = 0; i < texts->count; i++)
        put_text(shape, texts->items[i]);
}

static void put_addr(struct shape *shape, const struct addr *addr)
{
    char text[ADDR_TEXT_LEN];

    addr_text(addr, text);
    put_text(shape, text);
}

static void put_network(struct shape *shape, const struct conf_network *network)
{
    put_addr(shape, &network->addr);
    put_number(shape, network->prefix);
}

static void put_host(struct shape *shape, const struct conf_host_name *host)
{
    put_number(shape, host->set);
    if (!host->set)
        return;
    put_text(shape, host->host);
    if (!host->host[0])
        put_addr(shape, &host->addr);
}

static void put_lists(struct shape *shape, enum conf_type type, const void *value)
{
    const struct conf_backends *backends = value;
    const struct conf_endpoints *endpoints = value;
    const struct conf_networks *networks = value;

    if (type == CONF_TYPE_BACKENDS) {
        put_number(shape, backends->count);
        for (size_t i = 0; i < backends->count; i++)
            put_text(shape, backends->items[i].text);
    } else if (type == CONF_TYPE_ENDPOINTS) {
        put_number(shape, endpoints->count);
        for (size_t i = 0; i < endpoints->count; i++)
            put_addr(shape, &endpoints->items[i]);
    } else {
        put_number(shape, networks->count);
        for (size_t i = 0; i < networks->count; i++)
            put_network(shape, &networks->items[i]);
    }
}

static void put_endpoint(struct shape *shape, const struct conf_endpoint *endpoint)
{
    put_number(shape, endpoint->set);
    if (endpoint->set)
        put_addr(shape, &endpoint->addr);
}

static void put_value(struct shape *shape, enum conf_type type, const void *value)
{
    switch (type) {
    case CONF_TYPE_BOOL:
        put_number(shape, *(const bool *)value);
        break;
    case CONF_TYPE_NUMBER:
    case CONF_TYPE_CHOICE:
    case CONF_TYPE_FLAGS:
        put_number(shape, *(const uint32_t *)value);
        break;
    case CONF_TYPE_SIZE:
    case CONF_TYPE_DURATION:
        put_number(shape, *(const uint64_t *)value);
        break;
    case CONF_TYPE_TEXT:
    case CONF_TYPE_NAME:
    case CONF_TYPE_FILE:
        put_text(shape, *(const char *const *)value);
        break;
    case CONF_TYPE_TEXTS:
    case CONF_TYPE_VERBS:
    case CONF_TYPE_FILES:
        put_texts(shape, value);
        break;
    case CONF_TYPE_HOST:
        put_host(shape, value);
        break;
    case CONF_TYPE_OPTIONAL:
        put_endpoint(shape, value);
        break;
    case CONF_TYPE_PORTS:
        put_number(shape, ((const struct conf_ports *)value)->first);
        put_number(shape, ((const struct conf_ports *)value)->last);
        break;
    case CONF_TYPE_NETWORK:
        put_network(shape, value);
        break;
    case CONF_TYPE_BACKENDS:
    case CONF_TYPE_ENDPOINTS:
    case CONF_TYPE_NETWORKS:
    case CONF_TYPES:
        put_lists(shape, type, value);
        break;
    }
}

/* -- blocks --------------------------------------------------------------------------------------- */

static void put_name(struct shape *shape, const char *name)
{
    shape->whole = shape->whole && buf_printf(&shape->out, "\n%s", name);
}

static void put_block(struct shape *shape, enum conf_block_id id, const void *from)
{
    const struct conf_block *block = conf_block(id);

    put_name(shape, block->name);
    for (size_t i = 0; i < block->option_count; i++) {
        const struct conf_option *option = &block->options[i];

        if (option->policy)
            continue;
        put_name(shape, option->name);
        put_value(shape, option->type, (const char *)from + option->offset);
    }
}

static void put_blocks(struct shape *shape, enum conf_block_id id, const void *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put_block(shape, id, (const char *)blocks + i * conf_block(id)->size);
}

/* Whether a file that is not read here is another one than before; see conf_files_mark. */
static void put_mark(struct shape *shape, const char *directory, const char *name, const char *ending)
{
    char path[4096], mark[128];

    if (snprintf(path, sizeof path, "%s%s%s%s", directory, directory[0] ? "/" : "", name, ending) >=
        (int)sizeof path)
        return;
    conf_files_mark(shape->reader->files, path, mark, sizeof mark);
    put_text(shape, mark);
}

static void put_keys(struct shape *shape, const struct conf_key *keys, size_t count,
                     const struct conf_keystore *keystore)
{
    for (size_t i = 0; i < count; i++) {
        put_bytes(shape, keys[i].certificate_pem, keys[i].certificate_pem_len);
        put_bytes(shape, keys[i].ocsp_der, keys[i].ocsp_der_len);
        if (!keystore || !keystore->directory[0])
            continue;
        put_mark(shape, keystore->directory, keys[i].alias, ".key");
        put_mark(shape, keystore->directory, keys[i].alias, ".crt");
    }
}

/* Not the truststore's bytes: the policy swaps those in place, on the way out too. */
static void put_backend_tls(struct shape *shape, const struct conf *conf,
                            const struct conf_listener_block *block, const struct conf_backend_tls *tls)
{
    if (!tls->set)
        return;
    put_block(shape, CONF_BLOCK_BACKEND_TLS, &block->backend_tls);
    put_keys(shape, tls->keys, tls->key_count, tls->keystore < 0 ? NULL : &conf->keystores[tls->keystore]);
}

static void put_listener(struct shape *shape, const struct conf *conf, size_t index)
{
    const struct conf_listener_block *block = &shape->reader->listeners[index];
    const struct conf_listener *listener = &conf->listeners[index];
    const struct conf_keystore *keystore =
        listener->keystore < 0 ? NULL : &conf->keystores[listener->keystore];

    put_block(shape, CONF_BLOCK_LISTENER, block);
    put_keys(shape, listener->keys, listener->key_count, keystore);
    put_blocks(shape, CONF_BLOCK_SERVER_NAME, block->names, block->name_count);
    for (size_t i = 0; i < listener->server_name_count; i++)
        put_keys(shape, listener->server_names[i].keys, listener->server_names[i].key_count, keystore);
    put_blocks(shape, CONF_BLOCK_PASSIVE_FOR, block->passive_for, block->passive_for_count);
    put_blocks(shape, CONF_BLOCK_ROUTE, block->routes, block->route_count);
    put_backend_tls(shape, conf, block, &listener->backend_tls);
}

void conf_shape(struct conf_reader *reader, struct conf *conf)
{
    struct shape shape = {.reader = reader, .whole = true};

    if (reader->report.errors->count)
        return;
    buf_init(&shape.out, SHAPE_BYTES_MAX);
    put_block(&shape, CONF_BLOCK_SERVER, &reader->server);
    put_block(&shape, CONF_BLOCK_LOG, &reader->log);
    put_block(&shape, CONF_BLOCK_ADMIN, &reader->admin);
    put_blocks(&shape, CONF_BLOCK_KEYSTORE, reader->keystores, reader->keystore_count);
    for (size_t i = 0; i < reader->keystore_count; i++)
        put_mark(&shape, "", reader->keystores[i].value.pin_file, "");
    put_blocks(&shape, CONF_BLOCK_TRUSTSTORE, reader->truststores, reader->truststore_count);
    for (size_t i = 0; i < conf->listener_count; i++)
        put_listener(&shape, conf, i);
    if (shape.whole)
        conf->shape =
            conf_memory_bytes(reader->place.memory, (const char *)buf_data(&shape.out), buf_len(&shape.out));
    if (!shape.whole || !conf->shape)
        conf_report_add(&reader->report, 0, "", "out of memory");
    buf_free(&shape.out);
}
