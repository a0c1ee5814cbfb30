#include "conf.h"

#include "conf_check.h"
#include "conf_scan.h"
#include "conf_shape.h"

#include <stdlib.h>
#include <string.h>

/* A configuration and what it is made of. */
struct whole {
    struct conf conf;
    struct conf_memory *memory;
};

/* libconfig's own words are short. */
static const char *parse_words(const char *text)
{
    if (!text || strcmp(text, "syntax error") == 0)
        return "syntax error here or just before (a missing bracket or comma, or a word without quotes?)";
    if (strcmp(text, "duplicate setting name") == 0)
        return "an option is set twice in one block";
    if (strcmp(text, "mismatched element type in array") == 0)
        return "a list in [ ] holds values of one kind";
    return text;
}

bool conf_parse(config_t *tree, const char *text, size_t len, struct conf_report *report)
{
    if (!conf_scan(text, len, report))
        return false;
    if (config_read_string(tree, text) == CONFIG_TRUE)
        return true;
    conf_report_add(report, config_error_line(tree), "", "%s", parse_words(config_error_text(tree)));
    return false;
}

const char *conf_directory_of(struct conf_memory *memory, const char *path)
{
    const char *slash = strrchr(path, '/');

    return conf_memory_bytes(memory, path, slash ? (size_t)(slash - path) + 1 : 0);
}

static void read_whole(struct conf_reader *reader, struct conf *conf)
{
    size_t len;
    struct err err;
    const char *text = conf_files_get(reader->files, conf->path, &len, &err);
    config_t tree;

    if (!text) {
        conf_report_add(&reader->report, 0, "", "%s", err.text);
        return;
    }
    config_init(&tree);
    if (conf_parse(&tree, text, len, &reader->report)) {
        conf_read_blocks(reader, config_root_setting(&tree));
        conf_check(reader);
        conf_resolve(reader, conf);
        conf_shape(reader, conf);
    }
    config_destroy(&tree);
}

struct conf *conf_read(struct conf_files *files, const char *path, struct conf_errors *errors)
{
    struct whole *whole = calloc(1, sizeof *whole);
    struct conf_reader *reader = calloc(1, sizeof *reader);
    struct conf_memory *memory = conf_memory_new();

    errors->count = 0;
    if (!whole || !reader || !memory)
        goto out_of_memory;
    whole->memory = reader->place.memory = memory;
    whole->conf.path = conf_memory_text(memory, path);
    reader->place.directory = conf_directory_of(memory, path);
    if (!whole->conf.path || !reader->place.directory)
        goto out_of_memory;
    reader->files = files;
    conf_report_start(&reader->report, whole->conf.path, errors);
    read_whole(reader, &whole->conf);
    conf_report_finish(&reader->report);
    free(reader);
    if (!errors->count)
        return &whole->conf;
    conf_free(&whole->conf);
    return NULL;

out_of_memory:
    err_set(&errors->items[errors->count++], "%.200s: out of memory", path);
    conf_memory_free(memory);
    free(reader);
    free(whole);
    return NULL;
}

void conf_free(struct conf *conf)
{
    struct whole *whole = (struct whole *)conf; /* its first member */

    if (!whole)
        return;
    conf_memory_free(whole->memory);
    free(whole);
}

void conf_where_listener(const struct conf *conf, const struct conf_listener *listener, struct err *out)
{
    err_set(out, "%.200s:%d: listener \"%s\"", conf->path, listener->line, listener->alias);
}

void conf_where_keystore(const struct conf *conf, const struct conf_keystore *keystore, struct err *out)
{
    err_set(out, "%.200s:%d: keystore \"%s\"", conf->path, keystore->line, keystore->alias);
}

/* A walk over the keys of one keystore. */
struct walk {
    void (*found)(void *owner, const struct conf_listener *, const struct conf_key *);
    void *owner;
    uint32_t next;
};

/* Those that were given before are left out. */
static void walk_keys(struct walk *walk, const struct conf_listener *listener, const struct conf_key *keys,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].wanted != walk->next)
            continue;
        walk->found(walk->owner, listener, &keys[i]);
        walk->next++;
    }
}

static void walk_listener(struct walk *walk, const struct conf_listener *listener, int keystore)
{
    if (listener->keystore == keystore) {
        walk_keys(walk, listener, listener->keys, listener->key_count);
        for (size_t i = 0; i < listener->server_name_count; i++)
            walk_keys(walk, listener, listener->server_names[i].keys, listener->server_names[i].key_count);
    }
    if (listener->backend_tls.keystore == keystore)
        walk_keys(walk, listener, listener->backend_tls.keys, listener->backend_tls.key_count);
}

void conf_wanted_keys(const struct conf *conf, size_t keystore,
                      void (*found)(void *owner, const struct conf_listener *, const struct conf_key *),
                      void *owner)
{
    struct walk walk = {.found = found, .owner = owner};

    for (size_t i = 0; i < conf->listener_count; i++) {
        const struct conf_listener *listener = &conf->listeners[i];

        if (listener->enabled)
            walk_listener(&walk, listener, (int)keystore);
    }
}
