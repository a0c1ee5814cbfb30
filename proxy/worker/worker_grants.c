/* What the supervisor grants: kept until the start, put to use at once after it. */
#include "inventory.h"
#include "log.h"
#include "sealed.h"
#include "service.h"
#include "sign_client.h"
#include "worker_names.h"
#include "worker_policy.h"
#include "worker_setup.h"

#include <stdlib.h>
#include <unistd.h>

enum { WORKER_START_TIMEOUT_MS = 30000 };

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
        worker->number = grant->index;
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
    case GRANT_HOSTS:
        return grant_keep_indexed(worker->hosts, 2, grant);
    case GRANT_POLICY:
        grant_keep(&worker->policy_files, grant->fd);
        return true;
    case GRANT_BANS:
        grant_keep(&worker->bans_page, grant->fd);
        return true;
    case GRANT_PEER_PAGE:
        grant_keep(&worker->peer_page, grant->fd);
        return true;
    case GRANT_LOG_SOURCE:
    case GRANT_LOG_TARGET:
    case GRANT_SIGNER_START:
    case GRANT_LOGIN_GATE:
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

static bool is_way_out(const struct conf_listener *listener, size_t keystore)
{
    return listener->backend_tls.set && listener->backend_tls.keystore == (int)keystore;
}

static bool keystore_services_set(struct worker *worker, size_t keystore, const struct inventory_key *keys,
                                  size_t count, struct err *err)
{
    for (size_t i = 0; i < worker->conf->listener_count; i++) {
        const struct conf_listener *listener = &worker->conf->listeners[i];
        struct err where;

        if (!worker->services[i])
            continue;
        if ((listener->keystore != (int)keystore ||
             service_set_keys(worker->services[i], keys, count, err)) &&
            (!is_way_out(listener, keystore) ||
             service_set_outbound_keys(worker->services[i], keys, count, err)))
            continue;
        conf_where_listener(worker->conf, listener, &where);
        err_context(err, "%s", where.text);
        return false;
    }
    return true;
}

/* Puts a keystore's newest inventory to use. */
bool worker_offer_keys(struct worker *worker, size_t keystore, struct err *err)
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
static bool grant_use(struct worker *worker, enum grant_kind kind, uint32_t index, struct err *err)
{
    if (kind == GRANT_LISTENER)
        return worker_listen(worker, index, err);
    if (kind == GRANT_POLICY)
        return worker_take_policy(worker, err);
    if (kind == GRANT_SECRETS)
        return worker_take_secrets(worker, err);
    if (kind == GRANT_HOSTS)
        return worker_take_hosts(worker, index, err);
    if (kind == GRANT_PEER_PAGE)
        return worker_take_peer(worker, index, err);
    if (index >= worker->conf->keystore_count)
        return true;
    if (kind == GRANT_QUEUE) {
        sign_client_set_queue(worker->signers[index], worker->queues[index]);
        worker->queues[index] = -1;
    } else if (kind == GRANT_INVENTORY) {
        return worker_offer_keys(worker, index, err);
    }
    return true;
}

bool worker_take_grants(struct worker *worker, struct channel_message *message, struct err *err)
{
    struct grant grants[CHANNEL_FDS_MAX];
    struct err one;
    size_t count;
    bool all = true;

    if (!message_read_grants(message, grants, CHANNEL_FDS_MAX, &count)) {
        err_set(err, "the supervisor's grant is malformed");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!grant_store(worker, &grants[i])) {
            (void)close(grants[i].fd);
            continue;
        }
        if (!worker->started || grant_use(worker, grants[i].kind, grants[i].index, &one))
            continue;
        /* The others are no worse for it. */
        if (all)
            *err = one;
        all = false;
    }
    return all;
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
