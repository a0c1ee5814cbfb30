#include "generation.h"

#include "buf.h"
#include "sealed.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICKET_SECRET_BYTES = 80 };

static struct generation *generation_new(void)
{
    struct generation *generation = calloc(1, sizeof *generation);

    if (generation)
        generation->configuration = generation->secrets = -1;
    return generation;
}

static bool generation_parse(struct generation *generation, const char *path)
{
    struct conf_errors *errors = calloc(1, sizeof *errors);

    generation->files = conf_files_from_disk();
    if (errors && generation->files)
        generation->conf = conf_read(generation->files, path, errors);
    for (size_t i = 0; errors && !generation->conf && i < errors->count; i++)
        (void)fprintf(stderr, "%s\n", errors->items[i].text);
    free(errors);
    return generation->conf != NULL;
}

static bool generation_seal(struct generation *generation, struct err *err)
{
    uint8_t secret[TICKET_SECRET_BYTES];
    struct buf packed;

    buf_init(&packed, CONF_FILES_BYTES_MAX);
    if (conf_files_pack(generation->files, &packed))
        generation->configuration = sealed_new("configuration", buf_data(&packed), buf_len(&packed), err);
    else
        err_set(err, "the configuration and its files have more than %d bytes", CONF_FILES_BYTES_MAX);
    buf_free(&packed);
    if (generation->configuration < 0)
        return false;
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret) {
        err_errno(err, "no random bytes");
        return false;
    }
    generation->secrets = sealed_new("secrets", secret, sizeof secret, err);
    explicit_bzero(secret, sizeof secret);
    return generation->secrets >= 0;
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
    if (!generation->binds) {
        err_set(err, "out of memory");
        return false;
    }
    for (size_t i = 0; i < generation->bind_count; i++)
        generation->binds[i] = -1;
    return true;
}

struct generation *generation_read(const char *path)
{
    struct generation *generation = generation_new();
    struct err err = {.text = ""};

    if (generation && generation_parse(generation, path) && generation_count_binds(generation, &err) &&
        generation_seal(generation, &err))
        return generation;
    if (err.text[0])
        (void)fprintf(stderr, "%s\n", err.text);
    generation_free(generation);
    return NULL;
}

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

static bool bind_listener(struct generation *generation, const struct conf_listener *listener, size_t first,
                          struct err *err)
{
    for (size_t i = 0; i < listener->bind_count; i++) {
        struct err where;
        int fd = bind_one(&listener->binds[i], listener->backlog, err);

        if (fd < 0) {
            conf_where_listener(generation->conf, listener, &where);
            err_context(err, "%s", where.text);
            return false;
        }
        generation->binds[first + i] = fd;
    }
    return true;
}

bool generation_bind(struct generation *generation, struct err *err)
{
    const struct conf *conf = generation->conf;
    size_t first = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        if (!conf->listeners[i].enabled)
            continue;
        if (!bind_listener(generation, &conf->listeners[i], first, err)) {
            generation_unbind(generation);
            return false;
        }
        first += conf->listeners[i].bind_count;
    }
    return true;
}

void generation_unbind(struct generation *generation)
{
    for (size_t i = 0; generation->binds && i < generation->bind_count; i++) {
        if (generation->binds[i] >= 0)
            close(generation->binds[i]);
        generation->binds[i] = -1;
    }
}

void generation_free(struct generation *generation)
{
    if (!generation)
        return;
    generation_unbind(generation);
    free(generation->binds);
    if (generation->configuration >= 0)
        close(generation->configuration);
    if (generation->secrets >= 0)
        close(generation->secrets);
    conf_free(generation->conf);
    conf_files_free(generation->files);
    free(generation);
}
