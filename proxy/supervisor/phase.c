#include "phase.h"

#include "log.h"
#include "message.h"
#include "setup.h"

#include <stdio.h>
#include <unistd.h>

enum {
    KEYSTORES_MS = 15000,
    KEYSTORES_CHECK_MS = 130000, /* a check waits as long as a signer may take */
    WORKERS_MS = 60000,
    HOUSEKEEPER_STOP_MS = 5000,
};

void phase_say(const char *text)
{
    (void)fprintf(stderr, "%s\n", text);
}

void phase_end(struct supervisor *supervisor, int code)
{
    /* A check has one word for all that keeps p11gate from starting. */
    if (code == CHILD_EXIT_AGAIN && supervisor->options->check)
        code = CHILD_EXIT_CONFIGURATION;
    if (!supervisor->exit_code || code == CHILD_EXIT_PIN)
        supervisor->exit_code = code;
    if (supervisor->phase < PHASE_STOP_WORKERS)
        phase_enter(supervisor, PHASE_STOP_WORKERS);
}

/* -- the keystores at the start ----------------------------------------------------------------- */

/* At the start a keystore that cannot ever sign ends everything; one whose token is away does not. */
static void keystores_judge(struct supervisor *supervisor)
{
    const struct crew *crew = supervisor->current;

    for (size_t i = 0; i < crew->keystore_count; i++) {
        enum trouble trouble = keystore_trouble(crew->keystores[i]);

        if (!trouble_is_final(trouble))
            continue;
        phase_say(keystore_reason(crew->keystores[i]));
        phase_end(supervisor, trouble_exit_code(trouble));
        return;
    }
    if (crew_keystores_settled(supervisor->current))
        phase_enter(supervisor, PHASE_WORKERS);
}

/* A check shows what is wrong with every keystore, an absent token too, and then looks at the workers. */
static void keystores_judge_check(struct supervisor *supervisor)
{
    const struct crew *crew = supervisor->current;

    if (!crew_keystores_settled(crew))
        return;
    for (size_t i = 0; i < crew->keystore_count; i++) {
        enum trouble trouble = keystore_trouble(crew->keystores[i]);

        if (trouble == TROUBLE_NONE)
            continue;
        phase_say(keystore_reason(crew->keystores[i]));
        if (!supervisor->exit_code || trouble == TROUBLE_CLOSED)
            supervisor->exit_code = trouble_exit_code(trouble);
    }
    phase_enter(supervisor, PHASE_WORKERS);
}

static void log_ready(struct supervisor *supervisor)
{
    const struct generation *generation = supervisor->current->generation;
    struct log_line line;

    log_begin(&line, LOG_LEVEL_INFO, "ready");
    log_text(&line, "version", P11GATE_VERSION);
    log_number(&line, "pid", getpid());
    log_number(&line, "workers", generation->conf->workers);
    log_number(&line, "binds", (int64_t)generation->bind_count);
    log_number(&line, "keystores", (int64_t)supervisor->current->keystore_count);
    log_end(&line);
}

/* -- phases ------------------------------------------------------------------------------------ */

static void phase_deadline(struct supervisor *supervisor, uint64_t span_ms)
{
    ev_timer_stop(supervisor->loop, &supervisor->deadline);
    if (!span_ms)
        return;
    ev_timer_set(&supervisor->deadline, (double)span_ms / 1000., 0.);
    ev_timer_start(supervisor->loop, &supervisor->deadline);
}

static void enter_housekeeper(struct supervisor *supervisor)
{
    struct err err;

    if (log_keeper_start(supervisor->logs, &err))
        return;
    phase_say(err.text);
    phase_end(supervisor, CHILD_EXIT_AGAIN);
}

static void enter_keystores(struct supervisor *supervisor)
{
    bool check = supervisor->options->check;

    if (supervisor->current->keystore_count == 0 || (check && supervisor->options->no_token)) {
        phase_enter(supervisor, PHASE_WORKERS);
        return;
    }
    phase_deadline(supervisor, check ? KEYSTORES_CHECK_MS : KEYSTORES_MS);
    crew_start_keystores(supervisor->current);
}

static void enter_workers(struct supervisor *supervisor)
{
    phase_deadline(supervisor, WORKERS_MS);
    crew_start_workers(supervisor->current);
}

static void enter_running(struct supervisor *supervisor)
{
    if (supervisor->options->check) {
        phase_end(supervisor, supervisor->exit_code);
        return;
    }
    crew_serve(supervisor->current);
    log_ready(supervisor);
}

/* Everything else goes on as before until the last session has ended. */
static void drain_crews(struct supervisor *supervisor)
{
    uint64_t drain_ms = supervisor->current->generation->conf->drain_timeout_ms;
    struct crew *crew;

    if (supervisor->reload.step != RELOAD_IDLE)
        reload_fail(supervisor, "p11gate drains");
    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        if (crew->state == CREW_SERVING)
            crew_drain(crew, drain_ms);
    }
    phase_advance(supervisor);
}

static void enter_stop_workers(struct supervisor *supervisor, enum phase from)
{
    uint64_t stop_ms = supervisor->current->generation->conf->stop_timeout_ms;
    struct crew *crew;

    if (supervisor->draining) {
        drain_crews(supervisor);
        return;
    }
    supervisor->family.stopping = true;
    /* From a drain, too, there are sessions that want a word. */
    if ((from != PHASE_RUNNING && from != PHASE_STOP_WORKERS) || supervisor->at_once ||
        supervisor->options->check)
        stop_ms = 0;
    if (supervisor->reload.step != RELOAD_IDLE)
        reload_fail(supervisor, "p11gate stops");
    TAILQ_FOREACH(crew, &supervisor->crews, entry) crew_stop(crew, stop_ms);
    phase_advance(supervisor);
}

static bool workers_idle(const struct supervisor *supervisor)
{
    const struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        if (!worker_pool_idle(crew->workers))
            return false;
    }
    return true;
}

static bool keystores_idle(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++)
        if (supervisor->keystores[i] && !keystore_idle(supervisor->keystores[i]))
            return false;
    return true;
}

static void enter_stop_signers(struct supervisor *supervisor)
{
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++)
        if (supervisor->keystores[i])
            keystore_stop(supervisor->keystores[i], supervisor->at_once);
    phase_advance(supervisor);
}

static void enter_stop_housekeeper(struct supervisor *supervisor)
{
    if (!supervisor->options->check)
        log_event(LOG_LEVEL_INFO, "stopped", NULL);
    log_keeper_stop(supervisor->logs, false);
    phase_deadline(supervisor, HOUSEKEEPER_STOP_MS);
    phase_advance(supervisor);
}

void phase_enter(struct supervisor *supervisor, enum phase phase)
{
    enum phase from = supervisor->phase;

    supervisor->phase = phase;
    phase_deadline(supervisor, 0);
    switch (phase) {
    case PHASE_MADE:
        break;
    case PHASE_HOUSEKEEPER:
        enter_housekeeper(supervisor);
        break;
    case PHASE_KEYSTORES:
        enter_keystores(supervisor);
        break;
    case PHASE_WORKERS:
        enter_workers(supervisor);
        break;
    case PHASE_RUNNING:
        enter_running(supervisor);
        break;
    case PHASE_STOP_WORKERS:
        enter_stop_workers(supervisor, from);
        break;
    case PHASE_STOP_SIGNERS:
        enter_stop_signers(supervisor);
        break;
    case PHASE_STOP_HOUSEKEEPER:
        enter_stop_housekeeper(supervisor);
        break;
    case PHASE_OVER:
        ev_break(supervisor->loop, EVBREAK_ALL);
        break;
    }
}

void phase_advance(struct supervisor *supervisor)
{
    switch ((int)supervisor->phase) {
    case PHASE_KEYSTORES:
        if (supervisor->options->check)
            keystores_judge_check(supervisor);
        else
            keystores_judge(supervisor);
        break;
    case PHASE_WORKERS:
        if (worker_pool_ready(supervisor->current->workers))
            phase_enter(supervisor, PHASE_RUNNING);
        break;
    case PHASE_RUNNING:
        reload_advance(supervisor);
        break;
    case PHASE_STOP_WORKERS:
        if (workers_idle(supervisor))
            phase_enter(supervisor, PHASE_STOP_SIGNERS);
        break;
    case PHASE_STOP_SIGNERS:
        if (keystores_idle(supervisor))
            phase_enter(supervisor, PHASE_STOP_HOUSEKEEPER);
        break;
    case PHASE_STOP_HOUSEKEEPER:
        if (log_keeper_idle(supervisor->logs))
            phase_enter(supervisor, PHASE_OVER);
        break;
    default:
        break;
    }
}

void phase_crew_failed(struct supervisor *supervisor, const struct crew *crew, const char *reason)
{
    if (supervisor->phase == PHASE_RUNNING && crew == supervisor->reload.crew) {
        reload_fail(supervisor, reason[0] ? reason : "a worker cannot use the configuration");
    } else if (supervisor->phase == PHASE_WORKERS) {
        phase_say(reason);
        phase_end(supervisor, CHILD_EXIT_CONFIGURATION);
    }
}

const char *phase_name(enum phase phase)
{
    if (phase < PHASE_RUNNING)
        return "starting";
    return phase == PHASE_RUNNING ? "running" : "stopping";
}

void phase_expired(struct supervisor *supervisor)
{
    if (supervisor->phase == PHASE_KEYSTORES && !supervisor->options->check) {
        log_event(LOG_LEVEL_WARNING, "keystore-slow", "starting without the keys that are not there yet");
        phase_enter(supervisor, PHASE_WORKERS);
    } else if (supervisor->phase == PHASE_KEYSTORES || supervisor->phase == PHASE_WORKERS) {
        phase_say(supervisor->phase == PHASE_WORKERS ? "the workers are not ready in time"
                                                     : "the signers are not ready in time");
        phase_end(supervisor, CHILD_EXIT_AGAIN);
    } else if (supervisor->phase == PHASE_STOP_HOUSEKEEPER) {
        log_keeper_stop(supervisor->logs, true);
    }
}
