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

enum { ADMIN_BACKLOG = 16 };

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

/* -- listening sockets -------------------------------------------------------------------------- */

static int bind_one(const struct addr *at, uint32_t backlog, struct err *err)
{
    const int yes = 1;
    int fd = socket(at->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char text[ADDR_TEXT_LEN];

    addr_text(at, text);
    if (fd < 0) {
        err_errno(err, "bind = \"%s\": cannot open a socket", text);
        return -1;
    }
    /* Without it ::ffff:a.b.c.d walks past IPv4 deny lists. */
    if ((!addr_is_v4(at) && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes)) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) || bind(fd, &at->sa.any, at->len) ||
        listen(fd, (int)backlog)) {
        err_errno(err, "bind = \"%s\"", text);
        close(fd);
        return -1;
    }
    return fd;
}

static bool same_address(const struct addr *a, const struct addr *b)
{
    return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

/* The number of an address among the binds; bind_count when it is not one. */
static size_t bind_find(const struct generation *generation, const struct addr *at)
{
    const struct conf *conf = generation->conf;
    size_t number = 0;

    for (size_t i = 0; i < conf->listener_count; i++)
        for (size_t k = 0; conf->listeners[i].enabled && k < conf->listeners[i].bind_count; k++, number++)
            if (same_address(&conf->listeners[i].binds[k], at))
                return number;
    return number;
}

static int bind_take_over(int old, uint32_t backlog, struct err *err)
{
    int fd = fcntl(old, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        err_errno(err, "cannot take a listening socket over");
    else
        (void)listen(fd, (int)backlog);
    return fd;
}

static int bind_open(const struct addr *at, uint32_t backlog, const struct generation *before,
                     struct err *err)
{
    size_t number = before ? bind_find(before, at) : 0;

    if (before && number < before->bind_count && before->binds[number] >= 0)
        return bind_take_over(before->binds[number], backlog, err);
    return bind_one(at, backlog, err);
}

static bool bind_listener(struct generation *generation, const struct conf_listener *listener, size_t first,
                          const struct generation *before, struct err *err)
{
    for (size_t i = 0; i < listener->bind_count; i++) {
        struct err where;
        int fd = bind_open(&listener->binds[i], listener->backlog, before, err);

        if (fd < 0) {
            conf_where_listener(generation->conf, listener, &where);
            err_context(err, "%s", where.text);
            return false;
        }
        generation->binds[first + i] = fd;
    }
    return true;
}

static bool bind_admin(struct generation *generation, const struct generation *before, struct err *err)
{
    const struct conf *conf = generation->conf;

    if (!conf->admin_enabled)
        return true;
    if (before && before->admin >= 0 && same_address(&before->conf->admin_bind, &conf->admin_bind))
        generation->admin = bind_take_over(before->admin, ADMIN_BACKLOG, err);
    else
        generation->admin = bind_one(&conf->admin_bind, ADMIN_BACKLOG, err);
    if (generation->admin < 0)
        err_context(err, "%s: admin", conf->path);
    return generation->admin >= 0;
}

static bool bind_all(struct generation *generation, const struct generation *before, struct err *err)
{
    const struct conf *conf = generation->conf;
    size_t first = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        if (!conf->listeners[i].enabled)
            continue;
        if (!generation->kept_closed[i] &&
            !bind_listener(generation, &conf->listeners[i], first, before, err))
            return false;
        first += conf->listeners[i].bind_count;
    }
    return bind_admin(generation, before, err);
}

bool generation_bind(struct generation *generation, const struct generation *before, struct err *err)
{
    if (bind_all(generation, before, err))
        return true;
    generation_unbind(generation);
    return false;
}

size_t generation_first_bind(const struct generation *generation, size_t listener)
{
    const struct conf *conf = generation->conf;
    size_t first = 0;

    for (size_t i = 0; i < listener; i++)
        if (conf->listeners[i].enabled)
            first += conf->listeners[i].bind_count;
    return first;
}

static void close_listener(struct generation *generation, size_t listener)
{
    int *binds = &generation->binds[generation_first_bind(generation, listener)];

    for (size_t i = 0; i < generation->conf->listeners[listener].bind_count; i++) {
        if (binds[i] >= 0)
            close(binds[i]);
        binds[i] = -1;
    }
}

void generation_keep_closed(struct generation *generation, size_t listener, bool closed)
{
    generation->kept_closed[listener] = closed;
    if (closed && generation->conf->listeners[listener].enabled)
        close_listener(generation, listener);
}

bool generation_open(struct generation *generation, size_t listener, struct err *err)
{
    if (bind_listener(generation, &generation->conf->listeners[listener],
                      generation_first_bind(generation, listener), NULL, err))
        return true;
    close_listener(generation, listener);
    return false;
}

void generation_unbind(struct generation *generation)
{
    for (size_t i = 0; generation->binds && i < generation->bind_count; i++) {
        if (generation->binds[i] >= 0)
            close(generation->binds[i]);
        generation->binds[i] = -1;
    }
    if (generation->admin >= 0)
        close(generation->admin);
    generation->admin = -1;
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
