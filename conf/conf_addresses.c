/* Options that are addresses, networks, ports, or hosts by name. */
#include "conf_blocks.h"
#include "conf_store.h"
#include "conf_words.h"
#include "text.h"

#include <string.h>

bool conf_store_host(struct conf_store *store)
{
    struct conf_host_name *out = store->target;
    const char *text = store->value->kind == CONF_VALUE_TEXT ? store->value->texts[0] : "";
    struct err ignored;

    *out = (struct conf_host_name){.set = true, .host = ""};
    if (addr_parse_host(text, &out->addr, &ignored))
        return addr_is_v4(&out->addr) || conf_store_refuse_whole(store);
    if (!conf_is_host_name(text))
        return conf_store_refuse_whole(store);
    out->host = conf_store_copy_lower(store, text);
    return out->host || conf_store_out_of_memory(store);
}

static bool parse_endpoint(const char *text, struct addr *out)
{
    struct err ignored;

    return addr_parse(text, out, &ignored) && addr_port(out) != 0;
}

/* NAME:PORT. The name has no NUL behind it; len is its length. */
static bool parse_named(const char *text, size_t *len, uint64_t *port)
{
    const char *colon = strrchr(text, ':');
    char name[256];

    if (!colon || (size_t)(colon - text) >= sizeof name ||
        !text_number(colon + 1, strlen(colon + 1), CONF_PORT_LAST, port) || !*port)
        return false;
    *len = (size_t)(colon - text);
    memcpy(name, text, *len);
    name[*len] = 0;
    return conf_is_host_name(name);
}

static bool store_backend(struct conf_store *store, size_t item, void *place)
{
    struct conf_backend *out = place;
    const char *text = store->value->texts[item];
    uint64_t port = 0;
    size_t len = 0;
    char *host;

    out->host = "";
    out->text = conf_memory_text(store->place->memory, text);
    if (!out->text)
        return conf_store_out_of_memory(store);
    if (parse_endpoint(text, &out->addr))
        return true;
    if (!parse_named(text, &len, &port))
        return conf_store_refuse(store, item);
    host = conf_store_copy_lower(store, text);
    if (!host)
        return conf_store_out_of_memory(store);
    host[len] = 0;
    out->host = host;
    out->addr.sa.v4.sin_family = AF_INET; /* so that a port has a place */
    out->addr.len = sizeof out->addr.sa.v4;
    addr_set_port(&out->addr, (uint16_t)port);
    return true;
}

bool conf_store_backends(struct conf_store *store)
{
    struct conf_backends *out = store->target;

    out->items = conf_store_list(store, sizeof out->items[0], store_backend, &out->count);
    return out->items != NULL;
}

bool conf_store_optional(struct conf_store *store)
{
    struct conf_endpoint *out = store->target;
    const struct conf_value *value = store->value;

    if (value->kind != CONF_VALUE_TEXT)
        return conf_store_refuse_whole(store);
    out->set = value->texts[0][0];
    return !out->set || parse_endpoint(value->texts[0], &out->addr) || conf_store_refuse_whole(store);
}

static bool store_endpoint(struct conf_store *store, size_t item, void *place)
{
    return parse_endpoint(store->value->texts[item], place) || conf_store_refuse(store, item);
}

bool conf_store_endpoints(struct conf_store *store)
{
    struct conf_endpoints *out = store->target;

    out->items = conf_store_list(store, sizeof out->items[0], store_endpoint, &out->count);
    return out->items != NULL;
}

static bool parse_ports(const char *text, struct conf_ports *out)
{
    const char *dash = strchr(text, '-');
    uint64_t first, last;

    if (!dash || !text_number(text, (size_t)(dash - text), CONF_PORT_LAST, &first) ||
        !text_number(dash + 1, strlen(dash + 1), CONF_PORT_LAST, &last))
        return false;
    *out = (struct conf_ports){(uint16_t)first, (uint16_t)last};
    return first >= CONF_PASSIVE_PORT_FIRST && first <= last;
}

bool conf_store_ports(struct conf_store *store)
{
    struct conf_ports *out = store->target;

    if (store->value->kind != CONF_VALUE_TEXT)
        return conf_store_refuse_whole(store);
    *out = (struct conf_ports){0, 0};
    if (!store->value->texts[0][0] && !store->option->min)
        return true;
    return parse_ports(store->value->texts[0], out) || conf_store_refuse(store, 0);
}

/* Only zeros behind the first `prefix` bits: 10.1.2.3/8 is a slip. */
static bool is_network(const struct addr *addr, unsigned prefix)
{
    const uint8_t *bytes =
        addr_is_v4(addr) ? (const uint8_t *)&addr->sa.v4.sin_addr : (const uint8_t *)&addr->sa.v6.sin6_addr;
    unsigned bits = addr_is_v4(addr) ? 32 : 128;

    for (unsigned bit = prefix; bit < bits; bit++)
        if (bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}

static bool parse_network(const char *text, struct conf_network *out)
{
    size_t len = strcspn(text, "/");
    char host[ADDR_TEXT_LEN];
    struct err ignored;
    uint64_t prefix;

    if (len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = 0;
    if (!addr_parse_host(host, &out->addr, &ignored))
        return false;
    prefix = addr_is_v4(&out->addr) ? 32 : 128;
    if (text[len] && !text_number(text + len + 1, strlen(text + len + 1), prefix, &prefix))
        return false;
    out->prefix = (unsigned)prefix;
    return is_network(&out->addr, out->prefix);
}

bool conf_store_network(struct conf_store *store)
{
    if (store->value->kind != CONF_VALUE_TEXT || !parse_network(store->value->texts[0], store->target))
        return conf_store_refuse_whole(store);
    return true;
}

static bool store_network(struct conf_store *store, size_t item, void *place)
{
    return parse_network(store->value->texts[item], place) || conf_store_refuse(store, item);
}

bool conf_store_networks(struct conf_store *store)
{
    struct conf_networks *out = store->target;

    out->items = conf_store_list(store, sizeof out->items[0], store_network, &out->count);
    return out->items != NULL;
}
