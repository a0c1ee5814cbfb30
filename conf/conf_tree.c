#include "conf_tree.h"

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

int conf_tree_line(const config_setting_t *setting)
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
    if (best && text_distance(name, best) <= 1 && home && conf_option_index(home, name) >= 0)
        home = NULL; /* a slip, though another block has such an option */
    if (home && home->many)
        conf_report_add(&reader->report, conf_tree_line(setting), given->where,
                        "unknown option \"%s\": it belongs into a block of %s", shown, home->list);
    else if (home && home->name[0])
        conf_report_add(&reader->report, conf_tree_line(setting), given->where,
                        "unknown option \"%s\": it belongs into the %s block", shown, home->name);
    else if (home)
        conf_report_add(&reader->report, conf_tree_line(setting), given->where,
                        "unknown option \"%s\": it belongs outside of the blocks", shown);
    else if (best)
        conf_report_add(&reader->report, conf_tree_line(setting), given->where,
                        "unknown option \"%s\"; did you mean \"%s\"?", shown, best);
    else
        conf_report_add(&reader->report, conf_tree_line(setting), given->where, "unknown option \"%s\"",
                        shown);
}

static void read_option(struct conf_reader *reader, const struct conf_option *option, size_t index,
                        const config_setting_t *setting, void *into)
{
    struct conf_given *given = into;
    struct conf_value value;
    const char *single = NULL;
    struct err err = {.text = ""};

    given->present |= 1ull << index;
    given->lines[index] = conf_tree_line(setting);
    if (!take_value(&reader->place, setting, &single, &value))
        err_set(&err, "%s: out of memory", option->name);
    else if (conf_value_store(option, &value, &reader->place, into, &err))
        return;
    given->refused |= 1ull << index;
    conf_report_add(&reader->report, conf_tree_line(setting), given->where, "%s", err.text);
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

/* Of a listener: by its protocol, once that is known. */
static bool is_wanted(enum conf_block_id id, const struct conf_option *option, const struct conf_given *given)
{
    const struct conf_listener_block *listener = (const struct conf_listener_block *)given;

    if (id != CONF_BLOCK_LISTENER || !option->protocols)
        return option->required;
    return option->required && (given->refused >> conf_option_index(conf_block(id), "protocol") & 1 ||
                                option->protocols >> listener->protocol & 1);
}

static void check_required(struct conf_reader *reader, enum conf_block_id id, struct conf_given *given)
{
    const struct conf_block *block = conf_block(id);

    for (size_t i = 0; i < block->option_count; i++) {
        if (given->present >> i & 1 || !is_wanted(id, &block->options[i], given))
            continue;
        given->refused |= 1ull << i;
        conf_report_add(&reader->report, given->line, given->where, "%s is missing", block->options[i].name);
    }
}

void conf_tree_read(struct conf_reader *reader, enum conf_block_id id, const config_setting_t *group,
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
    if (group || !block->within)
        check_required(reader, id, given);
}

void conf_tree_name(const struct conf_block *block, const config_setting_t *group, const char *around,
                    size_t number, struct conf_given *given)
{
    const struct conf_option *named = &block->options[0];
    const char *colon = around[0] ? ": " : "";
    const char *name;

    given->line = conf_tree_line(group);
    if (named->good && config_setting_lookup_string(group, named->name, &name) && named->good(name))
        (void)snprintf(given->where, sizeof given->where, "%s%s%s \"%s\"", around, colon, block->name, name);
    else if (number)
        (void)snprintf(given->where, sizeof given->where, "%s%s%s %zu", around, colon, block->name, number);
    else
        (void)snprintf(given->where, sizeof given->where, "%s%s%s", around, colon, block->name);
}
