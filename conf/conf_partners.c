#include "conf_partners.h"

#include "conf_check.h"
#include "conf_content.h"
#include "conf_scan.h"
#include "conf_tree.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static void out_of_memory(struct conf_reader *reader)
{
    conf_report_add(&reader->report, 0, "", "out of memory");
}

/* -- one file a partner ------------------------------------------------------------------------- */

/* What stands in braces, and nothing beside it; NULL: reported. */
static const config_setting_t *only_group(struct conf_reader *reader, const config_setting_t *root)
{
    if (config_setting_length(root) == 1)
        return config_setting_get_elem(root, 0);
    conf_report_add(&reader->report, conf_tree_line(config_setting_get_elem(root, 1)), "",
                    "a file is one partner: nothing stands outside of its braces");
    return NULL;
}

/* The options of a file stand in braces, as in the list of the configuration, or without them. */
static const config_setting_t *partner_group(struct conf_reader *reader, config_t *tree, const char *text,
                                             size_t len)
{
    static const char prefix[] = "partner = ";
    const char *whole = text;

    if (conf_scan_first(text, len) == '{') {
        char *copy = conf_memory_array(reader->place.memory, len + sizeof prefix, 1);

        if (!copy) {
            out_of_memory(reader);
            return NULL;
        }
        memcpy(copy, prefix, sizeof prefix - 1);
        memcpy(copy + sizeof prefix - 1, text, len);
        len += sizeof prefix - 1;
        whole = copy;
    }
    if (!conf_parse(tree, whole, len, &reader->report))
        return NULL;
    return whole == text ? config_root_setting(tree) : only_group(reader, config_root_setting(tree));
}

/* A partner of the file that the report is in; NULL: reported. */
static struct conf_partner_block *read_text(struct conf_reader *reader, const char *text, size_t len)
{
    const struct conf_block *block = conf_block(CONF_BLOCK_PARTNER);
    struct conf_partner_block *partner = conf_memory_array(reader->place.memory, 1, sizeof *partner);
    const config_setting_t *group;
    config_t tree;

    if (!partner) {
        out_of_memory(reader);
        return NULL;
    }
    config_init(&tree);
    group = partner_group(reader, &tree, text, len);
    if (group) {
        partner->given.file = reader->report.file;
        conf_tree_name(block, group, "", 0, &partner->given);
        conf_tree_read(reader, CONF_BLOCK_PARTNER, group, partner);
    }
    config_destroy(&tree);
    return group ? partner : NULL;
}

/* The path of a name in the directory, in memory of the configuration. */
static const char *path_in(struct conf_reader *reader, const char *directory, const char *name, size_t len)
{
    size_t size = strlen(directory) + 1 + len + 1;
    char *path = conf_memory_array(reader->place.memory, size, 1);

    if (path)
        (void)snprintf(path, size, "%s/%.*s", directory, (int)len, name);
    return path;
}

static struct conf_partner_block *read_file(struct conf_reader *reader, const char *path)
{
    const char *directory = reader->place.directory;
    struct conf_partner_block *partner = NULL;
    struct err err;
    size_t len;
    const char *text = conf_files_get(reader->files, path, &len, &err);

    conf_report_in(&reader->report, path);
    reader->place.directory = conf_directory_of(reader->place.memory, path);
    if (!text)
        conf_report_add(&reader->report, 0, "", "%s", err.text);
    else if (!reader->place.directory)
        out_of_memory(reader);
    else
        partner = read_text(reader, text, len);
    reader->place.directory = directory;
    conf_report_in(&reader->report, NULL);
    return partner;
}

static void read_files(struct conf_reader *reader, const char *names)
{
    while (*names) {
        size_t len = strcspn(names, "\n");
        const char *path = path_in(reader, reader->server.partners_dir, names, len);
        struct conf_partner_block *partner = path ? read_file(reader, path) : NULL;

        if (!path)
            out_of_memory(reader);
        if (partner)
            reader->partners[reader->partner_count++] = partner;
        names += len;
        names += *names == '\n';
    }
}

static size_t lines_of(const char *names)
{
    size_t count = 0;

    for (; *names; names++)
        count += *names == '\n';
    return count + 1; /* the last may have no newline, when the list comes from elsewhere */
}

/* The list of partners-dir; "" when there is none, or it was reported. */
static const char *directory_names(struct conf_reader *reader)
{
    const char *directory = reader->server.partners_dir;
    const char *names;
    char shown[CONF_SHOWN_LEN];
    struct err err;

    if (!directory[0])
        return "";
    names = conf_files_list(reader->files, directory, ".conf", &err);
    if (names)
        return names;
    conf_shown(directory, shown);
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_SERVER, &reader->server.given, "partners-dir"),
                    "", "partners-dir = \"%s\": %s", shown, err.text);
    return "";
}

void conf_partners_read(struct conf_reader *reader, struct conf_partner_block *listed, size_t count)
{
    const char *names = directory_names(reader);
    size_t all = count + lines_of(names);

    reader->partners = conf_memory_array(reader->place.memory, all, sizeof(struct conf_partner_block *));
    if (!reader->partners) {
        out_of_memory(reader);
        return;
    }
    for (size_t i = 0; i < count; i++)
        reader->partners[i] = &listed[i];
    reader->partner_count = count;
    if (all - 1 <= conf_block(CONF_BLOCK_PARTNER)->count_max)
        read_files(reader, names);
    else
        conf_report_add(&reader->report, 0, "", "%zu partners, and at most %zu are possible", all - 1,
                        conf_block(CONF_BLOCK_PARTNER)->count_max);
}
