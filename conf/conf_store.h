/*
 * One value on its way from the file to its place, and the words for one that cannot go there. What each
 * type of option does with it is in conf_values.c and conf_addresses.c. Only they see it.
 */
#pragma once

#include "conf_values.h"

struct conf_store {
    const struct conf_option *option;
    const struct conf_value *value;
    const struct conf_place *place;
    void *target;
    struct err *err;
};

/* false: store->err says why. */
typedef bool conf_store_function(struct conf_store *store);

/* Always false, so that a caller may return it. item: which of a list is wrong. */
bool conf_store_refuse(struct conf_store *store, size_t item);
bool conf_store_refuse_whole(struct conf_store *store);
bool conf_store_out_of_memory(struct conf_store *store);

/* As many texts as the option allows; one stands for a list. */
bool conf_store_is_list(const struct conf_store *store);

/* Makes a list of items of this size, one by one; NULL: store->err says why. An empty list is not NULL. */
void *conf_store_list(struct conf_store *store, size_t size,
                      bool (*one)(struct conf_store *store, size_t item, void *place), size_t *count);

/* A copy in lower or upper case (ASCII), in memory of the configuration; NULL: out of memory. */
char *conf_store_copy_lower(const struct conf_store *store, const char *text);
char *conf_store_copy_upper(const struct conf_store *store, const char *text);

conf_store_function conf_store_host, conf_store_backends, conf_store_optional, conf_store_endpoints;
conf_store_function conf_store_ports, conf_store_network, conf_store_networks;

enum { CONF_PASSIVE_PORT_FIRST = 1024, CONF_PORT_LAST = 65535 };
