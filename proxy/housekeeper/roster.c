#include "roster.h"

#include "conf.h"
#include "sealed.h"

#include <stdlib.h>
#include <string.h>

static void roster_free(struct roster *roster)
{
    for (size_t i = 0; i < roster->names.listener_count; i++)
        free((void *)(uintptr_t)roster->names.listeners[i]);
    for (size_t i = 0; i < roster->names.keystore_count; i++)
        free((void *)(uintptr_t)roster->names.keystores[i]);
    free(roster);
}

static void found_key(void *owner, const struct conf_listener *listener, const struct conf_key *key)
{
    bool *needed = owner;

    (void)listener;
    (void)key;
    *needed = true;
}

static bool take_listeners(struct roster *roster, const struct conf *conf)
{
    struct counters_names *names = &roster->names;

    for (size_t i = 0; i < conf->listener_count; i++) {
        names->listeners[i] = strdup(conf->listeners[i].alias);
        if (!names->listeners[i])
            return false;
        names->listener_count++;
    }
    return true;
}

static bool take_keystores(struct roster *roster, const struct conf *conf)
{
    struct counters_names *names = &roster->names;

    for (size_t i = 0; i < conf->keystore_count; i++) {
        names->keystores[i] = strdup(conf->keystores[i].alias);
        if (!names->keystores[i])
            return false;
        names->keystore_count++;
        conf_wanted_keys(conf, i, found_key, &roster->needed[i]);
        roster->signers[i] = roster->needed[i] ? conf->keystores[i].signers : 0;
    }
    return true;
}

static struct roster *roster_of(const struct conf *conf, struct err *err)
{
    struct roster *roster;

    if (conf->listener_count > COUNTERS_LISTENERS_MAX || conf->keystore_count > COUNTERS_KEYSTORES_MAX) {
        err_set(err, "%s: too many listeners or keystores", conf->path);
        return NULL;
    }
    roster = calloc(1, sizeof *roster);
    if (!roster) {
        err_set(err, "out of memory");
        return NULL;
    }
    roster->holders = 1;
    roster->log_json = conf->log_json;
    if (take_listeners(roster, conf) && take_keystores(roster, conf))
        return roster;
    roster_free(roster);
    err_set(err, "out of memory");
    return NULL;
}

static struct roster *roster_parse(struct conf_files *files, struct err *err)
{
    static struct conf_errors errors;
    const char *path = conf_files_first(files);
    struct conf *conf = path ? conf_read(files, path, &errors) : NULL;
    struct roster *roster;

    if (!conf) {
        err_set(err, "%s", path ? errors.items[0].text : "the configuration in memory is empty");
        return NULL;
    }
    roster = roster_of(conf, err);
    conf_free(conf);
    return roster;
}

struct roster *roster_read(int fd, struct err *err)
{
    struct sealed sealed;
    struct conf_files *files;
    struct roster *roster;

    if (!sealed_map(fd, CONF_FILES_BYTES_MAX, &sealed, err))
        return NULL;
    files = conf_files_from_memory(sealed.data, sealed.len);
    sealed_unmap(&sealed);
    if (!files) {
        err_set(err, "the configuration in memory is malformed");
        return NULL;
    }
    roster = roster_parse(files, err);
    conf_files_free(files);
    return roster;
}

struct roster *roster_hold(struct roster *roster)
{
    roster->holders++;
    return roster;
}

void roster_drop(struct roster *roster)
{
    if (roster && !--roster->holders)
        roster_free(roster);
}
