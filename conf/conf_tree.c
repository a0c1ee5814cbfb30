#include "conf_reader.h"
#include "conf_words.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES_MAX = 63 };

/* Every item of a list or array is a string: then it is a list of texts. */
static bool all_texts(const config_setting_t *setting)
{
    for (int i = 0; i < config_setting_length(setting); i++)
        if (config_setting_type(config_setting_get_elem(setting, (unsigned)i)) != CONFIG_TYPE_STRING)
            return false;
    return true;
}

static bool take_texts(const struct conf_place *place, const config_setting_t *setting,
                       struct conf_value *out)
{
    size_t count = (size_t)config_setting_length(setting);
    const char **texts = conf_memory_array(place->memory, count, sizeof texts[0]);

    if (!texts)
        return false;
    for (size_t i = 0; i < count; i++)
        texts[i] = config_setting_get_string_elem(setting, (int)i);
    *out = (struct conf_value){.kind = CONF_VALUE_TEXTS, .count = count, .texts = texts};
    return true;
}

/* false: out of memory. single is where the one text of a string stands, for as long as out is used. */
static bool take_value(const struct conf_place *place, const config_setting_t *setting, const char **single,
                       struct conf_value *out)
{
    *out = (struct conf_value){.kind = CONF_VALUE_OTHER, .other = "( ... )"};
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_BOOL:
        *out = (struct conf_value){.kind = CONF_VALUE_BOOL, .truth = config_setting_get_bool(setting)};
        return true;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        *out = (struct conf_value){.kind = CONF_VALUE_NUMBER, .number = config_setting_get_int64(setting)};
        return true;
    case CONFIG_TYPE_STRING:
        *single = config_setting_get_string(setting);
        *out = (struct conf_value){.kind = CONF_VALUE_TEXT, .count = 1, .texts = single};
        return true;
    case CONFIG_TYPE_FLOAT:
        *out =
            (struct conf_value){.kind = CONF_VALUE_FRACTION, .fraction = config_setting_get_float(setting)};
        return true;
    case CONFIG_TYPE_GROUP:
        out->other = "{ ... }";
        return true;
    default:
        return !all_texts(setting) || take_texts(place, setting, out);
    }
}

static int line_of(const config_setting_t *setting)
{
    return (int)config_setting_source_line(setting);
}

/* The known name that is nearest to a wrong one, when it is near enough to be what was meant. */
struct nearest {
    const char *wrong, *best;
    unsigned distance;
};

static void nearest_try(struct nearest *nearest, const char *name)
{
    unsigned distance = text_distance(nearest->wrong, name);

    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->best = name;
    }
}

/* A block that stands in blocks of another kind, by the setting that holds it; NULL: there is none. */
static const struct conf_block *block_within(enum conf_block_id outer, const char *list)
{
    for (int id = CONF_BLOCK_SERVER + 1; id < CONF_BLOCKS; id++) {
        const struct conf_block *block = conf_block((enum conf_block_id)id);

        if (block->within == outer && strcmp(block->list, list) == 0)
            return block;
    }
    return NULL;
}

static const char *nearest_name(enum conf_block_id id, const char *wrong)
{
    const struct conf_block *block = conf_block(id);
    struct nearest nearest = {.wrong = wrong, .distance = 2 + (unsigned)strnlen(wrong, NAME_BYTES_MAX) / 3};

    for (size_t i = 0; i < block->option_count; i++)
        nearest_try(&nearest, block->options[i].name);
    for (int other = CONF_BLOCK_SERVER + 1; other < CONF_BLOCKS; other++)
        if (conf_block((enum conf_block_id)other)->within == id)
            nearest_try(&nearest, conf_block((enum conf_block_id)other)->list);
    return nearest.best;
}

/* The kind of block that takes an option or list of that name. */
static const struct conf_block *home_of(const char *name)
{
    for (int id = 0; id < CONF_BLOCKS; id++) {
        const struct conf_block *block = conf_block((enum conf_block_id)id);

        if (conf_option_index(block, name) >= 0 || block_within((enum conf_block_id)id, name))
            return block;
    }
    return NULL;
}

static void report_unknown(struct conf_reader *reader, enum conf_block_id id, const struct conf_given *given,
                           const config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    const char *best = nearest_name(id, name);
    const struct conf_block *home = home_of(name);
    char shown[CONF_SHOWN_LEN];

    conf_shown(name, shown);
    if (home && home->many)
        conf_report_add(&reader->report, line_of(setting), given->where,
                        "unknown option \"%s\": it belongs into a block of %s", shown, home->list);
    else if (home && home->name[0])
        conf_report_add(&reader->report, line_of(setting), given->where,
                        "unknown option \"%s\": it belongs into the %s block", shown, home->name);
    else if (home)
        conf_report_add(&reader->report, line_of(setting), given->where,
                        "unknown option \"%s\": it belongs outside of the blocks", shown);
    else if (best)
        conf_report_add(&reader->report, line_of(setting), given->where,
                        "unknown option \"%s\"; did you mean \"%s\"?", shown, best);
    else
        conf_report_add(&reader->report, line_of(setting), given->where, "unknown option \"%s\"", shown);
}

static void read_option(struct conf_reader *reader, const struct conf_option *option, size_t index,
                        const config_setting_t *setting, void *into)
{
    struct conf_given *given = into;
    struct conf_value value;
    const char *single = NULL;
    struct err err = {.text = ""};

    given->present |= 1ull << index;
    given->lines[index] = line_of(setting);
    if (!take_value(&reader->place, setting, &single, &value))
        err_set(&err, "%s: out of memory", option->name);
    else if (conf_value_store(option, &value, &reader->place, into, &err))
        return;
    given->refused |= 1ull << index;
    conf_report_add(&reader->report, line_of(setting), given->where, "%s", err.text);
}

/* First, so that an option that is absent or refused has a value all the same. */
static void read_presets(struct conf_reader *reader, const struct conf_block *block, void *into)
{
    const struct conf_given *given = into;
    struct err err;

    for (size_t i = 0; i < block->option_count; i++)
        if (!conf_value_preset(&block->options[i], &reader->place, into, &err))
            conf_report_add(&reader->report, given->line, given->where, "%s", err.text);
}

static void check_required(struct conf_reader *reader, const struct conf_block *block,
                           struct conf_given *given)
{
    for (size_t i = 0; i < block->option_count; i++) {
        if (!block->options[i].required || given->present >> i & 1)
            continue;
        given->refused |= 1ull << i;
        conf_report_add(&reader->report, given->line, given->where, "%s is missing", block->options[i].name);
    }
}

/* into begins with a struct conf_given of which line and where are set. group NULL: the block is absent. */
static void read_block(struct conf_reader *reader, enum conf_block_id id, const config_setting_t *group,
                       void *into)
{
    const struct conf_block *block = conf_block(id);
    struct conf_given *given = into;

    read_presets(reader, block, into);
    for (int i = 0; group && i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        int index = conf_option_index(block, config_setting_name(setting));

        if (index >= 0)
            read_option(reader, &block->options[index], (size_t)index, setting, into);
        else if (!block_within(id, config_setting_name(setting)))
            report_unknown(reader, id, given, setting);
    }
    check_required(reader, block, given);
}

/* `listener "ftps-edge"`, with the block around it in front; a number where there is no good name. */
static void name_block(const struct conf_block *block, const config_setting_t *group, const char *around,
                       size_t number, struct conf_given *given)
{
    const struct conf_option *named = &block->options[0];
    const char *colon = around[0] ? ": " : "";
    const char *name;

    given->line = line_of(group);
    if (config_setting_lookup_string(group, named->name, &name) && named->good(name))
        (void)snprintf(given->where, sizeof given->where, "%s%s%s \"%s\"", around, colon, block->name, name);
    else
        (void)snprintf(given->where, sizeof given->where, "%s%s%s %zu", around, colon, block->name, number);
}

/* "ftps and ftp" */
static void protocol_words(unsigned protocols, char *out, size_t size)
{
    size_t len = 0;

    out[0] = 0;
    for (unsigned i = 0; conf_protocol_names[i] && len < size; i++)
        if (protocols >> i & 1)
            len +=
                (size_t)snprintf(out + len, size - len, "%s%s", len ? " and " : "", conf_protocol_names[i]);
}

static void check_protocol(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_block *block = conf_block(CONF_BLOCK_LISTENER);
    const struct conf_given *given = &listener->given;
    char words[64];

    if (given->refused >> conf_option_index(block, "protocol") & 1)
        return;
    for (size_t i = 0; i < block->option_count; i++) {
        unsigned protocols = block->options[i].protocols;

        if (!(given->present >> i & 1) || !protocols || protocols >> listener->protocol & 1)
            continue;
        protocol_words(protocols, words, sizeof words);
        conf_report_add(&reader->report, given->lines[i], given->where,
                        "%s: only for protocol %s, and this is %s", block->options[i].name, words,
                        conf_protocol_names[listener->protocol]);
    }
}

/* Where a list of blocks stands. */
struct holder {
    const config_setting_t *group;
    const char *where; /* "" : outside of the blocks */
};

static size_t list_length(struct conf_reader *reader, const struct conf_block *block,
                          const config_setting_t *list, const char *where)
{
    size_t count;

    if (!list)
        return 0;
    if (!config_setting_is_list(list)) {
        conf_report_add(&reader->report, line_of(list), where, "%s: a list of blocks, ( { ... }, { ... } )",
                        block->list);
        return 0;
    }
    count = (size_t)config_setting_length(list);
    if (count <= block->count_max)
        return count;
    conf_report_add(&reader->report, line_of(list), where, "%s: %zu blocks, and at most %zu are possible",
                    block->list, count, block->count_max);
    return block->count_max;
}

/* The blocks of one list, in memory of the configuration; NULL (and count 0) when memory is out. */
static void *read_list(struct conf_reader *reader, enum conf_block_id id, const struct holder *holder,
                       size_t *count)
{
    const struct conf_block *block = conf_block(id);
    const config_setting_t *list = config_setting_get_member(holder->group, block->list);
    size_t length = list_length(reader, block, list, holder->where);
    char *blocks = conf_memory_array(reader->place.memory, length, block->size);

    *count = 0;
    if (!blocks) {
        conf_report_add(&reader->report, 0, holder->where, "%s: out of memory", block->list);
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        void *into = blocks + *count * block->size;

        if (!config_setting_is_group(group)) {
            conf_report_add(&reader->report, line_of(group), holder->where, "%s: block %zu is not { ... }",
                            block->list, i + 1);
            continue;
        }
        name_block(block, group, holder->where, i + 1, into);
        read_block(reader, id, group, into);
        (*count)++;
    }
    return blocks;
}

/* How many blocks a list is meant to have, whether they are right or not. */
static size_t listed(const config_setting_t *holder, const char *list)
{
    const config_setting_t *setting = config_setting_get_member(holder, list);

    if (!setting)
        return 0;
    return config_setting_is_list(setting) ? (size_t)config_setting_length(setting) : 1;
}

/* The names of each listener that was read, which are the blocks of its list that are blocks. */
static void read_server_names(struct conf_reader *reader, const config_setting_t *root)
{
    const char *list = conf_block(CONF_BLOCK_SERVER_NAME)->list;
    const config_setting_t *listeners =
        config_setting_get_member(root, conf_block(CONF_BLOCK_LISTENER)->list);
    size_t at = 0;

    for (unsigned i = 0; at < reader->listener_count; i++) {
        struct conf_listener_block *listener = &reader->listeners[at];
        const struct holder holder = {config_setting_get_elem(listeners, i), listener->given.where};

        if (!config_setting_is_group(holder.group))
            continue;
        listener->names_listed = listed(holder.group, list);
        listener->names = read_list(reader, CONF_BLOCK_SERVER_NAME, &holder, &listener->name_count);
        at++;
    }
}

/* A block of which there is one, or none. into begins with a struct conf_given. */
static void read_single(struct conf_reader *reader, enum conf_block_id id, const config_setting_t *root,
                        void *into)
{
    const struct conf_block *block = conf_block(id);
    const config_setting_t *group = config_setting_get_member(root, block->list);
    struct conf_given *given = into;

    (void)text_copy(given->where, sizeof given->where, block->name);
    if (group && !config_setting_is_group(group)) {
        conf_report_add(&reader->report, line_of(group), "", "%s: a block, { ... }", block->list);
        group = NULL;
    }
    given->line = group ? line_of(group) : 0;
    read_block(reader, id, group, into);
}

void conf_read_blocks(struct conf_reader *reader, const config_setting_t *root)
{
    const struct holder file = {root, ""};

    read_block(reader, CONF_BLOCK_SERVER, root, &reader->server);
    read_single(reader, CONF_BLOCK_LOG, root, &reader->log);
    read_single(reader, CONF_BLOCK_ADMIN, root, &reader->admin);
    reader->keystores = read_list(reader, CONF_BLOCK_KEYSTORE, &file, &reader->keystore_count);
    reader->truststores = read_list(reader, CONF_BLOCK_TRUSTSTORE, &file, &reader->truststore_count);
    reader->listeners = read_list(reader, CONF_BLOCK_LISTENER, &file, &reader->listener_count);
    read_server_names(reader, root);
    for (size_t i = 0; i < reader->listener_count; i++)
        check_protocol(reader, &reader->listeners[i]);
}
