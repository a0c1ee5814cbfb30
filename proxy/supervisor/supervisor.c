#include "supervisor.h"

#include "clock.h"
#include "feed.h"
#include "log.h"
#include "message.h"
#include "orders.h"
#include "setup.h"
#include "status.h"

#include <signal.h>
#include <stdio.h>

enum { TICK_MS = 250 };

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
        phase_end(supervisor, log_keeper_exit_code(supervisor->logs));
    }
    phase_advance(supervisor);
}

static void logs_feed(void *owner)
{
    feed_all(owner);
}

/* Each crew that it signs for. */
static void keystore_tell(struct supervisor *supervisor, struct keystore *keystore,
                          void (*tell)(struct crew *crew, struct keystore *keystore))
{
    struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        if (crew->workers && crew_index(crew, keystore) >= 0)
            tell(crew, keystore);
    }
}

static void keystore_offers(void *owner, struct keystore *keystore)
{
    keystore_tell(owner, keystore, crew_tell_inventory);
}

static void keystore_has_queue(void *owner, struct keystore *keystore)
{
    keystore_tell(owner, keystore, crew_tell_queue);
}

/* Of all that know by now, whoever's signer it was: each may have its PIN from another file. */
static void remember_refusals(struct supervisor *supervisor, const struct keystore *closed)
{
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++) {
        const struct keystore *one = supervisor->keystores[i];

        if (one && (one == closed || keystore_pin_refused(one)))
            refusals_add(&supervisor->refusals, keystore_conf(one), keystore_pin(one));
    }
}

static void keystore_is_changed(void *owner, struct keystore *keystore)
{
    struct supervisor *supervisor = owner;

    if (keystore_trouble(keystore) == TROUBLE_CLOSED)
        remember_refusals(supervisor, keystore);
    /* Sessions of a drain, and of a stop, want signatures to their end. */
    if (supervisor->phase <= PHASE_STOP_WORKERS && !supervisor->options->check) {
        keystore_tell(supervisor, keystore, crew_tell_can_sign);
        feed_keystore(supervisor, keystore);
    }
    phase_advance(supervisor);
}

static void keystore_page(void *owner, struct keystore *keystore, uint32_t index, int fd)
{
    feed_signer(owner, keystore, index, fd);
}

static const struct keystore_user keystore_table = {.inventory = keystore_offers,
                                                    .queue = keystore_has_queue,
                                                    .changed = keystore_is_changed,
                                                    .page = keystore_page};

static bool control_status(void *owner, struct buf *out)
{
    return status_write(owner, out);
}

static uint64_t control_reload(void *owner)
{
    return reload_ask(owner);
}

static bool control_order(void *owner, const char *word, const char *argument, struct buf *answer)
{
    return orders_do(owner, word, argument, answer);
}

static const struct control_user control_table = {
    .status = control_status, .reload = control_reload, .order = control_order};

/* -- signals and time -------------------------------------------------------------------------- */

static void on_hup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop;
    (void)events;
    (void)reload_ask(watcher->data);
}

static void on_usr1(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)loop;
    (void)events;
    log_keeper_reopen(supervisor->logs);
}

static void stop_at_once(struct supervisor *supervisor)
{
    struct crew *crew;

    supervisor->at_once = true;
    if (supervisor->phase == PHASE_STOP_WORKERS)
        TAILQ_FOREACH(crew, &supervisor->crews, entry) crew_stop(crew, 0);
    if (supervisor->phase == PHASE_STOP_SIGNERS)
        for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++)
            if (supervisor->keystores[i])
                keystore_stop(supervisor->keystores[i], true);
    if (supervisor->phase == PHASE_STOP_HOUSEKEEPER)
        log_keeper_stop(supervisor->logs, true);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)loop;
    (void)events;
    log_event(LOG_LEVEL_INFO, "stop", "signal %d", watcher->signum);
    if (supervisor->phase < PHASE_STOP_WORKERS ||
        (supervisor->phase == PHASE_STOP_WORKERS && supervisor->draining)) {
        supervisor->draining = false;
        phase_enter(supervisor, PHASE_STOP_WORKERS);
    } else {
        stop_at_once(supervisor);
    }
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    phase_expired(watcher->data);
}

/* As long as the longest lifetime of a ticket wants its secret kept. */
static uint64_t session_lifetime_ms(const struct conf *conf)
{
    uint64_t longest_ms = 0;

    for (size_t i = 0; i < conf->listener_count; i++)
        if (conf->listeners[i].session_lifetime_ms > longest_ms)
            longest_ms = conf->listeners[i].session_lifetime_ms;
    return longest_ms;
}

/* What all workers share. */
static void tick_shared(struct supervisor *supervisor, uint64_t now_ms)
{
    const struct conf *conf = supervisor->current->generation->conf;
    struct crew *crew;

    generation_watch_binds(supervisor->current->generation);
    if (supervisor->bans && supervisor->history)
        counter_set(&supervisor->history->bans, ban_keeper_tick(supervisor->bans, now_ms));
    if (ticket_ring_turn(&supervisor->tickets, session_lifetime_ms(conf), now_ms))
        TAILQ_FOREACH(crew, &supervisor->crews, entry) crew_tell_secrets(crew);
}

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;
    uint64_t now_ms = clock_monotonic_ms();
    struct crew *crew;

    (void)loop;
    (void)events;
    standstill_look(&supervisor->family.standstill, now_ms);
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++)
        if (supervisor->keystores[i])
            keystore_tick(supervisor->keystores[i], now_ms);
    TAILQ_FOREACH(crew, &supervisor->crews, entry) worker_pool_tick(crew->workers, now_ms);
    tick_shared(supervisor, now_ms);
    log_keeper_tick(supervisor->logs, now_ms);
}

static void log_crew_end(const struct crew *crew)
{
    struct log_line line;

    if (!crew->shown)
        return;
    log_begin(&line, LOG_LEVEL_INFO, "generation-end");
    log_number(&line, "generation", (int64_t)crew->generation->number);
    log_number(&line, "ms", (int64_t)(clock_monotonic_ms() - crew->born_ms));
    log_end(&line);
}

/* What has ended is freed here, where nobody is inside it. */
static void supervisor_reap(struct supervisor *supervisor)
{
    struct crew *crew = TAILQ_FIRST(&supervisor->crews), *next;

    for (; crew; crew = next) {
        next = TAILQ_NEXT(crew, entry);
        if (crew == supervisor->current || crew->state < CREW_DRAINING || !worker_pool_idle(crew->workers))
            continue;
        log_crew_end(crew);
        feed_crew_gone(supervisor, crew);
        crew_free(crew);
    }
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++) {
        struct keystore *keystore = supervisor->keystores[i];

        if (!keystore || !keystore_stopping(keystore) || !keystore_idle(keystore) ||
            (supervisor->current && crew_index(supervisor->current, keystore) >= 0))
            continue;
        supervisor->keystores[i] = NULL;
        keystore_free(keystore);
    }
}

/* Once a turn, before the loop waits. */
static void on_turn(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)loop;
    (void)events;
    supervisor_reap(supervisor);
    reload_turn(supervisor);
    log_keeper_flush(supervisor->logs);
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
    ev_prepare_init(&supervisor->turn, on_turn);
    supervisor->tick.data = supervisor->deadline.data = supervisor->turn.data = supervisor;
    standstill_look(&supervisor->family.standstill, clock_monotonic_ms());
    ev_timer_start(supervisor->loop, &supervisor->tick);
    ev_prepare_start(supervisor->loop, &supervisor->turn);
}

static const struct setup_users users = {
    .logs_ready = logs_ready,
    .logs_gone = logs_gone,
    .logs_feed = logs_feed,
    .keystore = &keystore_table,
    .control = &control_table,
};

int supervisor_main(const struct supervisor_options *options)
{
    static struct supervisor supervisor;
    int code = CHILD_EXIT_CONFIGURATION;

    if (setup_make(&supervisor, options, &users)) {
        supervisor_watch(&supervisor);
        phase_enter(&supervisor, PHASE_HOUSEKEEPER);
        /* What failed at once has asked the loop to stop before it ran: it would not know any more. */
        if (supervisor.phase != PHASE_OVER)
            ev_run(supervisor.loop, 0);
        code = supervisor.exit_code;
        if (options->check && code == CHILD_EXIT_OK)
            (void)printf("%s: configuration is fine\n", options->configuration);
    }
    setup_clear(&supervisor);
    return code;
}
