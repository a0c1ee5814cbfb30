#include "conf_values.h"

#include "conf_blocks.h"
#include "conf_store.h"
#include "conf_words.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static bool store_bool(struct conf_store *store)
{
    if (store->value->kind != CONF_VALUE_BOOL)
        return conf_store_refuse_whole(store);
    *(bool *)store->target = store->value->truth;
    return true;
}

static bool store_number(struct conf_store *store)
{
    long long number = store->value->number;

    if (store->value->kind != CONF_VALUE_NUMBER || number < (long long)store->option->min ||
        number > (long long)store->option->max)
        return conf_store_refuse_whole(store);
    *(uint32_t *)store->target = (uint32_t)number;
    return true;
}

static bool is_duration(const struct conf_option *option, uint64_t ms)
{
    return (ms >= option->min && ms <= option->max) || (option->or_zero && !ms);
}

static bool store_duration(struct conf_store *store)
{
    uint64_t ms;

    if (store->value->kind != CONF_VALUE_TEXT || !text_duration_ms(store->value->texts[0], &ms) ||
        !is_duration(store->option, ms))
        return conf_store_refuse_whole(store);
    *(uint64_t *)store->target = ms;
    return true;
}

static bool store_size(struct conf_store *store)
{
    uint64_t bytes;

    if (store->value->kind != CONF_VALUE_TEXT || !text_size_bytes(store->value->texts[0], &bytes) ||
        bytes < store->option->min || bytes > store->option->max)
        return conf_store_refuse_whole(store);
    *(uint64_t *)store->target = bytes;
    return true;
}

static bool store_choice(struct conf_store *store)
{
    if (store->value->kind != CONF_VALUE_TEXT)
        return conf_store_refuse_whole(store);
    for (uint32_t i = 0; store->option->choices[i]; i++) {
        if (strcmp(store->option->choices[i], store->value->texts[0]) == 0) {
            *(uint32_t *)store->target = i;
            return true;
        }
    }
    return conf_store_refuse(store, 0);
}

static bool is_good(const struct conf_option *option, const char *text)
{
    if (option->good)
        return option->good(text);
    return option->type == CONF_TYPE_FILE || option->type == CONF_TYPE_FILES ? conf_is_path(text)
                                                                             : conf_is_plain(text);
}

/* A copy; of a relative path, with the directory in front. */
static const char *copy_text(const struct conf_store *store, const char *text)
{
    bool is_path = store->option->type == CONF_TYPE_FILE || store->option->type == CONF_TYPE_FILES;
    size_t size = strlen(store->place->directory) + strlen(text) + 1;
    char *copy;

    if (store->option->type == CONF_TYPE_NAME)
        return conf_store_copy_lower(store, text);
    if (store->option->type == CONF_TYPE_VERBS)
        return conf_store_copy_upper(store, text);
    if (!is_path || !text[0] || text[0] == '/')
        return conf_memory_text(store->place->memory, text);
    copy = conf_memory_array(store->place->memory, size, 1);
    if (copy)
        (void)snprintf(copy, size, "%s%s", store->place->directory, text);
    return copy;
}

static bool store_text(struct conf_store *store)
{
    const char *copy;

    if (store->value->kind != CONF_VALUE_TEXT || !is_good(store->option, store->value->texts[0]))
        return conf_store_refuse_whole(store);
    copy = copy_text(store, store->value->texts[0]);
    if (!copy)
        return conf_store_out_of_memory(store);
    *(const char **)store->target = copy;
    return true;
}

static bool store_one_text(struct conf_store *store, size_t item, void *place)
{
    const char **out = place;

    if (!is_good(store->option, store->value->texts[item]))
        return conf_store_refuse(store, item);
    *out = copy_text(store, store->value->texts[item]);
    return *out || conf_store_out_of_memory(store);
}

static bool store_texts(struct conf_store *store)
{
    struct conf_strings *out = store->target;

    out->items = conf_store_list(store, sizeof(const char *), store_one_text, &out->count);
    return out->items != NULL;
}

static bool store_flags(struct conf_store *store)
{
    unsigned *out = store->target;
    const struct conf_value *value = store->value;

    if (!conf_store_is_list(store))
        return conf_store_refuse_whole(store);
    *out = 0;
    for (size_t i = 0; i < value->count; i++) {
        unsigned bit = 0;

        while (store->option->choices[bit] && strcmp(store->option->choices[bit], value->texts[i]) != 0)
            bit++;
        if (!store->option->choices[bit])
            return conf_store_refuse(store, i);
        *out |= 1u << bit;
    }
    return true;
}

static conf_store_function *const store_functions[CONF_TYPES] = {
    [CONF_TYPE_BOOL] = store_bool,
    [CONF_TYPE_NUMBER] = store_number,
    [CONF_TYPE_SIZE] = store_size,
    [CONF_TYPE_DURATION] = store_duration,
    [CONF_TYPE_TEXT] = store_text,
    [CONF_TYPE_NAME] = store_text,
    [CONF_TYPE_FILE] = store_text,
    [CONF_TYPE_CHOICE] = store_choice,
    [CONF_TYPE_FLAGS] = store_flags,
    [CONF_TYPE_TEXTS] = store_texts,
    [CONF_TYPE_VERBS] = store_texts,
    [CONF_TYPE_FILES] = store_texts,
    [CONF_TYPE_HOST] = conf_store_host,
    [CONF_TYPE_BACKENDS] = conf_store_backends,
    [CONF_TYPE_OPTIONAL] = conf_store_optional,
    [CONF_TYPE_ENDPOINTS] = conf_store_endpoints,
    [CONF_TYPE_PORTS] = conf_store_ports,
    [CONF_TYPE_NETWORK] = conf_store_network,
    [CONF_TYPE_NETWORKS] = conf_store_networks,
};

bool conf_value_store(const struct conf_option *option, const struct conf_value *value,
                      const struct conf_place *place, void *block, struct err *err)
{
    struct conf_store store = {option, value, place, (char *)block + option->offset, err};

    return store_functions[option->type](&store);
}

bool conf_value_preset(const struct conf_option *option, const struct conf_place *place, void *block,
                       struct err *err)
{
    struct conf_value value = {.kind = CONF_VALUE_TEXT, .count = 1, .texts = &option->preset};
    uint64_t number = 0;

    if (!option->preset) {
        if (option->type == CONF_TYPE_TEXT || option->type == CONF_TYPE_NAME ||
            option->type == CONF_TYPE_FILE)
            *(const char **)(void *)((char *)block + option->offset) = "";
        return true;
    }
    if (option->type == CONF_TYPE_BOOL) {
        value.kind = CONF_VALUE_BOOL;
        value.truth = strcmp(option->preset, "true") == 0;
    } else if (option->type == CONF_TYPE_NUMBER) {
        value.kind = CONF_VALUE_NUMBER;
        (void)text_number(option->preset, strlen(option->preset), UINT32_MAX, &number);
        value.number = (long long)number;
    }
    return conf_value_store(option, &value, place, block, err);
}
