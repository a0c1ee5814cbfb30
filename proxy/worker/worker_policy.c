#include "worker_policy.h"

#include "clock.h"
#include "log.h"
#include "policy.h"
#include "quotas.h"
#include "sealed.h"
#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct policy *worker_read_policy(int configuration, struct err *err)
{
    static struct conf_errors errors;
    struct conf_files *files;
    struct sealed sealed;
    struct conf *conf;
    const char *path;

    if (!sealed_map(configuration, CONF_FILES_BYTES_MAX, &sealed, err))
        return NULL;
    files = conf_files_from_memory(sealed.data, sealed.len);
    sealed_unmap(&sealed);
    path = files ? conf_files_first(files) : NULL;
    if (!path) {
        err_set(err, "the configuration in memory is malformed");
        conf_files_free(files);
        return NULL;
    }
    conf = conf_read(files, path, &errors);
    if (!conf) {
        *err = errors.items[0];
        conf_files_free(files);
        return NULL;
    }
    return policy_new(conf, files, err);
}

bool worker_take_policy(struct worker *worker, struct err *err)
{
    uint64_t began_ms = clock_monotonic_ms();
    struct policy *policy = worker_read_policy(worker->policy_files, err);
    bool taken = true;

    (void)close(worker->policy_files);
    worker->policy_files = -1;
    if (!policy)
        return false;
    policy_unref(worker->policy);
    worker->policy = policy;
    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX; i++) {
        if (!worker->services[i])
            continue;
        taken = service_set_policy(worker->services[i], policy) && taken;
        taken = worker_give_secrets(worker, worker->services[i], err) && taken;
    }
    log_event(LOG_LEVEL_DEBUG, "policy", "%zu partners, %llu ms", policy_conf(policy)->partner_count,
              (unsigned long long)(clock_monotonic_ms() - began_ms));
    if (!taken)
        err_set(err, "a part of the policy is not in force");
    return taken;
}

bool worker_read_secrets(struct worker *worker, struct err *err)
{
    struct sealed sealed;

    if (!worker->ticket_secrets)
        worker->ticket_secrets = calloc(1, sizeof *worker->ticket_secrets);
    if (!worker->ticket_secrets) {
        err_set(err, "out of memory");
        return false;
    }
    if (!sealed_map(worker->secrets, sizeof worker->ticket_secrets->items, &sealed, err))
        return false;
    if (sealed.len && sealed.len % TLS_TICKET_SECRET_LEN == 0) {
        worker->ticket_secrets->count = sealed.len / TLS_TICKET_SECRET_LEN;
        memcpy(worker->ticket_secrets->items, sealed.data, sealed.len);
    }
    sealed_unmap(&sealed);
    if (worker->ticket_secrets->count)
        return true;
    err_set(err, "the ticket secrets are malformed");
    return false;
}

bool worker_give_secrets(struct worker *worker, struct service *service, struct err *err)
{
    const struct service_secrets secrets = {
        (const uint8_t(*)[TLS_TICKET_SECRET_LEN])worker->ticket_secrets->items,
        worker->ticket_secrets->count};

    if (service_set_secrets(service, &secrets))
        return true;
    err_set(err, "the ticket secrets cannot be used");
    return false;
}

bool worker_take_secrets(struct worker *worker, struct err *err)
{
    bool taken = worker_read_secrets(worker, err);

    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX && taken; i++)
        if (worker->services[i])
            taken = worker_give_secrets(worker, worker->services[i], err);
    return taken;
}

bool worker_take_peer(struct worker *worker, uint32_t number, struct err *err)
{
    struct counters_page *page = NULL;

    if (number != worker->number)
        page = counters_view(worker->peer_page, sizeof *page, err);
    (void)close(worker->peer_page);
    worker->peer_page = -1;
    if (number == worker->number)
        return true;
    if (page && quotas_add_peer(worker->quotas, number, page))
        return true;
    if (page)
        err_set(err, "too many workers");
    return false;
}

void worker_login_failed(void *owner, size_t listener, const struct addr *peer)
{
    struct worker *worker = owner;

    login_reports_add(&worker->reports, (uint32_t)listener, peer);
}
