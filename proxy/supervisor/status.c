#include "status.h"

#include "clock.h"
#include "setup.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One thing after the other goes in; the first that has no memory spoils the whole. */
static void put(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
    put(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

/* -- generations --------------------------------------------------------------------------------- */

static const char *crew_state_name(const struct crew *crew)
{
    switch (crew->state) {
    case CREW_MADE:
        return "starting";
    case CREW_SERVING:
        return "serving";
    case CREW_DRAINING:
        return "draining";
    case CREW_STOPPING:
        break;
    }
    return "stopping";
}

static uint64_t worker_sessions(const struct worker_view *worker, size_t listeners)
{
    uint64_t sessions = 0;

    for (size_t i = 0; i < listeners; i++)
        sessions = sum(sessions, counter_get(&worker->page->listeners[i].sessions));
    return sessions;
}

static json_t *workers_of(const struct crew *crew)
{
    json_t *list = json_array();

    for (size_t i = 0; crew->workers && i < worker_pool_count(crew->workers); i++) {
        const struct worker_view worker = worker_pool_view(crew->workers, i);
        json_t *one = json_object();

        put_number(one, "pid", (uint64_t)worker.pid);
        put(one, "state", json_string(!worker.pid ? "down" : worker.ready ? "ready" : "starting"));
        put_number(one, "sessions", worker_sessions(&worker, crew->generation->conf->listener_count));
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *generations(const struct supervisor *supervisor, uint64_t now_ms)
{
    json_t *list = json_array();
    const struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        json_t *one = json_object();

        put_number(one, "number", crew->generation->number);
        put(one, "state", json_string(crew_state_name(crew)));
        put_number(one, "age_s", (now_ms - crew->born_ms) / 1000);
        if (crew->state == CREW_DRAINING && crew->drain_until_ms > now_ms)
            put_number(one, "drains_for_s", (crew->drain_until_ms - now_ms) / 1000);
        put(one, "workers", workers_of(crew));
        (void)json_array_append_new(list, one);
    }
    return list;
}

/* -- keystores ----------------------------------------------------------------------------------- */

static json_t *signers_of(const struct keystore *keystore)
{
    static const char *const names[KEYSTORE_STATES] = {
        [SIGNER_STARTING] = "starting", [SIGNER_LOGGING_IN] = "logging_in", [SIGNER_READY] = "ready",
        [SIGNER_BUSY] = "busy",         [SIGNER_ABSENT] = "absent",         [SIGNER_FAULTY] = "faulty",
        [KEYSTORE_STATES - 1] = "down"};
    size_t counts[KEYSTORE_STATES];
    json_t *states = json_object();

    keystore_count_signers(keystore, counts);
    for (size_t i = 0; i < KEYSTORE_STATES; i++)
        if (counts[i])
            put_number(states, names[i], counts[i]);
    return states;
}

/* Of the workers of every generation that it signs for. */
static void put_users(json_t *one, const struct supervisor *supervisor, const struct keystore *keystore)
{
    uint64_t waiting = 0, in_flight = 0;
    json_t *numbers = json_array();
    const struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        int index = crew_index(crew, keystore);

        if (index < 0)
            continue;
        (void)json_array_append_new(numbers, json_integer((json_int_t)crew->generation->number));
        for (size_t i = 0; crew->workers && i < worker_pool_count(crew->workers); i++) {
            struct keystore_counters *counters = &worker_pool_view(crew->workers, i).page->keystores[index];

            waiting = sum(waiting, counter_get(&counters->waiting));
            in_flight = sum(in_flight, counter_get(&counters->in_flight));
        }
    }
    put(one, "generations", numbers);
    put_number(one, "waiting", waiting);
    put_number(one, "in_flight", in_flight);
}

static json_t *keystores(const struct supervisor *supervisor)
{
    json_t *list = json_array();

    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++) {
        const struct keystore *keystore = supervisor->keystores[i];
        json_t *one;

        if (!keystore || keystore_stopping(keystore))
            continue;
        one = json_object();
        put(one, "alias", json_string(keystore_conf(keystore)->alias));
        put(one, "can_sign", json_boolean(keystore_can_sign(keystore)));
        if (keystore_reason(keystore)[0])
            put(one, "reason", json_string(keystore_reason(keystore)));
        put(one, "signers", signers_of(keystore));
        put_users(one, supervisor, keystore);
        (void)json_array_append_new(list, one);
    }
    return list;
}

/* -- listeners ----------------------------------------------------------------------------------- */

static void add_pages(const struct crew *crew, const char *alias, struct listener_counters *total)
{
    const struct counters_names *names = &crew->generation->names;

    for (size_t i = 0; i < names->listener_count; i++) {
        if (strcmp(names->listeners[i], alias) != 0)
            continue;
        for (size_t k = 0; crew->workers && k < worker_pool_count(crew->workers); k++) {
            struct listener_counters *one = &worker_pool_view(crew->workers, k).page->listeners[i];

            listener_counters_add(total, one);
            counter_add_saturating(&total->sessions, counter_get(&one->sessions));
        }
    }
}

static json_t *listener(const struct supervisor *supervisor, const struct conf_listener *conf)
{
    struct listener_history *past = counters_history_listener(supervisor->history, conf->alias);
    struct listener_counters total = {0};
    json_t *one = json_object();
    const struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry) add_pages(crew, conf->alias, &total);
    if (past)
        listener_counters_add(&total, &past->counters);
    put(one, "alias", json_string(conf->alias));
    put(one, "enabled",
        json_boolean(conf->enabled && !switches_listener_off(&supervisor->switches, conf->alias)));
    put_number(one, "sessions", counter_get(&total.sessions));
    put_number(one, "sessions_total", counter_get(&total.sessions_total));
    put_number(one, "handshakes_full", counter_get(&total.handshakes_full));
    put_number(one, "handshakes_resumed", counter_get(&total.handshakes_resumed));
    put_number(one, "handshakes_failed", counter_get(&total.handshakes_failed));
    put_number(one, "bytes_in", counter_get(&total.bytes_in));
    put_number(one, "bytes_out", counter_get(&total.bytes_out));
    put_number(one, "transfers", counter_get(&total.transfers_done));
    put_number(one, "requests", counter_get(&total.requests));
    return one;
}

static json_t *listeners(const struct supervisor *supervisor)
{
    const struct conf *conf = supervisor->current->generation->conf;
    json_t *list = json_array();

    for (size_t i = 0; i < conf->listener_count; i++)
        (void)json_array_append_new(list, listener(supervisor, &conf->listeners[i]));
    return list;
}

/* -- all ----------------------------------------------------------------------------------------- */

static const char *reload_name(enum reload_step step)
{
    return step == RELOAD_IDLE ? "idle" : step == RELOAD_KEYSTORES ? "looking at tokens" : "starting workers";
}

bool status_write(const struct supervisor *supervisor, struct buf *out)
{
    uint64_t now_ms = clock_monotonic_ms();
    json_t *all = json_object();
    char *text;
    bool written;

    put(all, "version", json_string(P11GATE_VERSION));
    put_number(all, "pid", (uint64_t)getpid());
    put_number(all, "uptime_s", (now_ms - supervisor->started_ms) / 1000);
    put(all, "state", json_string(phase_name(supervisor->phase)));
    put(all, "configuration", json_string(supervisor->options->configuration));
    put(all, "reload", json_string(reload_name(supervisor->reload.step)));
    put(all, "generations", generations(supervisor, now_ms));
    put(all, "keystores", keystores(supervisor));
    put(all, "listeners", listeners(supervisor));
    text = json_dumps(all, JSON_INDENT(2));
    written = text && buf_add_text(out, text) && buf_add_text(out, "\n");
    free(text);
    json_decref(all);
    return written;
}
