#include "crew.h"

#include "clock.h"
#include "log.h"
#include "pack.h"
#include "phase.h"
#include "reload.h"
#include "setup.h"

#include <stdlib.h>
#include <string.h>

int crew_index(const struct crew *crew, const struct keystore *keystore)
{
    for (size_t i = 0; i < crew->keystore_count; i++)
        if (crew->keystores[i] == keystore)
            return (int)i;
    return -1;
}

void crew_keystore_message(uint32_t index, bool can_sign, uint8_t payload[KEYSTORE_MESSAGE_LEN])
{
    struct buf packed;

    buf_init(&packed, KEYSTORE_MESSAGE_LEN);
    if (pack_u32(&packed, index) && pack_u8(&packed, can_sign))
        memcpy(payload, buf_data(&packed), KEYSTORE_MESSAGE_LEN);
    buf_free(&packed);
}

/* -- what workers ask and tell ------------------------------------------------------------------- */

static size_t workers_grants(void *owner, struct grant *out, size_t max)
{
    const struct crew *crew = owner;
    const struct supervisor *supervisor = crew->supervisor;
    size_t count = 0;

    out[count++] = (struct grant){.kind = GRANT_SECRETS, .fd = supervisor->tickets.fd};
    if (supervisor->bans)
        out[count++] = (struct grant){.kind = GRANT_BANS, .fd = ban_keeper_page(supervisor->bans)};
    for (size_t i = 0; i < crew->keystore_count && count + 2 <= max; i++) {
        int inventory = keystore_inventory(crew->keystores[i]);

        out[count++] = (struct grant){GRANT_QUEUE, (uint32_t)i, keystore_queue(crew->keystores[i])};
        if (inventory >= 0)
            out[count++] = (struct grant){GRANT_INVENTORY, (uint32_t)i, inventory};
    }
    return count;
}

/* Everybody's: sessions are counted over all generations. */
static size_t workers_peers(void *owner, struct grant *out, size_t max)
{
    const struct crew *crew = owner, *each;
    size_t count = 0;

    TAILQ_FOREACH(each, &crew->supervisor->crews, entry)
    {
        if (each->workers)
            count += worker_pool_peers(each->workers, out + count, max - count);
    }
    return count;
}

/* Rules are those of now, where the listener is still there. */
static void workers_login_failed(void *owner, uint32_t listener, const struct addr *who)
{
    const struct crew *crew = owner;
    const struct conf_listener *own = &crew->generation->conf->listeners[listener];
    const struct conf *now = crew->supervisor->current->generation->conf;

    for (size_t i = 0; i < now->listener_count; i++)
        if (strcmp(now->listeners[i].alias, own->alias) == 0)
            own = &now->listeners[i];
    if (crew->supervisor->bans)
        ban_keeper_failed(crew->supervisor->bans, own, who, clock_monotonic_ms());
}

static void workers_started(void *owner, struct child *worker)
{
    struct crew *crew = owner;

    for (size_t i = 0; i < crew->keystore_count; i++) {
        uint8_t payload[KEYSTORE_MESSAGE_LEN] = {0};

        if (keystore_can_sign(crew->keystores[i]) || crew->supervisor->options->check)
            continue;
        crew_keystore_message((uint32_t)i, false, payload);
        child_send(worker, MESSAGE_KEYSTORE, payload, sizeof payload);
    }
    switches_tell(crew->supervisor, worker);
    phase_advance(crew->supervisor);
}

/* Later it is in the log as child-exit, and tried again. */
static void workers_faulted(void *owner, const char *reason)
{
    struct crew *crew = owner;

    if (crew->state == CREW_MADE)
        phase_crew_failed(crew->supervisor, crew, reason);
}

/* Its word is not believed: a good queue is granted to it again, a bad one is seen by the keystore itself. */
static void workers_queue_broken(void *owner, struct child *worker, uint32_t index)
{
    struct crew *crew = owner;
    struct keystore *keystore = crew->keystores[index];
    int before = keystore_queue(keystore);

    keystore_tick(keystore, clock_monotonic_ms());
    if (keystore_queue(keystore) == before) {
        const struct grant grant = {GRANT_QUEUE, index, before};

        child_grant(worker, &grant, 1);
    }
}

static void workers_ended(void *owner)
{
    const struct crew *crew = owner;

    phase_advance(crew->supervisor);
}

static const struct worker_pool_user workers_table = {
    .grants = workers_grants,
    .peers = workers_peers,
    .login_failed = workers_login_failed,
    .started = workers_started,
    .faulted = workers_faulted,
    .queue_broken = workers_queue_broken,
    .ended = workers_ended,
};

/* -- what keystores tell ------------------------------------------------------------------------- */

void crew_tell_inventory(struct crew *crew, struct keystore *keystore)
{
    worker_pool_grant(crew->workers, GRANT_INVENTORY, (uint32_t)crew_index(crew, keystore),
                      keystore_inventory(keystore));
}

void crew_tell_queue(struct crew *crew, struct keystore *keystore)
{
    worker_pool_grant(crew->workers, GRANT_QUEUE, (uint32_t)crew_index(crew, keystore),
                      keystore_queue(keystore));
}

void crew_tell_can_sign(struct crew *crew, struct keystore *keystore)
{
    uint8_t payload[KEYSTORE_MESSAGE_LEN] = {0};

    crew_keystore_message((uint32_t)crew_index(crew, keystore), keystore_can_sign(keystore), payload);
    worker_pool_send(crew->workers, MESSAGE_KEYSTORE, payload, sizeof payload);
}

/* -- what changes for all ---------------------------------------------------------------------- */

void crew_tell_policy(struct crew *crew, const struct generation *generation)
{
    worker_pool_grant(crew->workers, GRANT_POLICY, 0, generation->configuration);
    for (uint32_t i = 0; i < NAME_FILES; i++)
        worker_pool_grant(crew->workers, GRANT_HOSTS, i, generation->name_files[i]);
}

void crew_tell_secrets(struct crew *crew)
{
    worker_pool_grant(crew->workers, GRANT_SECRETS, 0, crew->supervisor->tickets.fd);
}

/* -- its keystores ------------------------------------------------------------------------------- */

void crew_start_keystores(struct crew *crew)
{
    for (size_t i = 0; i < crew->keystore_count; i++)
        keystore_start(crew->keystores[i]);
}

bool crew_keystores_settled(const struct crew *crew)
{
    for (size_t i = 0; i < crew->keystore_count; i++)
        if (!keystore_settled(crew->keystores[i]))
            return false;
    return true;
}

struct keystore *crew_keystore(const struct crew *crew, const char *alias)
{
    for (size_t i = 0; i < crew->keystore_count; i++)
        if (strcmp(keystore_conf(crew->keystores[i])->alias, alias) == 0)
            return crew->keystores[i];
    return NULL;
}

void crew_share_keystores(struct crew *crew, const struct crew *before)
{
    for (size_t i = 0; i < crew->keystore_count; i++) {
        struct keystore *fresh = crew->keystores[i];
        struct keystore *known = crew_keystore(before, keystore_conf(fresh)->alias);

        if (known && keystore_same(fresh, known)) {
            keystore_hold(known);
            crew->keystores[i] = known;
            keystore_leave(fresh);
        } else {
            keystore_go_on(fresh);
        }
    }
}

/* -- its life ------------------------------------------------------------------------------------ */

void crew_start_workers(struct crew *crew)
{
    worker_pool_start(crew->workers);
}

void crew_try_workers(struct crew *crew)
{
    worker_pool_try(crew->workers);
}

void crew_swap_generations(struct crew *a, struct crew *b)
{
    struct generation *of_a = a->generation;
    uint64_t number = of_a->number;

    a->generation = b->generation;
    b->generation = of_a;
    of_a->number = a->generation->number;
    a->generation->number = number;
    worker_pool_use(a->workers, a->generation);
    worker_pool_use(b->workers, b->generation);
}

/* Rates are kept by all who sign, those that drain too. */
static void meet_the_others(struct crew *crew)
{
    struct grant pages[WORKER_POOL_PEERS_MAX];
    size_t count = worker_pool_peers(crew->workers, pages, WORKER_POOL_PEERS_MAX);
    struct crew *each;

    TAILQ_FOREACH(each, &crew->supervisor->crews, entry)
    {
        if (each != crew && each->workers)
            worker_pool_grants(each->workers, pages, count);
    }
}

void crew_serve(struct crew *crew)
{
    crew->state = CREW_SERVING;
    meet_the_others(crew);
    worker_pool_listen(crew->workers);
}

void crew_drain(struct crew *crew, uint64_t drain_ms)
{
    crew->state = CREW_DRAINING;
    crew->drain_until_ms = clock_monotonic_ms() + drain_ms;
    worker_pool_drain(crew->workers, drain_ms);
    generation_unbind(crew->generation);
}

void crew_stop(struct crew *crew, uint64_t stop_ms)
{
    crew->state = CREW_STOPPING;
    generation_unbind(crew->generation);
    worker_pool_stop(crew->workers, stop_ms);
}

/* What a person typed for the same token, in this configuration or in the last one. */
static const struct pin *pin_known(const struct crew *crew, const struct crew *before,
                                   const struct conf_keystore *conf)
{
    const struct crew *const both[] = {crew, before};
    const struct pin *pin = NULL;

    for (size_t k = 0; k < 2 && both[k]; k++)
        for (size_t i = 0; i < both[k]->keystore_count && !pin; i++)
            pin = keystore_asked_pin(both[k]->keystores[i], conf);
    return pin;
}

/* A token counts wrong tries, whoever asks for the reload. */
static bool pin_is_new(const struct crew *crew, const struct keystore *keystore, struct err *err)
{
    const struct conf_keystore *conf = keystore_conf(keystore);
    struct err where;

    if (!refusals_has(&crew->supervisor->refusals, conf, keystore_pin(keystore)))
        return true;
    conf_where_keystore(crew->generation->conf, conf, &where);
    err_set(err,
            "%s: the token has refused this PIN before, or warned: it is tried again when its file is "
            "written anew",
            where.text);
    return false;
}

static bool crew_make_keystores(struct crew *crew, const struct crew *before, struct err *err)
{
    struct supervisor *supervisor = crew->supervisor;
    const struct conf *conf = crew->generation->conf;

    for (; crew->keystore_count < conf->keystore_count; crew->keystore_count++) {
        struct keystore_setup setup = {
            .family = &supervisor->family,
            .turns = &supervisor->turns,
            .programs = &supervisor->programs,
            .history = supervisor->history,
            .generation = crew->generation,
            .index = crew->keystore_count,
            .check = supervisor->options->check,
            .alone = before,
            .force_login = supervisor->options->force_login,
            .pin = {.known = pin_known(crew, before, &conf->keystores[crew->keystore_count]),
                    .may_ask = !before && !supervisor->options->no_token},
            .user = supervisor->keystore_user,
            .owner = supervisor,
        };

        crew->keystores[setup.index] = setup_keystore(supervisor, &setup, err);
        if (!crew->keystores[setup.index])
            return false;
        if (!pin_is_new(crew, crew->keystores[setup.index], err)) {
            crew->keystore_count++;
            return false;
        }
    }
    return true;
}

static bool crew_make_workers(struct crew *crew, struct err *err)
{
    struct supervisor *supervisor = crew->supervisor;
    const struct worker_pool_setup setup = {
        .family = &supervisor->family,
        .programs = &supervisor->programs,
        .history = supervisor->history,
        .generation = crew->generation,
        .count = supervisor->options->check ? 1 : crew->generation->conf->workers,
        .first_page = supervisor->next_page,
        .user = &workers_table,
        .owner = crew,
    };

    crew->workers = worker_pool_new(&setup, err);
    supervisor->next_page += (uint32_t)setup.count;
    return crew->workers;
}

/* Takes the generation, also when there is no memory. */
static struct crew *crew_empty(struct supervisor *supervisor, struct generation *generation, struct err *err)
{
    struct crew *crew = calloc(1, sizeof *crew);

    if (!crew) {
        err_set(err, "out of memory");
        generation_leave(generation);
        return NULL;
    }
    crew->supervisor = supervisor;
    crew->generation = generation;
    crew->born_ms = clock_monotonic_ms();
    TAILQ_INSERT_TAIL(&supervisor->crews, crew, entry);
    return crew;
}

struct crew *crew_new(struct supervisor *supervisor, struct generation *generation, const struct crew *before,
                      struct err *err)
{
    struct crew *crew = crew_empty(supervisor, generation, err);

    if (!crew || (crew_make_keystores(crew, before, err) && crew_make_workers(crew, err)))
        return crew;
    crew_free(crew);
    return NULL;
}

struct crew *crew_new_sharing(struct supervisor *supervisor, struct generation *generation,
                              const struct crew *before, struct err *err)
{
    struct crew *crew = crew_empty(supervisor, generation, err);

    for (; crew && crew->keystore_count < before->keystore_count; crew->keystore_count++) {
        crew->keystores[crew->keystore_count] = before->keystores[crew->keystore_count];
        keystore_hold(crew->keystores[crew->keystore_count]);
    }
    if (!crew || crew_make_workers(crew, err))
        return crew;
    crew_free(crew);
    return NULL;
}

void crew_free(struct crew *crew)
{
    TAILQ_REMOVE(&crew->supervisor->crews, crew, entry);
    worker_pool_free(crew->workers);
    for (size_t i = 0; i < crew->keystore_count; i++)
        keystore_leave(crew->keystores[i]);
    generation_leave(crew->generation);
    free(crew);
}
