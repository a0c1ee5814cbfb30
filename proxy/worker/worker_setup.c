#include "worker_setup.h"

#include "ftp.h"
#include "http.h"
#include "inventory.h"
#include "log.h"
#include "loop.h"
#include "protocol.h"
#include "remote_key.h"
#include "sealed.h"
#include "service.h"
#include "sign_client.h"
#include "tls_ctx.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORKER_START_TIMEOUT_MS = 30000 };

static const struct protocol *const protocols[] = {
    [CONF_TLS] = &protocol_raw,
    [CONF_FTPS] = &protocol_ftps,
    [CONF_FTP] = &protocol_ftp,
    [CONF_HTTPS] = &protocol_https,
};

void worker_init(struct worker *worker)
{
    memset(worker, 0, sizeof *worker);
    worker->configuration = worker->secrets = worker->page = worker->log = -1;
    for (size_t i = 0; i < COUNTERS_KEYSTORES_MAX; i++)
        worker->queues[i] = worker->inventories[i] = -1;
    for (size_t i = 0; i < WORKER_LISTENERS_MAX; i++)
        worker->listeners[i] = -1;
}

/* --- grants --- */

static void grant_keep(int *place, int fd)
{
    if (*place >= 0)
        (void)close(*place);
    *place = fd;
}

static bool grant_keep_indexed(int *places, size_t count, const struct grant *grant)
{
    if (grant->index >= count)
        return false;
    grant_keep(&places[grant->index], grant->fd);
    return true;
}

static bool grant_store(struct worker *worker, const struct grant *grant)
{
    switch (grant->kind) {
    case GRANT_CONFIGURATION:
        grant_keep(&worker->configuration, grant->fd);
        return true;
    case GRANT_SECRETS:
        grant_keep(&worker->secrets, grant->fd);
        return true;
    case GRANT_COUNTERS:
        grant_keep(&worker->page, grant->fd);
        return true;
    case GRANT_LOG:
        grant_keep(&worker->log, grant->fd);
        log_open(grant->fd);
        return true;
    case GRANT_QUEUE:
        return grant_keep_indexed(worker->queues, COUNTERS_KEYSTORES_MAX, grant);
    case GRANT_INVENTORY:
        return grant_keep_indexed(worker->inventories, COUNTERS_KEYSTORES_MAX, grant);
    case GRANT_LISTENER:
        return grant_keep_indexed(worker->listeners, WORKER_LISTENERS_MAX, grant);
    case GRANT_LOG_SOURCE:
    case GRANT_LOG_TARGET:
    case GRANT_SIGNER_START:
    case GRANT_PIN:
    case GRANT_WORKER_PAGE:
    case GRANT_SIGNER_PAGE:
    case GRANT_HISTORY_PAGE:
    case GRANT_ADMIN:
        break;
    }
    return false;
}

/* --- keys --- */

static bool keystore_services_set(struct worker *worker, size_t keystore, const struct inventory_key *keys,
                                  size_t count, struct err *err)
{
    for (size_t i = 0; i < worker->conf->listener_count; i++) {
        const struct conf_listener *listener = &worker->conf->listeners[i];
        struct err where;

        if (!worker->services[i] || listener->keystore != (int)keystore)
            continue;
        if (service_set_keys(worker->services[i], keys, count, err))
            continue;
        conf_where_listener(worker->conf, listener, &where);
        err_context(err, "%s", where.text);
        return false;
    }
    return true;
}

/* Puts a keystore's newest inventory to use. */
static bool keystore_offer(struct worker *worker, size_t keystore, struct err *err)
{
    struct inventory_key *keys = NULL;
    struct sealed sealed;
    size_t count = 0;
    bool fine = false;

    if (!sealed_map(worker->inventories[keystore], INVENTORY_BYTES_MAX, &sealed, err))
        return false;
    keys = calloc(INVENTORY_KEYS_MAX, sizeof *keys);
    if (!keys)
        err_set(err, "out of memory");
    else if (!inventory_read(sealed.data, sealed.len, keys, INVENTORY_KEYS_MAX, &count))
        err_set(err, "keystore \"%s\": its signers sent an inventory that is malformed",
                worker->conf->keystores[keystore].alias);
    else
        fine = keystore_services_set(worker, keystore, keys, count, err);
    free(keys);
    sealed_unmap(&sealed);
    if (fine)
        sign_client_set_up(worker->signers[keystore], true);
    return fine;
}

/* Listening begins when every worker of a generation is ready: a reload that fails has accepted nobody. */
static bool worker_listen(struct worker *worker, size_t number, struct err *err)
{
    int fd = worker->listeners[number];
    size_t first = 0;

    worker->listeners[number] = -1;
    for (size_t i = 0; i < worker->conf->listener_count; i++) {
        if (!worker->conf->listeners[i].enabled)
            continue;
        if (number - first < worker->conf->listeners[i].bind_count)
            return service_listen(worker->services[i], fd, err);
        first += worker->conf->listeners[i].bind_count;
    }
    (void)close(fd);
    return true;
}

/* A grant that came after the start. */
static bool grant_use(struct worker *worker, enum grant_kind kind, size_t index, struct err *err)
{
    if (kind == GRANT_LISTENER)
        return worker_listen(worker, index, err);
    if (index >= worker->conf->keystore_count)
        return true;
    if (kind == GRANT_QUEUE) {
        sign_client_set_queue(worker->signers[index], worker->queues[index]);
        worker->queues[index] = -1;
    } else if (kind == GRANT_INVENTORY) {
        return keystore_offer(worker, index, err);
    }
    return true;
}

bool worker_take_grants(struct worker *worker, struct channel_message *message, struct err *err)
{
    struct grant grants[CHANNEL_FDS_MAX];
    size_t count;

    if (!message_read_grants(message, grants, CHANNEL_FDS_MAX, &count)) {
        err_set(err, "the supervisor's grant is malformed");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!grant_store(worker, &grants[i])) {
            (void)close(grants[i].fd);
            continue;
        }
        if (worker->started && !grant_use(worker, grants[i].kind, grants[i].index, err))
            return false;
    }
    return true;
}

bool worker_collect(struct worker *worker, struct err *err)
{
    static struct channel_message message;

    for (;;) {
        if (channel_wait(CHANNEL_FD, WORKER_START_TIMEOUT_MS, &message, err) != CHANNEL_OK) {
            err_context(err, "waiting for the supervisor");
            return false;
        }
        if (message.type == MESSAGE_START)
            return true;
        if (message.type != MESSAGE_GRANT) {
            channel_close_fds(&message);
            continue;
        }
        if (!worker_take_grants(worker, &message, err))
            return false;
    }
}

void worker_set_keystore(struct worker *worker, uint32_t keystore, bool can_sign)
{
    if (keystore < worker->conf->keystore_count)
        sign_client_set_up(worker->signers[keystore], can_sign);
}

/* --- building --- */

static bool build_configuration(struct worker *worker, struct err *err)
{
    static struct conf_errors errors;
    struct sealed sealed;
    const char *path;

    if (!sealed_map(worker->configuration, CONF_FILES_BYTES_MAX, &sealed, err))
        return false;
    worker->files = conf_files_from_memory(sealed.data, sealed.len);
    sealed_unmap(&sealed);
    path = worker->files ? conf_files_first(worker->files) : NULL;
    if (!path) {
        err_set(err, "the configuration in memory is malformed");
        return false;
    }
    worker->conf = conf_read(worker->files, path, &errors);
    if (!worker->conf) {
        *err = errors.items[0];
        return false;
    }
    if (worker->conf->keystore_count > COUNTERS_KEYSTORES_MAX ||
        worker->conf->listener_count > COUNTERS_LISTENERS_MAX) {
        err_set(err, "%s: at most %d keystores and %d listeners", worker->conf->path, COUNTERS_KEYSTORES_MAX,
                COUNTERS_LISTENERS_MAX);
        return false;
    }
    log_set_level(worker->conf->log_level);
    return true;
}

static bool build_memory(struct worker *worker, struct err *err)
{
    struct sealed sealed;

    worker->counters = counters_map(worker->page, sizeof *worker->counters, err);
    if (!worker->counters)
        return false;
    if (!sealed_map(worker->secrets, TLS_TICKET_SECRET_LEN, &sealed, err))
        return false;
    if (sealed.len == TLS_TICKET_SECRET_LEN)
        worker->ticket_secret = malloc(TLS_TICKET_SECRET_LEN);
    if (worker->ticket_secret)
        memcpy(worker->ticket_secret, sealed.data, sealed.len);
    sealed_unmap(&sealed);
    if (!worker->ticket_secret)
        err_set(err, "the ticket secret is malformed");
    return worker->ticket_secret;
}

/* Runs on the loop: the supervisor makes a new queue and grants it. */
static void keystore_queue_broken(void *owner)
{
    const uint32_t *keystore = owner;

    (void)channel_send(CHANNEL_FD, MESSAGE_QUEUE_BROKEN, keystore, sizeof *keystore, NULL, 0);
}

/* Nobody waits for a signature longer than the most patient listener of the keystore lets him. */
static uint64_t keystore_patience_ms(const struct conf *conf, size_t keystore)
{
    uint64_t patience_ms = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        const struct conf_listener *listener = &conf->listeners[i];

        if (listener->keystore == (int)keystore && listener->handshake_timeout_ms > patience_ms)
            patience_ms = listener->handshake_timeout_ms;
    }
    return patience_ms;
}

static uint32_t share_of(uint32_t amount, uint32_t workers)
{
    return workers ? (amount + workers - 1) / workers : amount;
}

static bool build_signers(struct worker *worker, struct err *err)
{
    const struct conf *conf = worker->conf;

    for (size_t i = 0; i < conf->keystore_count; i++) {
        const struct conf_keystore *keystore = &conf->keystores[i];
        unsigned share = 2 * keystore->signers / (conf->workers ? conf->workers : 1);
        const struct sign_client_policy policy = {
            .keystore = keystore->alias,
            .max_in_flight = share ? share : 1,
            .per_second = share_of(keystore->max_signatures_per_second, conf->workers),
            .patience_ms = keystore_patience_ms(conf, i),
            .timeout_ms = keystore->sign_timeout_ms,
            .counters = &worker->counters->keystores[i],
            .broken = keystore_queue_broken,
            .owner = &worker->numbers[i],
        };

        worker->numbers[i] = (uint32_t)i;
        worker->signers[i] = sign_client_new(worker->loop, &policy, err);
        if (!worker->signers[i])
            return false;
        if (worker->queues[i] >= 0)
            sign_client_set_queue(worker->signers[i], worker->queues[i]);
        worker->queues[i] = -1;
    }
    return true;
}

static bool build_service(struct worker *worker, size_t index, size_t *next_bind, struct err *err)
{
    const struct conf_listener *listener = &worker->conf->listeners[index];
    const struct service_setup setup = {
        .loop = worker->loop,
        .conf = worker->conf,
        .listener = listener,
        .index = index,
        .protocol = protocols[listener->protocol],
        .signer = worker->signers[listener->keystore],
        .counters = worker->counters,
        .ticket_secret = worker->ticket_secret,
    };

    worker->services[index] = service_new(&setup, err);
    if (!worker->services[index])
        return false;
    for (size_t i = 0; i < listener->bind_count; i++) {
        int *fd = &worker->listeners[(*next_bind)++ % WORKER_LISTENERS_MAX];

        /* None in a check of the configuration: nothing is bound then. */
        if (*fd >= 0 && !service_listen(worker->services[index], *fd, err))
            return false;
        *fd = -1;
    }
    return true;
}

static bool build_services(struct worker *worker, struct err *err)
{
    size_t next_bind = 0;

    for (size_t i = 0; i < worker->conf->listener_count; i++) {
        struct err where;

        if (!worker->conf->listeners[i].enabled || build_service(worker, i, &next_bind, err))
            continue;
        conf_where_listener(worker->conf, &worker->conf->listeners[i], &where);
        err_context(err, "%s", where.text);
        return false;
    }
    for (size_t i = 0; i < worker->conf->keystore_count; i++)
        if (worker->inventories[i] >= 0 && !keystore_offer(worker, i, err))
            return false;
    return true;
}

bool worker_build(struct worker *worker, struct err *err)
{
    worker->loop = loop_new(err);
    worker->started = worker->loop && remote_key_setup(err) && build_configuration(worker, err) &&
                      build_memory(worker, err) && build_signers(worker, err) && build_services(worker, err);
    return worker->started;
}

void worker_clear(struct worker *worker)
{
    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX; i++)
        service_free(worker->services[i]);
    for (size_t i = 0; i < COUNTERS_KEYSTORES_MAX; i++) {
        sign_client_free(worker->signers[i]);
        if (worker->inventories[i] >= 0)
            (void)close(worker->inventories[i]);
    }
    if (worker->counters)
        (void)munmap(worker->counters, sizeof *worker->counters);
    if (worker->ticket_secret)
        explicit_bzero(worker->ticket_secret, TLS_TICKET_SECRET_LEN);
    free(worker->ticket_secret);
    conf_free(worker->conf);
    conf_files_free(worker->files);
    loop_free(worker->loop);
}
