#include "reload.h"

#include "clock.h"
#include "feed.h"
#include "log.h"
#include "sealed.h"
#include "setup.h"

#include <string.h>
#include <unistd.h>

enum {
    RELOAD_KEYSTORES_MS = 130000, /* a signer ends its own start before that */
    RELOAD_WORKERS_MS = 30000,
    RELOAD_URGE_MS = 2000,
    RELOAD_TRIAL_MS = 1000,
    CREWS_MAX = 16, /* beyond it the oldest does not drain any longer */
};

/* -- the end of a reload ------------------------------------------------------------------------- */

static void reload_over(struct supervisor *supervisor, bool done, const char *text)
{
    struct reload *reload = &supervisor->reload;

    ev_timer_stop(supervisor->loop, &reload->deadline);
    reload->step = RELOAD_IDLE;
    reload->crew = NULL;
    if (reload->target >= 0)
        close(reload->target);
    reload->target = -1;
    control_socket_close(&reload->control);
    if (supervisor->control)
        control_reload_over(supervisor->control, reload->begun, done, text);
}

/* One event a line. */
static void log_failure(const char *why)
{
    while (*why) {
        size_t len = strcspn(why, "\n");

        log_event(LOG_LEVEL_ERROR, "reload-failed", "%.*s", (int)len, why);
        why += len + (why[len] == '\n');
    }
}

void reload_fail(struct supervisor *supervisor, const char *why)
{
    struct crew *crew = supervisor->reload.crew;

    log_failure(why);
    /* Freed when its workers are gone. */
    if (crew)
        crew_stop(crew, 0);
    reload_over(supervisor, false, why);
}

static void reload_refuse(struct supervisor *supervisor, const struct conf_errors *errors)
{
    struct buf why;

    buf_init(&why, sizeof *errors + CONF_ERRORS_MAX);
    for (size_t i = 0; i < errors->count; i++)
        (void)buf_printf(&why, "%s%s", i ? "\n" : "", errors->items[i].text);
    reload_fail(supervisor,
                buf_add(&why, "", 1) && buf_len(&why) > 1 ? (const char *)buf_data(&why) : "out of memory");
    buf_free(&why);
}

/* -- taking over --------------------------------------------------------------------------------- */

/* More generations than are wanted: the oldest lets its sessions go between two transfers. */
static void hurry_the_oldest(struct supervisor *supervisor)
{
    uint64_t now_ms = clock_monotonic_ms();
    size_t draining = 0, all = 0;
    struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        all++;
        draining += crew->state == CREW_DRAINING;
    }
    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        uint64_t left_ms = crew->drain_until_ms > now_ms ? crew->drain_until_ms - now_ms : 0;

        if (crew->state == CREW_DRAINING &&
            draining + 1 > supervisor->current->generation->conf->max_generations) {
            draining--;
            crew_stop(crew, left_ms > RELOAD_URGE_MS ? left_ms : RELOAD_URGE_MS);
        }
        if (crew != supervisor->current && all > CREWS_MAX) {
            all--;
            crew_stop(crew, RELOAD_URGE_MS);
        }
    }
}

static void retire_keystores(struct supervisor *supervisor)
{
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++)
        if (supervisor->keystores[i] && crew_index(supervisor->current, supervisor->keystores[i]) < 0)
            keystore_retire(supervisor->keystores[i]);
}

static void take_over_log(struct supervisor *supervisor)
{
    const struct generation *generation = supervisor->current->generation;

    log_keeper_change(supervisor->logs, &generation->user, generation->conf->log_target,
                      supervisor->reload.target);
    log_keeper_format(supervisor->logs, generation->conf->log_json);
    supervisor->reload.target = -1;
    log_set_level(generation->conf->log_level);
}

static void log_done(const struct supervisor *supervisor, size_t shared)
{
    const struct crew *crew = supervisor->current;
    struct log_line line;

    log_begin(&line, LOG_LEVEL_INFO, "reload-done");
    log_number(&line, "generation", (int64_t)crew->generation->number);
    log_text(&line, "kind", "generation");
    log_number(&line, "workers", crew->generation->conf->workers);
    log_number(&line, "keystores", (int64_t)crew->keystore_count);
    log_number(&line, "new_keystores", (int64_t)(crew->keystore_count - shared));
    log_number(&line, "ms", (int64_t)(clock_monotonic_ms() - supervisor->reload.began_ms));
    log_end(&line);
}

static size_t count_shared(const struct crew *crew, const struct crew *before)
{
    size_t count = 0;

    for (size_t i = 0; i < crew->keystore_count; i++)
        count += crew_index(before, crew->keystores[i]) >= 0;
    return count;
}

/* Everybody who works judges by it, also in generations that drain. */
static void tell_policy(struct supervisor *supervisor)
{
    struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        if (crew->shown)
            crew_tell_policy(crew, supervisor->current->generation);
    }
}

static void log_policy(const struct supervisor *supervisor)
{
    const struct generation *generation = supervisor->current->generation;
    struct log_line line;

    log_begin(&line, LOG_LEVEL_INFO, "reload-done");
    log_number(&line, "generation", (int64_t)generation->number);
    log_text(&line, "kind", "policy");
    log_number(&line, "partners", (int64_t)generation->conf->partner_count);
    log_text(&line, "tokens", supervisor->reload.asks_tokens ? "asked" : "not-asked");
    log_number(&line, "ms", (int64_t)(clock_monotonic_ms() - supervisor->reload.began_ms));
    log_end(&line);
}

/* The crew that was made for it has shown that it works, and goes with the old generation. */
static void reload_take_policy(struct supervisor *supervisor)
{
    struct crew *crew = supervisor->reload.crew;

    crew_swap_generations(supervisor->current, crew);
    crew_stop(crew, RELOAD_TRIAL_MS);
    tell_policy(supervisor);
    log_policy(supervisor);
    reload_over(supervisor, true, "policy");
}

static void reload_take_over(struct supervisor *supervisor)
{
    struct crew *before = supervisor->current, *crew = supervisor->reload.crew;

    crew_serve(crew);
    supervisor->current = crew;
    crew->shown = true;
    take_over_log(supervisor);
    feed_crew(supervisor, crew, before);
    crew_drain(before, crew->generation->conf->drain_timeout_ms);
    retire_keystores(supervisor);
    hurry_the_oldest(supervisor);
    tell_policy(supervisor);
    setup_control_change(supervisor, &supervisor->reload.control);
    log_done(supervisor, count_shared(crew, before));
    reload_over(supervisor, true, "generation");
}

/* -- step by step -------------------------------------------------------------------------------- */

static void reload_deadline(struct supervisor *supervisor, uint64_t span_ms)
{
    ev_timer *deadline = &supervisor->reload.deadline;

    ev_timer_stop(supervisor->loop, deadline);
    ev_timer_set(deadline, (double)span_ms / 1000., 0.);
    ev_timer_start(supervisor->loop, deadline);
}

static bool same_shape(const struct generation *one, const struct generation *other)
{
    return one->conf->shape[0] && strcmp(one->conf->shape, other->conf->shape) == 0;
}

/* Who is to be shut out does not wait for a token, whatever its state: a change of policy alone needs no new
 * signers. The same configuration once more can only mean the tokens. */
static bool asks_tokens(const struct generation *generation, const struct generation *before)
{
    return !same_shape(generation, before) ||
           sealed_same(generation->configuration, before->configuration, CONF_FILES_BYTES_MAX);
}

/* Everything that may fail before the first process is started. */
static struct crew *reload_make(struct supervisor *supervisor, struct generation *generation, struct err *err)
{
    const struct crew *before = supervisor->current;
    const struct conf *old = before->generation->conf, *conf = generation->conf;
    struct reload *reload = &supervisor->reload;

    if (strcmp(conf->log_target, old->log_target) != 0) {
        reload->target = log_keeper_open(conf->log_target, err);
        if (reload->target < 0) {
            err_context(err, "%s", conf->path);
            goto failed;
        }
    }
    if (strcmp(conf->control_socket, old->control_socket) != 0 &&
        !setup_control_open(conf, &reload->control, err))
        goto failed;
    switches_apply(&supervisor->switches, generation);
    if (!generation_bind(generation, before->generation, err))
        goto failed;
    reload->asks_tokens = asks_tokens(generation, before->generation);
    return reload->asks_tokens ? crew_new(supervisor, generation, before, err)
                               : crew_new_sharing(supervisor, generation, before, err);

failed:
    generation_leave(generation);
    return NULL;
}

static void reload_start_workers(struct supervisor *supervisor)
{
    struct reload *reload = &supervisor->reload;
    struct crew *crew = reload->crew;

    reload->step = RELOAD_WORKERS;
    reload->policy_only = same_shape(crew->generation, supervisor->current->generation) &&
                          count_shared(crew, supervisor->current) == crew->keystore_count;
    reload_deadline(supervisor, RELOAD_WORKERS_MS);
    if (reload->policy_only)
        crew_try_workers(crew);
    else
        crew_start_workers(crew);
}

/* The first keystore whose fresh look did not work out; NULL: none. */
static struct keystore *keystore_in_the_way(const struct crew *crew)
{
    for (size_t i = 0; i < crew->keystore_count; i++)
        if (keystore_settled(crew->keystores[i]) && !keystore_can_sign(crew->keystores[i]))
            return crew->keystores[i];
    return NULL;
}

/* A token that has no session free beside those of the signers that run: one of them makes room, once. */
static bool look_again(struct supervisor *supervisor, struct keystore *fresh)
{
    struct keystore *known = crew_keystore(supervisor->current, keystore_conf(fresh)->alias);

    if (!known || !keystore_full(fresh) || !keystore_make_room(known))
        return false;
    keystore_look_again(fresh);
    return true;
}

static void fail_for(struct supervisor *supervisor, const struct keystore *bad)
{
    struct err why;

    if (!keystore_full(bad)) {
        reload_fail(supervisor, keystore_reason(bad)); /* maybe several lines */
        return;
    }
    err_set(&why, "%s", keystore_reason(bad));
    err_context(&why, "a reload needs one signer more than run, and none of them can be spared");
    reload_fail(supervisor, why.text);
}

static void advance_keystores(struct supervisor *supervisor)
{
    struct crew *crew = supervisor->reload.crew;
    struct keystore *bad = keystore_in_the_way(crew);

    if (bad && look_again(supervisor, bad))
        return;
    if (bad) {
        fail_for(supervisor, bad);
    } else if (crew_keystores_settled(crew)) {
        crew_share_keystores(crew, supervisor->current);
        reload_start_workers(supervisor);
    }
}

static void reload_begin(struct supervisor *supervisor)
{
    static struct conf_errors errors;
    struct reload *reload = &supervisor->reload;
    struct generation *generation;

    reload->asked = false;
    reload->begun++;
    reload->began_ms = clock_monotonic_ms();
    log_event(LOG_LEVEL_INFO, "reload", "%s", supervisor->options->configuration);
    generation =
        generation_read(supervisor->options->configuration, supervisor->current->generation, &errors);
    if (!generation) {
        reload_refuse(supervisor, &errors);
        return;
    }
    reload->crew = reload_make(supervisor, generation, &errors.items[0]);
    if (!reload->crew) {
        reload_fail(supervisor, errors.items[0].text);
        return;
    }
    if (reload->asks_tokens) {
        reload->step = RELOAD_KEYSTORES;
        reload_deadline(supervisor, RELOAD_KEYSTORES_MS);
        crew_start_keystores(reload->crew);
        reload_advance(supervisor);
    } else {
        reload_start_workers(supervisor);
    }
}

void reload_advance(struct supervisor *supervisor)
{
    struct reload *reload = &supervisor->reload;

    if (reload->step == RELOAD_KEYSTORES)
        advance_keystores(supervisor);
    else if (reload->step == RELOAD_WORKERS && reload->policy_only &&
             worker_pool_tried(reload->crew->workers))
        reload_take_policy(supervisor);
    else if (reload->step == RELOAD_WORKERS && !reload->policy_only &&
             worker_pool_ready(reload->crew->workers))
        reload_take_over(supervisor);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)loop;
    (void)events;
    reload_fail(supervisor, supervisor->reload.step == RELOAD_KEYSTORES
                                ? "the signers are not ready in time"
                                : "the workers are not ready within 30 s");
}

void reload_init(struct supervisor *supervisor)
{
    struct reload *reload = &supervisor->reload;

    *reload = (struct reload){.target = -1, .control = CONTROL_SOCKET_NONE};
    ev_init(&reload->deadline, on_deadline);
    reload->deadline.data = supervisor;
}

uint64_t reload_ask(struct supervisor *supervisor)
{
    supervisor->reload.asked = true;
    return supervisor->reload.begun + 1;
}

void reload_turn(struct supervisor *supervisor)
{
    if (supervisor->reload.asked && supervisor->reload.step == RELOAD_IDLE &&
        supervisor->phase == PHASE_RUNNING)
        reload_begin(supervisor);
}
