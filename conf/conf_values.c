#include "conf_values.h"

#include "conf_blocks.h"
#include "conf_report.h"
#include "conf_words.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { ALLOWED_LEN = 256, FIRST_PASSIVE_PORT = 1024, LAST_PORT = 65535 };

/* One value on its way to its place. */
struct store {
    const struct conf_option *option;
    const struct conf_value *value;
    const struct conf_place *place;
    void *target;
    struct err *err;
};

typedef bool store_function(struct store *store);

/* "30s": the largest unit that divides it. */
static void duration_words(uint64_t ms, char *out, size_t size)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t i = 0;

    while (ms % units[i].ms)
        i++;
    if (ms)
        (void)snprintf(out, size, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].name);
    else
        (void)text_copy(out, size, "0");
}

static void choice_words(const char *const *choices, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "one of %s", choices[0]);

    for (size_t i = 1; choices[i] && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, ", %s", choices[i]);
}

static void count_words(const struct conf_option *option, const char *what, char *out, size_t size)
{
    if (option->min)
        (void)snprintf(out, size, "%s, %llu to %llu of them", what, (unsigned long long)option->min,
                       (unsigned long long)option->max);
    else
        (void)snprintf(out, size, "%s, at most %llu of them", what, (unsigned long long)option->max);
}

static void allowed_words(const struct conf_option *option, char out[ALLOWED_LEN])
{
    char low[24], high[24];

    switch (option->type) {
    case CONF_TYPE_BOOL:
        (void)text_copy(out, ALLOWED_LEN, "true or false");
        break;
    case CONF_TYPE_NUMBER:
        (void)snprintf(out, ALLOWED_LEN, "a number from %llu to %llu", (unsigned long long)option->min,
                       (unsigned long long)option->max);
        break;
    case CONF_TYPE_DURATION:
        duration_words(option->min, low, sizeof low);
        duration_words(option->max, high, sizeof high);
        (void)snprintf(out, ALLOWED_LEN, "a duration from \"%s\" to \"%s\" (ms, s, m, h, d)", low, high);
        break;
    case CONF_TYPE_CHOICE:
        choice_words(option->choices, out, ALLOWED_LEN);
        break;
    case CONF_TYPE_FILE:
        (void)text_copy(out, ALLOWED_LEN, option->allowed ? option->allowed : "a path");
        break;
    case CONF_TYPE_FILES:
        count_words(option, option->allowed ? option->allowed : "a path, or a list of paths", out,
                    ALLOWED_LEN);
        break;
    case CONF_TYPE_HOST:
        (void)text_copy(out, ALLOWED_LEN, "a numeric IPv4 address, such as \"203.0.113.7\"");
        break;
    case CONF_TYPE_ENDPOINT:
        (void)text_copy(out, ALLOWED_LEN,
                        "one numeric ADDRESS:PORT, such as \"10.0.0.5:21\" or \"[2001:db8::5]:21\"");
        break;
    case CONF_TYPE_OPTIONAL:
        (void)text_copy(out, ALLOWED_LEN,
                        "one numeric ADDRESS:PORT, such as \"127.0.0.1:9911\" or \"[::1]:9911\", or \"\"");
        break;
    case CONF_TYPE_ENDPOINTS:
        count_words(option, "numeric ADDRESS:PORT, such as \"0.0.0.0:990\" or \"[::]:990\"", out,
                    ALLOWED_LEN);
        break;
    case CONF_TYPE_PORTS:
        (void)snprintf(out, ALLOWED_LEN, "\"FIRST-LAST\", ports from %d to %d", FIRST_PASSIVE_PORT,
                       LAST_PORT);
        break;
    case CONF_TYPE_TEXTS:
        count_words(option, option->allowed, out, ALLOWED_LEN);
        break;
    case CONF_TYPE_TEXT:
    case CONF_TYPE_NAME:
        (void)text_copy(out, ALLOWED_LEN, option->allowed ? option->allowed : "a string on one line");
        break;
    }
}

/* The value as the file has it; of a list, the item that is wrong. */
static void value_words(const struct conf_value *value, size_t item, char *out, size_t size)
{
    char shown[CONF_SHOWN_LEN];

    if (value->kind == CONF_VALUE_BOOL) {
        (void)text_copy(out, size, value->truth ? "true" : "false");
    } else if (value->kind == CONF_VALUE_NUMBER) {
        (void)snprintf(out, size, "%lld", value->number);
    } else if (value->kind == CONF_VALUE_FRACTION) {
        (void)snprintf(out, size, "%g", value->fraction);
    } else if (value->kind == CONF_VALUE_OTHER) {
        (void)text_copy(out, size, value->other);
    } else if (item < value->count) {
        conf_shown(value->texts[item], shown);
        (void)snprintf(out, size, "\"%s\"", shown);
    } else {
        (void)text_copy(out, size, value->count ? "[ ... ]" : "[ ]");
    }
}

/* Always false, so that a caller may return it. */
static bool refuse(struct store *store, size_t item)
{
    char words[CONF_SHOWN_LEN + 2], allowed[ALLOWED_LEN];

    value_words(store->value, item, words, sizeof words);
    allowed_words(store->option, allowed);
    err_set(store->err, "%s = %s: %s", store->option->name, words, allowed);
    return false;
}

static bool refuse_whole(struct store *store)
{
    return refuse(store, store->value->kind == CONF_VALUE_TEXT ? 0 : SIZE_MAX);
}

static bool out_of_memory(struct store *store)
{
    err_set(store->err, "%s: out of memory", store->option->name);
    return false;
}

static bool store_bool(struct store *store)
{
    if (store->value->kind != CONF_VALUE_BOOL)
        return refuse_whole(store);
    *(bool *)store->target = store->value->truth;
    return true;
}

static bool store_number(struct store *store)
{
    long long number = store->value->number;

    if (store->value->kind != CONF_VALUE_NUMBER || number < (long long)store->option->min ||
        number > (long long)store->option->max)
        return refuse_whole(store);
    *(uint32_t *)store->target = (uint32_t)number;
    return true;
}

static bool store_duration(struct store *store)
{
    uint64_t ms;

    if (store->value->kind != CONF_VALUE_TEXT || !text_duration_ms(store->value->texts[0], &ms) ||
        ms < store->option->min || ms > store->option->max)
        return refuse_whole(store);
    *(uint64_t *)store->target = ms;
    return true;
}

static bool store_choice(struct store *store)
{
    if (store->value->kind != CONF_VALUE_TEXT)
        return refuse_whole(store);
    for (uint32_t i = 0; store->option->choices[i]; i++) {
        if (strcmp(store->option->choices[i], store->value->texts[0]) == 0) {
            *(uint32_t *)store->target = i;
            return true;
        }
    }
    return refuse(store, 0);
}

static bool is_good(const struct conf_option *option, const char *text)
{
    if (option->good)
        return option->good(text);
    return option->type == CONF_TYPE_FILE || option->type == CONF_TYPE_FILES ? conf_is_path(text)
                                                                             : conf_is_plain(text);
}

static const char *copy_lower(const struct store *store, const char *text)
{
    char *copy = conf_memory_text(store->place->memory, text);

    for (char *at = copy; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

/* A copy; of a relative path, with the directory in front. */
static const char *copy_text(const struct store *store, const char *text)
{
    bool is_path = store->option->type == CONF_TYPE_FILE || store->option->type == CONF_TYPE_FILES;
    size_t size = strlen(store->place->directory) + strlen(text) + 1;
    char *copy;

    if (store->option->type == CONF_TYPE_NAME)
        return copy_lower(store, text);
    if (!is_path || !text[0] || text[0] == '/')
        return conf_memory_text(store->place->memory, text);
    copy = conf_memory_array(store->place->memory, size, 1);
    if (copy)
        (void)snprintf(copy, size, "%s%s", store->place->directory, text);
    return copy;
}

static bool store_text(struct store *store)
{
    const char *copy;

    if (store->value->kind != CONF_VALUE_TEXT || !is_good(store->option, store->value->texts[0]))
        return refuse_whole(store);
    copy = copy_text(store, store->value->texts[0]);
    if (!copy)
        return out_of_memory(store);
    *(const char **)store->target = copy;
    return true;
}

static bool is_list(const struct store *store)
{
    return store->value->kind == CONF_VALUE_TEXT ||
           (store->value->kind == CONF_VALUE_TEXTS && store->value->count >= store->option->min &&
            store->value->count <= store->option->max);
}

static bool store_texts(struct store *store)
{
    struct conf_strings *out = store->target;
    const struct conf_value *value = store->value;

    if (!is_list(store))
        return refuse_whole(store);
    out->items = conf_memory_array(store->place->memory, value->count, sizeof out->items[0]);
    if (!out->items)
        return out_of_memory(store);
    for (size_t i = 0; i < value->count; i++) {
        if (!is_good(store->option, value->texts[i]))
            return refuse(store, i);
        out->items[i] = copy_text(store, value->texts[i]);
        if (!out->items[i])
            return out_of_memory(store);
    }
    out->count = value->count;
    return true;
}

static bool store_host(struct store *store)
{
    struct conf_host *out = store->target;
    struct err ignored;

    if (store->value->kind != CONF_VALUE_TEXT ||
        !addr_parse_host(store->value->texts[0], &out->addr, &ignored) || !addr_is_v4(&out->addr))
        return refuse_whole(store);
    out->set = true;
    return true;
}

static bool parse_endpoint(const char *text, struct addr *out)
{
    struct err ignored;

    return addr_parse(text, out, &ignored) && addr_port(out) != 0;
}

static bool store_endpoint(struct store *store)
{
    const struct conf_value *value = store->value;

    if ((value->kind != CONF_VALUE_TEXT && value->kind != CONF_VALUE_TEXTS) || value->count != 1)
        return refuse_whole(store);
    return parse_endpoint(value->texts[0], store->target) || refuse(store, 0);
}

static bool store_optional(struct store *store)
{
    struct conf_endpoint *out = store->target;
    const struct conf_value *value = store->value;

    if (value->kind != CONF_VALUE_TEXT)
        return refuse_whole(store);
    out->set = value->texts[0][0];
    return !out->set || parse_endpoint(value->texts[0], &out->addr) || refuse_whole(store);
}

static bool store_endpoints(struct store *store)
{
    struct conf_endpoints *out = store->target;
    const struct conf_value *value = store->value;

    if (!is_list(store))
        return refuse_whole(store);
    out->items = conf_memory_array(store->place->memory, value->count, sizeof out->items[0]);
    if (!out->items)
        return out_of_memory(store);
    for (size_t i = 0; i < value->count; i++)
        if (!parse_endpoint(value->texts[i], &out->items[i]))
            return refuse(store, i);
    out->count = value->count;
    return true;
}

static bool parse_ports(const char *text, struct conf_ports *out)
{
    const char *dash = strchr(text, '-');
    uint64_t first, last;

    if (!dash || !text_number(text, (size_t)(dash - text), LAST_PORT, &first) ||
        !text_number(dash + 1, strlen(dash + 1), LAST_PORT, &last))
        return false;
    *out = (struct conf_ports){(uint16_t)first, (uint16_t)last};
    return first >= FIRST_PASSIVE_PORT && first <= last;
}

static bool store_ports(struct store *store)
{
    if (store->value->kind != CONF_VALUE_TEXT || !parse_ports(store->value->texts[0], store->target))
        return refuse_whole(store);
    return true;
}

static store_function *const store_functions[] = {
    [CONF_TYPE_BOOL] = store_bool,           [CONF_TYPE_NUMBER] = store_number,
    [CONF_TYPE_DURATION] = store_duration,   [CONF_TYPE_TEXT] = store_text,
    [CONF_TYPE_FILE] = store_text,           [CONF_TYPE_CHOICE] = store_choice,
    [CONF_TYPE_TEXTS] = store_texts,         [CONF_TYPE_FILES] = store_texts,
    [CONF_TYPE_HOST] = store_host,           [CONF_TYPE_ENDPOINT] = store_endpoint,
    [CONF_TYPE_ENDPOINTS] = store_endpoints, [CONF_TYPE_PORTS] = store_ports,
    [CONF_TYPE_NAME] = store_text,           [CONF_TYPE_OPTIONAL] = store_optional,
};

bool conf_value_store(const struct conf_option *option, const struct conf_value *value,
                      const struct conf_place *place, void *block, struct err *err)
{
    struct store store = {option, value, place, (char *)block + option->offset, err};

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
