#include "worker_names.h"

#include "backends.h"
#include "names.h"
#include "resolve.h"
#include "sealed.h"
#include "worker_setup.h"

#include <unistd.h>

enum { HOSTS_BYTES_MAX = 4 * 1024 * 1024 };

bool worker_take_hosts(struct worker *worker, size_t index, struct err *err)
{
    struct sealed text;
    bool fine = true;

    if (worker->hosts[index] < 0)
        return true;
    if (worker->resolver && !sealed_map(worker->hosts[index], HOSTS_BYTES_MAX, &text, err))
        return false;
    if (worker->resolver) {
        if (index)
            resolver_set_servers(worker->resolver, text.data, text.len);
        else
            fine = resolver_set_hosts(worker->resolver, text.data, text.len, err);
        sealed_unmap(&text);
    }
    (void)close(worker->hosts[index]);
    worker->hosts[index] = -1;
    return fine;
}

bool worker_build_backends(struct worker *worker, struct err *err)
{
    const struct conf *conf = worker->conf;
    struct backends_setup setup = {.loop = worker->loop, .counters = worker->counters};

    if (!names_open(worker->loop, conf, &worker->resolver, err) || !worker_take_hosts(worker, 0, err) ||
        !worker_take_hosts(worker, 1, err))
        return false;
    setup.resolver = worker->resolver;
    worker->backends = backends_new(&setup, err);
    if (!worker->backends)
        return false;
    for (size_t i = 0; i < conf->listener_count; i++)
        if (conf->listeners[i].enabled && !backends_add(worker->backends, &conf->listeners[i], err))
            return false;
    return true;
}
