#include "generation.h"

#include "buf.h"
#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct generation *generation_new(const struct generation *before)
{
    struct generation *generation = calloc(1, sizeof *generation);

    if (!generation)
        return NULL;
    generation->holders = 1;
    generation->number = before ? before->number + 1 : 1;
    generation->configuration = generation->admin = -1;
    for (size_t i = 0; i < NAME_FILES; i++)
        generation->name_files[i] = -1;
    return generation;
}

static void generation_name(struct generation *generation)
{
    const struct conf *conf = generation->conf;
    struct counters_names *names = &generation->names;

    for (; names->listener_count < conf->listener_count; names->listener_count++)
        names->listeners[names->listener_count] = conf->listeners[names->listener_count].alias;
    for (; names->keystore_count < conf->keystore_count; names->keystore_count++)
        names->keystores[names->keystore_count] = conf->keystores[names->keystore_count].alias;
}

static bool generation_parse(struct generation *generation, const char *path, struct conf_errors *errors,
                             struct err *err)
{
    generation->files = conf_files_from_disk();
    if (!generation->files) {
        err_set(err, "out of memory");
        return false;
    }
    generation->conf = conf_read(generation->files, path, errors);
    if (!generation->conf)
        return false;
    if (generation->conf->keystore_count > COUNTERS_KEYSTORES_MAX ||
        generation->conf->listener_count > COUNTERS_LISTENERS_MAX) {
        err_set(err, "%s: at most %d keystores and %d listeners", path, COUNTERS_KEYSTORES_MAX,
                COUNTERS_LISTENERS_MAX);
        return false;
    }
    generation_name(generation);
    return true;
}

static bool generation_accounts(struct generation *generation, struct err *err)
{
    const struct conf *conf = generation->conf;

    if (account_find("user", conf->user, &generation->user, err) &&
        account_find("signer-user", conf->signer_user, &generation->signer_user, err))
        return true;
    err_context(err, "%s", conf->path);
    return false;
}

static bool generation_seal(struct generation *generation, struct err *err)
{
    struct buf packed;

    buf_init(&packed, CONF_FILES_BYTES_MAX);
    if (conf_files_pack(generation->files, &packed))
        generation->configuration = sealed_new("configuration", buf_data(&packed), buf_len(&packed), err);
    else
        err_set(err, "the configuration and its files have more than %d bytes", CONF_FILES_BYTES_MAX);
    buf_free(&packed);
    return generation->configuration >= 0 && name_files_seal(generation->name_files, err);
}

static bool generation_count_binds(struct generation *generation, struct err *err)
{
    const struct conf *conf = generation->conf;

    for (size_t i = 0; i < conf->listener_count; i++)
        if (conf->listeners[i].enabled)
            generation->bind_count += conf->listeners[i].bind_count;
    if (generation->bind_count > GENERATION_BINDS_MAX) {
        err_set(err, "%s: %zu bind addresses, at most %d", conf->path, generation->bind_count,
                GENERATION_BINDS_MAX);
        return false;
    }
    generation->binds = calloc(generation->bind_count + 1, sizeof *generation->binds);
    generation->kept_closed = calloc(conf->listener_count + 1, sizeof *generation->kept_closed);
    if (!generation->binds || !generation->kept_closed) {
        err_set(err, "out of memory");
        return false;
    }
    for (size_t i = 0; i < generation->bind_count; i++)
        generation->binds[i] = -1;
    return true;
}

struct generation *generation_read(const char *path, const struct generation *before,
                                   struct conf_errors *errors)
{
    struct generation *generation = generation_new(before);
    struct err err = {.text = ""};

    errors->count = 0;
    if (!generation)
        err_set(&err, "out of memory");
    else if (generation_parse(generation, path, errors, &err) && generation_accounts(generation, &err) &&
             generation_count_binds(generation, &err) && generation_seal(generation, &err))
        return generation;
    if (err.text[0] && errors->count < CONF_ERRORS_MAX)
        errors->items[errors->count++] = err;
    generation_leave(generation);
    return NULL;
}

/* -- its end ------------------------------------------------------------------------------------ */

void generation_hold(struct generation *generation)
{
    generation->holders++;
}

void generation_leave(struct generation *generation)
{
    if (!generation || --generation->holders)
        return;
    generation_unbind(generation);
    free(generation->binds);
    free(generation->kept_closed);
    if (generation->configuration >= 0)
        close(generation->configuration);
    name_files_close(generation->name_files);
    conf_free(generation->conf);
    conf_files_free(generation->files);
    free(generation);
}
