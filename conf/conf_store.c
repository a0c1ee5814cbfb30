#include "conf_store.h"

#include "conf_report.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { ALLOWED_LEN = 256 };

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

/* "4G": likewise. */
static void size_words(uint64_t bytes, char *out, size_t size)
{
    static const char units[] = "GMK";
    unsigned shift = 30;
    size_t i = 0;

    while (units[i] && (bytes & ((1ull << shift) - 1))) {
        shift -= 10;
        i++;
    }
    if (bytes && units[i])
        (void)snprintf(out, size, "%llu%c", (unsigned long long)(bytes >> shift), units[i]);
    else
        (void)snprintf(out, size, "%llu", (unsigned long long)bytes);
}

static void range_words(const struct conf_option *option, char out[ALLOWED_LEN])
{
    char low[24], high[24];

    if (option->type == CONF_TYPE_NUMBER) {
        (void)snprintf(out, ALLOWED_LEN, "a number from %llu to %llu", (unsigned long long)option->min,
                       (unsigned long long)option->max);
    } else if (option->type == CONF_TYPE_SIZE) {
        size_words(option->min, low, sizeof low);
        size_words(option->max, high, sizeof high);
        (void)snprintf(out, ALLOWED_LEN, "a number of bytes from \"%s\" to \"%s\" (K, M, G)", low, high);
    } else {
        duration_words(option->min, low, sizeof low);
        duration_words(option->max, high, sizeof high);
        (void)snprintf(out, ALLOWED_LEN, "%sa duration from \"%s\" to \"%s\" (ms, s, m, h, d)",
                       option->or_zero ? "\"0\", or " : "", low, high);
    }
}

static void choice_words(const struct conf_option *option, char out[ALLOWED_LEN])
{
    size_t len = (size_t)snprintf(
        out, ALLOWED_LEN, option->type == CONF_TYPE_FLAGS ? "any of %s" : "one of %s", option->choices[0]);

    for (size_t i = 1; option->choices[i] && len < ALLOWED_LEN; i++)
        len += (size_t)snprintf(out + len, ALLOWED_LEN - len, ", %s", option->choices[i]);
}

/* Of types whose values are the same for each option. "" : of the option. */
static const char *fixed_words(enum conf_type type)
{
    static const char *const words[CONF_TYPES] = {
        [CONF_TYPE_BOOL] = "true or false",
        [CONF_TYPE_TEXT] = "a string on one line",
        [CONF_TYPE_NAME] = "a string on one line",
        [CONF_TYPE_FILE] = "a path",
        [CONF_TYPE_FILES] = "a path, or a list of paths",
        [CONF_TYPE_HOST] = "an IPv4 address or a host name, such as \"203.0.113.7\" or \"ftp.example.com\"",
        [CONF_TYPE_BACKENDS] = ("ADDRESS:PORT or NAME:PORT, such as \"10.0.0.5:21\", \"[2001:db8::5]:21\" or "
                                "\"ftp.example.com:21\""),
        [CONF_TYPE_OPTIONAL] =
            "one numeric ADDRESS:PORT, such as \"127.0.0.1:9911\" or \"[::1]:9911\", or \"\"",
        [CONF_TYPE_ENDPOINTS] = "numeric ADDRESS:PORT, such as \"0.0.0.0:990\" or \"[::]:990\"",
        [CONF_TYPE_NETWORK] = ("an address or network (no bits behind the prefix), such as \"198.51.100.7\", "
                               "\"198.51.100.0/24\" or \"2001:db8::/32\""),
        [CONF_TYPE_NETWORKS] =
            ("addresses or networks (no bits behind the prefix), such as \"198.51.100.7\", "
             "\"198.51.100.0/24\" or \"2001:db8::/32\""),
    };

    return type < CONF_TYPES && words[type] ? words[type] : "";
}

static void list_words(const struct conf_option *option, char out[ALLOWED_LEN])
{
    const char *what = option->allowed ? option->allowed : fixed_words(option->type);

    if (option->min)
        (void)snprintf(out, ALLOWED_LEN, "%s, %llu to %llu of them", what, (unsigned long long)option->min,
                       (unsigned long long)option->max);
    else
        (void)snprintf(out, ALLOWED_LEN, "%s, at most %llu of them", what, (unsigned long long)option->max);
}

static void allowed_words(const struct conf_option *option, char out[ALLOWED_LEN])
{
    switch (option->type) {
    case CONF_TYPE_NUMBER:
    case CONF_TYPE_SIZE:
    case CONF_TYPE_DURATION:
        range_words(option, out);
        break;
    case CONF_TYPE_CHOICE:
    case CONF_TYPE_FLAGS:
        choice_words(option, out);
        break;
    case CONF_TYPE_FILES:
    case CONF_TYPE_BACKENDS:
    case CONF_TYPE_ENDPOINTS:
    case CONF_TYPE_NETWORKS:
    case CONF_TYPE_TEXTS:
    case CONF_TYPE_VERBS:
        list_words(option, out);
        break;
    case CONF_TYPE_PORTS:
        (void)snprintf(out, ALLOWED_LEN, "\"FIRST-LAST\", ports from %d to %d%s", CONF_PASSIVE_PORT_FIRST,
                       CONF_PORT_LAST, option->min ? "" : ", or \"\"");
        break;
    case CONF_TYPE_BOOL:
    case CONF_TYPE_TEXT:
    case CONF_TYPE_NAME:
    case CONF_TYPE_FILE:
    case CONF_TYPE_HOST:
    case CONF_TYPE_OPTIONAL:
    case CONF_TYPE_NETWORK:
    case CONF_TYPES:
        (void)text_copy(out, ALLOWED_LEN, option->allowed ? option->allowed : fixed_words(option->type));
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

bool conf_store_refuse(struct conf_store *store, size_t item)
{
    char words[CONF_SHOWN_LEN + 2], allowed[ALLOWED_LEN];

    value_words(store->value, item, words, sizeof words);
    allowed_words(store->option, allowed);
    err_set(store->err, "%s = %s: %s", store->option->name, words, allowed);
    return false;
}

bool conf_store_refuse_whole(struct conf_store *store)
{
    return conf_store_refuse(store, store->value->kind == CONF_VALUE_TEXT ? 0 : SIZE_MAX);
}

bool conf_store_out_of_memory(struct conf_store *store)
{
    err_set(store->err, "%s: out of memory", store->option->name);
    return false;
}

bool conf_store_is_list(const struct conf_store *store)
{
    return store->value->kind == CONF_VALUE_TEXT ||
           (store->value->kind == CONF_VALUE_TEXTS && store->value->count >= store->option->min &&
            store->value->count <= store->option->max);
}

void *conf_store_list(struct conf_store *store, size_t size,
                      bool (*one)(struct conf_store *store, size_t item, void *place), size_t *count)
{
    size_t wanted = store->value->count;
    char *items;

    if (!conf_store_is_list(store)) {
        (void)conf_store_refuse_whole(store);
        return NULL;
    }
    items = conf_memory_array(store->place->memory, wanted, size);
    if (!items)
        (void)conf_store_out_of_memory(store);
    for (size_t i = 0; items && i < wanted; i++)
        if (!one(store, i, items + i * size))
            return NULL;
    *count = wanted;
    return items;
}

char *conf_store_copy_lower(const struct conf_store *store, const char *text)
{
    char *copy = conf_memory_text(store->place->memory, text);

    for (char *at = copy; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return copy;
}

char *conf_store_copy_upper(const struct conf_store *store, const char *text)
{
    char *copy = conf_memory_text(store->place->memory, text);

    for (char *at = copy; at && *at; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    return copy;
}
