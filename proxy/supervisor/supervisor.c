#include "supervisor.h"

#include "clock.h"
#include "log.h"
#include "message.h"
#include "pack.h"
#include "setup.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 250, KEYSTORE_MESSAGE_LEN = 5 };

/* -- what the parts tell ----------------------------------------------------------------------- */

static void logs_ready(void *owner)
{
    struct supervisor *supervisor = owner;

    if (supervisor->phase == PHASE_HOUSEKEEPER)
        phase_enter(supervisor, PHASE_KEYSTORES);
}

static void logs_gone(void *owner)
{
    struct supervisor *supervisor = owner;

    if (supervisor->phase == PHASE_HOUSEKEEPER) {
        const char *fault = log_keeper_fault(supervisor->logs);

        phase_say(fault[0] ? fault : "the housekeeper ended before it was ready");
        phase_end(supervisor, CHILD_EXIT_CONFIGURATION);
    }
    phase_advance(supervisor);
}

static void keystore_offers(void *owner, struct keystore *keystore)
{
    struct supervisor *supervisor = owner;

    if (supervisor->phase >= PHASE_WORKERS)
        worker_pool_grant(supervisor->workers, GRANT_INVENTORY, (uint32_t)keystore_index(keystore),
                          keystore_inventory(keystore));
}

static void keystore_has_queue(void *owner, struct keystore *keystore)
{
    struct supervisor *supervisor = owner;

    worker_pool_grant(supervisor->workers, GRANT_QUEUE, (uint32_t)keystore_index(keystore),
                      keystore_queue(keystore));
}

/* MESSAGE_KEYSTORE: u32 keystore, u8 can_sign. */
static void keystore_message(const struct keystore *keystore, uint8_t payload[KEYSTORE_MESSAGE_LEN])
{
    struct buf packed;

    buf_init(&packed, KEYSTORE_MESSAGE_LEN);
    if (pack_u32(&packed, (uint32_t)keystore_index(keystore)) &&
        pack_u8(&packed, keystore_can_sign(keystore)))
        memcpy(payload, buf_data(&packed), KEYSTORE_MESSAGE_LEN);
    buf_free(&packed);
}

static void keystore_is_changed(void *owner, struct keystore *keystore)
{
    struct supervisor *supervisor = owner;
    uint8_t payload[KEYSTORE_MESSAGE_LEN] = {0};

    if (supervisor->phase == PHASE_WORKERS || supervisor->phase == PHASE_RUNNING) {
        keystore_message(keystore, payload);
        worker_pool_send(supervisor->workers, MESSAGE_KEYSTORE, payload, sizeof payload);
    }
    phase_advance(supervisor);
}

static const struct keystore_user keystore_table = {
    .inventory = keystore_offers, .queue = keystore_has_queue, .changed = keystore_is_changed};

static size_t workers_grants(void *owner, struct grant *out, size_t max)
{
    const struct supervisor *supervisor = owner;
    size_t count = 0;

    for (size_t i = 0; i < supervisor->keystore_count && count + 2 <= max; i++) {
        int inventory = keystore_inventory(supervisor->keystores[i]);

        out[count++] = (struct grant){GRANT_QUEUE, (uint32_t)i, keystore_queue(supervisor->keystores[i])};
        if (inventory >= 0)
            out[count++] = (struct grant){GRANT_INVENTORY, (uint32_t)i, inventory};
    }
    return count;
}

static void workers_started(void *owner, struct child *worker)
{
    struct supervisor *supervisor = owner;

    for (size_t i = 0; i < supervisor->keystore_count; i++) {
        uint8_t payload[KEYSTORE_MESSAGE_LEN] = {0};

        if (keystore_can_sign(supervisor->keystores[i]) || supervisor->options->check)
            continue;
        keystore_message(supervisor->keystores[i], payload);
        child_send(worker, MESSAGE_KEYSTORE, payload, sizeof payload);
    }
    phase_advance(supervisor);
}

/* Later it is in the log as child-exit, and tried again. */
static void workers_faulted(void *owner, const char *reason)
{
    struct supervisor *supervisor = owner;

    if (supervisor->phase != PHASE_WORKERS)
        return;
    phase_say(reason);
    phase_end(supervisor, CHILD_EXIT_CONFIGURATION);
}

/* Its word is not believed: a good queue is granted to it again, a bad one is seen by the keystore itself. */
static void workers_queue_broken(void *owner, struct child *worker, uint32_t index)
{
    struct supervisor *supervisor = owner;
    struct keystore *keystore = supervisor->keystores[index];
    int before = keystore_queue(keystore);

    keystore_tick(keystore, clock_monotonic_ms());
    if (keystore_queue(keystore) == before) {
        const struct grant grant = {GRANT_QUEUE, index, before};

        child_grant(worker, &grant, 1);
    }
}

static void workers_ended(void *owner)
{
    phase_advance(owner);
}

static const struct worker_pool_user workers_table = {
    .grants = workers_grants,
    .started = workers_started,
    .faulted = workers_faulted,
    .queue_broken = workers_queue_broken,
    .ended = workers_ended,
};

/* -- signals and time -------------------------------------------------------------------------- */

static void on_hup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
    log_event(LOG_LEVEL_WARNING, "reload-refused", "this version reads its configuration at the start only");
}

static void on_usr1(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)loop;
    (void)events;
    log_keeper_reopen(supervisor->logs);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)loop;
    (void)events;
    log_event(LOG_LEVEL_INFO, "stop", "signal %d", watcher->signum);
    if (supervisor->phase < PHASE_STOP_WORKERS) {
        phase_enter(supervisor, PHASE_STOP_WORKERS);
        return;
    }
    supervisor->at_once = true;
    if (supervisor->phase == PHASE_STOP_WORKERS)
        worker_pool_stop(supervisor->workers, 0);
    for (size_t i = 0; supervisor->phase == PHASE_STOP_SIGNERS && i < supervisor->keystore_count; i++)
        keystore_stop(supervisor->keystores[i], true);
    if (supervisor->phase == PHASE_STOP_HOUSEKEEPER)
        log_keeper_stop(supervisor->logs, true);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    phase_expired(watcher->data);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;
    uint64_t now_ms = clock_monotonic_ms();

    (void)loop;
    (void)events;
    for (size_t i = 0; i < supervisor->keystore_count; i++)
        keystore_tick(supervisor->keystores[i], now_ms);
    worker_pool_tick(supervisor->workers, now_ms);
    log_keeper_tick(supervisor->logs, now_ms);
}

static void on_flush(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
    (void)log_flush();
}

static void watch_signal(struct supervisor *supervisor, ev_signal *watcher,
                         void (*act)(struct ev_loop *, ev_signal *, int), int number)
{
    ev_signal_init(watcher, act, number);
    watcher->data = supervisor;
    ev_signal_start(supervisor->loop, watcher);
}

static void supervisor_watch(struct supervisor *supervisor)
{
    watch_signal(supervisor, &supervisor->hup, on_hup, SIGHUP);
    watch_signal(supervisor, &supervisor->usr1, on_usr1, SIGUSR1);
    watch_signal(supervisor, &supervisor->term, on_term, SIGTERM);
    watch_signal(supervisor, &supervisor->interrupt, on_term, SIGINT);
    ev_timer_init(&supervisor->tick, on_tick, TICK_MS / 1000., TICK_MS / 1000.);
    ev_init(&supervisor->deadline, on_deadline);
    ev_prepare_init(&supervisor->flush, on_flush);
    supervisor->tick.data = supervisor->deadline.data = supervisor;
    ev_timer_start(supervisor->loop, &supervisor->tick);
    ev_prepare_start(supervisor->loop, &supervisor->flush);
}

static const struct setup_users users = {
    .logs_ready = logs_ready, .logs_gone = logs_gone, .keystore = &keystore_table, .workers = &workers_table};

int supervisor_main(const struct supervisor_options *options)
{
    static struct supervisor supervisor;
    int code = CHILD_EXIT_CONFIGURATION;

    if (setup_make(&supervisor, options, &users)) {
        supervisor_watch(&supervisor);
        phase_enter(&supervisor, PHASE_HOUSEKEEPER);
        ev_run(supervisor.loop, 0);
        code = supervisor.exit_code;
        if (options->check && code == CHILD_EXIT_OK)
            (void)printf("%s: configuration is fine\n", options->configuration);
    }
    setup_clear(&supervisor);
    return code;
}
