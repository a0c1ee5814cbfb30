#include "worker_setup.h"

#include "backends.h"
#include "bans.h"
#include "ftp.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "policy.h"
#include "protocol.h"
#include "quotas.h"
#include "remote_key.h"
#include "resolve.h"
#include "service.h"
#include "sign_client.h"
#include "worker_names.h"
#include "worker_policy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct protocol *const protocols[] = {
    [CONF_TLS] = &protocol_raw,     [CONF_FTPS] = &protocol_ftps, [CONF_FTP] = &protocol_ftp,
    [CONF_HTTPS] = &protocol_https, [CONF_HTTP] = &protocol_http,
};

void worker_init(struct worker *worker)
{
    memset(worker, 0, sizeof *worker);
    worker->configuration = worker->secrets = worker->page = worker->log = worker->bans_page = -1;
    worker->policy_files = worker->peer_page = -1;
    worker->hosts[0] = worker->hosts[1] = -1;
    for (size_t i = 0; i < COUNTERS_KEYSTORES_MAX; i++)
        worker->queues[i] = worker->inventories[i] = -1;
    for (size_t i = 0; i < WORKER_LISTENERS_MAX; i++)
        worker->listeners[i] = -1;
}

/* --- building --- */

static bool build_configuration(struct worker *worker, struct err *err)
{
    worker->first = worker_read_policy(worker->configuration, err);
    if (!worker->first)
        return false;
    worker->policy = policy_ref(worker->first);
    worker->conf = policy_conf(worker->first);
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
    struct keyed_hash_key key = {0};

    worker->counters = counters_map(worker->page, sizeof *worker->counters, err);
    if (!worker->counters)
        return false;
    if (worker->bans_page >= 0) {
        worker->bans = counters_view(worker->bans_page, sizeof *worker->bans, err);
        if (!worker->bans)
            return false;
        key = bans_key(worker->bans);
    }
    worker->quotas = quotas_new(worker->counters, &key);
    if (!worker->quotas)
        err_set(err, "out of memory");
    return worker->quotas && worker_read_secrets(worker, err);
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
        bool way_out = listener->backend_tls.set && listener->backend_tls.keystore == (int)keystore;

        if ((listener->keystore == (int)keystore || way_out) && listener->handshake_timeout_ms > patience_ms)
            patience_ms = listener->handshake_timeout_ms;
    }
    return patience_ms;
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
            .quotas = worker->quotas,
            .rate_key = quotas_key(worker->quotas, LIMIT_SIGNATURES, keystore->alias, NULL),
            .per_second = keystore->max_signatures_per_second,
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

static struct sign_client *signer_of(const struct worker *worker, int keystore)
{
    return keystore == CONF_NONE ? NULL : worker->signers[keystore];
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
        .signer = signer_of(worker, listener->keystore),
        .outbound_signer =
            signer_of(worker, listener->backend_tls.set ? listener->backend_tls.keystore : CONF_NONE),
        .counters = worker->counters,
        .ticket_secret = worker->ticket_secrets->items[0],
        .policy = worker->first,
        .quotas = worker->quotas,
        .backends = worker->backends,
        .resolver = worker->resolver,
        .bans = worker->bans,
        .login_failed = worker_login_failed,
        .owner = worker,
    };

    worker->services[index] = service_new(&setup, err);
    if (!worker->services[index] || !worker_give_secrets(worker, worker->services[index], err))
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
        if (worker->inventories[i] >= 0 && !worker_offer_keys(worker, i, err))
            return false;
    return true;
}

bool worker_build(struct worker *worker, struct err *err)
{
    worker->loop = loop_new(err);
    worker->started = worker->loop && remote_key_setup(err) && build_configuration(worker, err) &&
                      build_memory(worker, err) && build_signers(worker, err) &&
                      worker_build_backends(worker, err) && build_services(worker, err);
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
    if (worker->bans)
        (void)munmap(worker->bans, sizeof *worker->bans);
    backends_free(worker->backends);
    resolver_free(worker->resolver);
    quotas_free(worker->quotas);
    if (worker->ticket_secrets)
        explicit_bzero(worker->ticket_secrets, sizeof *worker->ticket_secrets);
    free(worker->ticket_secrets);
    policy_unref(worker->policy);
    policy_unref(worker->first);
    loop_free(worker->loop);
}
