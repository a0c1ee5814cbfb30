#include "conf_partners.h"
#include "conf_tree.h"
#include "text.h"

#include <stdio.h>

/* "tls, ftps and ftp" */
static void protocol_words(unsigned protocols, char *out, size_t size)
{
    size_t len = 0;

    out[0] = 0;
    for (unsigned i = 0; conf_protocol_names[i] && len < size; i++) {
        const char *joint = !len ? "" : protocols >> (i + 1) ? ", " : " and ";

        if (protocols >> i & 1)
            len += (size_t)snprintf(out + len, size - len, "%s%s", joint, conf_protocol_names[i]);
    }
}

static void report_protocol(struct conf_reader *reader, const struct conf_listener_block *listener, int line,
                            const char *name, unsigned protocols)
{
    char words[64];

    protocol_words(protocols, words, sizeof words);
    conf_report_add(&reader->report, line, listener->given.where, "%s: only for protocol %s, and this is %s",
                    name, words, conf_protocol_names[listener->protocol]);
}

/* Options and blocks that the listener's protocol does not take. */
static void check_protocol(struct conf_reader *reader, const struct conf_listener_block *listener,
                           const config_setting_t *group)
{
    const struct conf_block *block = conf_block(CONF_BLOCK_LISTENER);
    const struct conf_given *given = &listener->given;

    if (given->refused >> conf_option_index(block, "protocol") & 1)
        return;
    for (size_t i = 0; i < block->option_count; i++) {
        unsigned protocols = block->options[i].protocols;

        if (!(given->present >> i & 1) || !protocols || protocols >> listener->protocol & 1)
            continue;
        report_protocol(reader, listener, given->lines[i], block->options[i].name, protocols);
    }
    for (int id = 0; id < CONF_BLOCKS; id++) {
        const struct conf_block *nested = conf_block((enum conf_block_id)id);
        const config_setting_t *setting;

        if (nested->within != CONF_BLOCK_LISTENER || nested->protocols >> listener->protocol & 1)
            continue;
        setting = config_setting_get_member(group, nested->list);
        if (setting)
            report_protocol(reader, listener, conf_tree_line(setting), nested->list, nested->protocols);
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
        conf_report_add(&reader->report, conf_tree_line(list), where,
                        "%s: a list of blocks, ( { ... }, { ... } )", block->list);
        return 0;
    }
    count = (size_t)config_setting_length(list);
    if (count <= block->count_max)
        return count;
    conf_report_add(&reader->report, conf_tree_line(list), where,
                    "%s: %zu blocks, and at most %zu are possible", block->list, count, block->count_max);
    return block->count_max;
}

static void read_nested(struct conf_reader *reader, const config_setting_t *group,
                        struct conf_listener_block *listener);

/* One block of a list; into is zeroed. */
static void read_member(struct conf_reader *reader, enum conf_block_id id, const config_setting_t *group,
                        void *into)
{
    conf_tree_read(reader, id, group, into);
    if (id == CONF_BLOCK_LISTENER)
        read_nested(reader, group, into);
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
            conf_report_add(&reader->report, conf_tree_line(group), holder->where,
                            "%s: block %zu is not { ... }", block->list, i + 1);
            continue;
        }
        conf_tree_name(block, group, holder->where, i + 1, into);
        read_member(reader, id, group, into);
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

/* A block of which there is one, or none. into begins with a struct conf_given. */
static void read_single(struct conf_reader *reader, enum conf_block_id id, const struct holder *holder,
                        void *into)
{
    const struct conf_block *block = conf_block(id);
    const config_setting_t *group = config_setting_get_member(holder->group, block->list);
    struct conf_given *given = into;

    (void)snprintf(given->where, sizeof given->where, "%s%s%s", holder->where, holder->where[0] ? ": " : "",
                   block->name);
    if (group && !config_setting_is_group(group)) {
        conf_report_add(&reader->report, conf_tree_line(group), holder->where, "%s: a block, { ... }",
                        block->list);
        group = NULL;
    }
    given->line = group ? conf_tree_line(group) : 0;
    conf_tree_read(reader, id, group, into);
}

/* The blocks that stand in a listener. */
static void read_nested(struct conf_reader *reader, const config_setting_t *group,
                        struct conf_listener_block *listener)
{
    const struct holder holder = {group, listener->given.where};

    listener->names_listed = listed(group, conf_block(CONF_BLOCK_SERVER_NAME)->list);
    listener->names = read_list(reader, CONF_BLOCK_SERVER_NAME, &holder, &listener->name_count);
    listener->passive_for = read_list(reader, CONF_BLOCK_PASSIVE_FOR, &holder, &listener->passive_for_count);
    listener->routes = read_list(reader, CONF_BLOCK_ROUTE, &holder, &listener->route_count);
    read_single(reader, CONF_BLOCK_BACKEND_TLS, &holder, &listener->backend_tls);
    check_protocol(reader, listener, group);
}

void conf_read_blocks(struct conf_reader *reader, const config_setting_t *root)
{
    const struct holder file = {root, ""};
    struct conf_partner_block *partners;
    size_t partner_count;

    conf_tree_read(reader, CONF_BLOCK_SERVER, root, &reader->server);
    read_single(reader, CONF_BLOCK_LOG, &file, &reader->log);
    read_single(reader, CONF_BLOCK_ADMIN, &file, &reader->admin);
    reader->keystores = read_list(reader, CONF_BLOCK_KEYSTORE, &file, &reader->keystore_count);
    reader->truststores = read_list(reader, CONF_BLOCK_TRUSTSTORE, &file, &reader->truststore_count);
    partners = read_list(reader, CONF_BLOCK_PARTNER, &file, &partner_count);
    conf_partners_read(reader, partners, partner_count);
    reader->listeners = read_list(reader, CONF_BLOCK_LISTENER, &file, &reader->listener_count);
}
