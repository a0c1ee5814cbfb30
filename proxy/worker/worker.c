#include "worker.h"

#include "backends.h"
#include "clock.h"
#include "log.h"
#include "loop.h"
#include "pack.h"
#include "sandbox.h"
#include "service.h"
#include "worker_setup.h"

#include <ev.h>
#include <string.h>
#include <sys/resource.h>

enum {
    WORKER_HEARTBEAT_MS = 1000,
    WORKER_LAST_WORDS_MS = 10000, /* after drain-timeout: what is in the middle of something may end it */
};

/* The process: what worker_setup.h made, and what drives it. */
struct worker_process {
    struct worker worker;
    ev_io channel;
    ev_timer heartbeat, stop;
    bool retiring, draining;
};

static size_t worker_sessions(const struct worker *worker)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX; i++)
        count += worker->services[i] ? service_sessions(worker->services[i]) : 0;
    return count;
}

static void worker_end_sessions(struct worker_process *process)
{
    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX; i++)
        if (process->worker.services[i])
            service_stop(process->worker.services[i], REASON_STOPPING);
}

/* Once a turn. */
static void worker_before_wait(void *owner)
{
    struct worker_process *process = owner;

    login_reports_flush(&process->worker.reports, CHANNEL_FD);
    (void)log_flush();
    if ((process->draining || process->retiring) && !worker_sessions(&process->worker) &&
        !loop_streams(process->worker.loop))
        loop_stop(process->worker.loop);
}

static void worker_each_service(struct worker_process *process, void (*each)(struct service *service))
{
    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX; i++)
        if (process->worker.services[i])
            each(process->worker.services[i]);
}

static void worker_deadline(struct worker_process *process, uint32_t within_ms)
{
    struct ev_loop *ev = loop_ev(process->worker.loop);

    ev_timer_stop(ev, &process->stop);
    ev_timer_set(&process->stop, (double)within_ms / 1000., 0.);
    ev_timer_start(ev, &process->stop);
}

static void worker_retire(struct worker_process *process, uint32_t within_ms)
{
    process->retiring = true;
    worker_each_service(process, service_retire);
    worker_deadline(process, within_ms);
}

static void worker_drain(struct worker_process *process, uint32_t within_ms)
{
    process->draining = true;
    worker_each_service(process, service_drain);
    worker_deadline(process, within_ms);
}

static void worker_time_is_up(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct worker_process *process = timer->data;

    (void)ev;
    (void)events;
    if (!process->draining) {
        worker_drain(process, WORKER_LAST_WORDS_MS);
        return;
    }
    worker_end_sessions(process);
    loop_stop(process->worker.loop);
}

/* u8 enabled, text. */
static void worker_set_backend(struct worker *worker, struct unpack *in)
{
    bool enabled = unpack_u8(in);
    const char *name = unpack_text(in);

    if (unpack_done(in))
        (void)backends_set_enabled(worker->backends, name, enabled);
}

/* u8 enabled, text: those that are enabled come as sockets. */
static void worker_close_listener(struct worker *worker, struct unpack *in)
{
    bool enabled = unpack_u8(in);
    const char *alias = unpack_text(in);

    for (size_t i = 0; unpack_done(in) && !enabled && i < worker->conf->listener_count; i++)
        if (worker->services[i] && strcmp(worker->conf->listeners[i].alias, alias) == 0)
            service_close(worker->services[i]);
}

static void worker_kick(struct worker_process *process, uint64_t session)
{
    for (size_t i = 0; i < COUNTERS_LISTENERS_MAX; i++)
        if (process->worker.services[i] && service_kick(process->worker.services[i], session))
            return;
}

static void worker_message(struct worker_process *process, struct channel_message *message)
{
    struct unpack in;
    uint32_t number;
    struct err err;

    unpack_start(&in, message->payload, message->len);
    switch (message->type) {
    case MESSAGE_GRANT:
        if (!worker_take_grants(&process->worker, message, &err))
            log_event(LOG_LEVEL_ERROR, "grant-refused", "%s", err.text);
        return;
    case MESSAGE_KEYSTORE:
        number = unpack_u32(&in);
        worker_set_keystore(&process->worker, number, unpack_u8(&in));
        break;
    case MESSAGE_BACKEND:
        worker_set_backend(&process->worker, &in);
        break;
    case MESSAGE_LISTENER:
        worker_close_listener(&process->worker, &in);
        break;
    case MESSAGE_KICK:
        worker_kick(process, unpack_u64(&in));
        break;
    case MESSAGE_DRAIN:
        worker_retire(process, unpack_u32(&in));
        break;
    case MESSAGE_STOP:
        worker_drain(process, unpack_u32(&in));
        break;
    default:
        break;
    }
    channel_close_fds(message);
}

static void worker_channel_ready(struct ev_loop *ev, ev_io *watcher, int events)
{
    static struct channel_message message;
    struct worker_process *process = watcher->data;
    struct err err;

    (void)ev;
    (void)events;
    switch (channel_receive(CHANNEL_FD, &message, &err)) {
    case CHANNEL_OK:
        worker_message(process, &message);
        break;
    case CHANNEL_AGAIN:
        break;
    case CHANNEL_CLOSED:
    case CHANNEL_FAILED:
        /* Without a supervisor nobody would ever stop or replace us. */
        worker_end_sessions(process);
        loop_stop(process->worker.loop);
        break;
    }
}

static void worker_beat(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct worker_process *process = timer->data;

    (void)ev;
    (void)events;
    counter_set(&process->worker.counters->heartbeat_ms, clock_monotonic_ms());
    counter_set(&process->worker.counters->log_dropped, log_dropped());
}

static void worker_watch(struct worker_process *process)
{
    struct ev_loop *ev = loop_ev(process->worker.loop);

    ev_io_init(&process->channel, worker_channel_ready, CHANNEL_FD, EV_READ);
    ev_timer_init(&process->heartbeat, worker_beat, 0., WORKER_HEARTBEAT_MS / 1000.);
    ev_timer_init(&process->stop, worker_time_is_up, 0., 0.);
    process->channel.data = process->heartbeat.data = process->stop.data = process;
    /* Before clients: what is granted behind the start counts for the first of them already. */
    ev_set_priority(&process->channel, EV_MAXPRI);
    ev_io_start(ev, &process->channel);
    ev_timer_start(ev, &process->heartbeat);
}

/* As many connections as the hard limit allows. */
static void worker_raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static bool worker_start(struct worker_process *process, struct err *err)
{
    struct err warning = {.text = ""};

    worker_raise_limits();
    if (!worker_collect(&process->worker, err) || !worker_build(&process->worker, err))
        return false;
    worker_watch(process);
    if (!sandbox_enter(process->worker.resolver, &warning, err))
        return false;
    if (warning.text[0])
        log_event(LOG_LEVEL_WARNING, "sandbox", "%s", warning.text);
    return true;
}

int worker_main(void)
{
    static struct worker_process process;
    struct err err;

    sandbox_hide();
    worker_init(&process.worker);
    if (!worker_start(&process, &err)) {
        (void)message_send_text(CHANNEL_FD, MESSAGE_FAULT, CHILD_EXIT_CONFIGURATION, err.text);
        worker_clear(&process.worker);
        return CHILD_EXIT_CONFIGURATION;
    }
    (void)channel_send(CHANNEL_FD, MESSAGE_READY, NULL, 0, NULL, 0);
    loop_run(process.worker.loop, worker_before_wait, &process);
    (void)log_flush();
    worker_clear(&process.worker);
    return CHILD_EXIT_OK;
}
