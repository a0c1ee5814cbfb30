#include "worker_pool.h"

#include "backoff.h"
#include "bans.h"
#include "clock.h"
#include "counters.h"
#include "log.h"
#include "pack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    WORKER_START_MS = 30000,
    WORKER_BACKOFF_MS = 50,
    WORKER_BACKOFF_CAP_MS = 5000,
    WORKER_WRONG_MS = 30000,
    WORKER_HEARTBEAT_MS = 15000,
    WORKER_STOP_SLACK_MS = 1000,   /* beyond the time it was given */
    WORKER_DRAIN_SLACK_MS = 15000, /* what is in the middle of something then has 10 s */
};

/* The place of one worker; its process comes and goes. */
struct place {
    struct worker_pool *pool;
    struct child child;
    struct backoff backoff;
    uint64_t due_ms, ready_ms;
    bool waiting;    /* to be started at due_ms */
    uint32_t number; /* of its page */
    int page_fd, page_view;
    struct counters_page *page;
};

struct worker_pool {
    struct worker_pool_setup setup;
    struct place *places;
    size_t count;
    ev_timer next;
    bool listening, draining, stopping; /* draining: none is replaced any more */
    uint64_t end_ms, slack_ms;          /* when they end, as they were told, and what they have beyond */
};

bool worker_pool_ready(const struct worker_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (!child_runs(&pool->places[i].child) || !pool->places[i].child.ready)
            return false;
    return true;
}

bool worker_pool_idle(const struct worker_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (child_runs(&pool->places[i].child))
            return false;
    return true;
}

/* -- starting ---------------------------------------------------------------------------------- */

static size_t listener_grants(const struct generation *generation, struct grant *out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < generation->bind_count && count < max; i++)
        if (generation->binds[i] >= 0)
            out[count++] = (struct grant){GRANT_LISTENER, (uint32_t)i, generation->binds[i]};
    return count;
}

static size_t place_grants(const struct place *place, struct grant *out, size_t max)
{
    const struct worker_pool_setup *setup = &place->pool->setup;
    const struct generation *generation = setup->generation;
    size_t count = 0;

    out[count++] = (struct grant){.kind = GRANT_CONFIGURATION, .fd = generation->configuration};
    out[count++] = (struct grant){GRANT_COUNTERS, place->number, place->page_fd};
    for (uint32_t i = 0; i < NAME_FILES; i++)
        out[count++] = (struct grant){GRANT_HOSTS, i, generation->name_files[i]};
    if (place->pool->listening)
        count += listener_grants(generation, out + count, max - count);
    return count + setup->user->grants(setup->owner, out + count, max - count);
}

enum { PEERS_MAX = 1024 };

/* In messages of their own behind the start's: they may be more than one holds. */
static void place_grant_peers(struct place *place)
{
    static struct grant peers[PEERS_MAX];
    const struct worker_pool_setup *setup = &place->pool->setup;
    size_t count = setup->user->peers(setup->owner, peers, PEERS_MAX);

    for (size_t i = 0; i < count; i += WORKER_POOL_PEERS_MAX)
        child_grant(&place->child, peers + i,
                    count - i < WORKER_POOL_PEERS_MAX ? count - i : WORKER_POOL_PEERS_MAX);
}

static void place_start(struct place *place)
{
    static const char *const arguments[] = {"p11gate", "--process", "worker", NULL};
    const struct worker_pool_setup *setup = &place->pool->setup;
    const struct spawn_plan plan = {
        .program = setup->programs->self, .arguments = arguments, .account = &setup->generation->user};
    struct grant grants[CHANNEL_FDS_MAX - 1];
    struct err err;
    size_t count = place_grants(place, grants, CHANNEL_FDS_MAX - 1);

    place->waiting = false;
    if (child_start(&place->child, &plan, grants, count, &err)) {
        place_grant_peers(place);
        return;
    }
    log_event(LOG_LEVEL_ERROR, "child-start-failed", "%s", err.text);
    place->waiting = true;
    place->due_ms = clock_monotonic_ms() + WORKER_BACKOFF_CAP_MS;
}

/* Starts what is due and sets the timer for what is due next. */
static void pool_step(struct worker_pool *pool)
{
    struct ev_loop *loop = pool->setup.family->loop;
    uint64_t now_ms = clock_monotonic_ms(), next_ms = UINT64_MAX;

    ev_timer_stop(loop, &pool->next);
    if (pool->stopping || pool->draining)
        return;
    for (size_t i = 0; i < pool->count; i++) {
        struct place *place = &pool->places[i];

        if (place->waiting && place->due_ms <= now_ms)
            place_start(place);
        if (place->waiting && place->due_ms < next_ms)
            next_ms = place->due_ms;
    }
    if (next_ms == UINT64_MAX)
        return;
    ev_timer_set(&pool->next, (double)(next_ms > now_ms ? next_ms - now_ms : 1) / 1000., 0.);
    ev_timer_start(loop, &pool->next);
}

static void on_next(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    pool_step(watcher->data);
}

void worker_pool_start(struct worker_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        pool->places[i].waiting = true;
    pool_step(pool);
}

void worker_pool_try(struct worker_pool *pool)
{
    pool->places[0].waiting = true;
    pool_step(pool);
}

bool worker_pool_tried(const struct worker_pool *pool)
{
    return child_runs(&pool->places[0].child) && pool->places[0].child.ready;
}

void worker_pool_use(struct worker_pool *pool, const struct generation *generation)
{
    pool->setup.generation = generation;
}

/* -- what workers say -------------------------------------------------------------------------- */

static void place_ready(void *owner, struct child *child)
{
    struct place *place = owner;

    place->ready_ms = clock_monotonic_ms();
    place->pool->setup.user->started(place->pool->setup.owner, child);
}

/* u32 listener, 16 bytes. */
static bool place_login_failed(const struct place *place, const struct channel_message *message)
{
    const struct worker_pool_setup *setup = &place->pool->setup;
    uint8_t bytes[BANS_HOST_LEN];
    struct unpack in;
    uint32_t listener;
    struct addr who;

    unpack_start(&in, message->payload, message->len);
    listener = unpack_u32(&in);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = unpack_u8(&in);
    if (!unpack_done(&in) || listener >= setup->generation->conf->listener_count)
        return false;
    bans_unpack_address(bytes, &who);
    setup->user->login_failed(setup->owner, listener, &who);
    return true;
}

static bool place_message(void *owner, struct child *child, struct channel_message *message)
{
    const struct place *place = owner;
    struct unpack in;
    uint32_t keystore;

    if (message->type == MESSAGE_LOGIN_FAILED)
        return place_login_failed(place, message);
    if (message->type != MESSAGE_QUEUE_BROKEN)
        return false;
    unpack_start(&in, message->payload, message->len);
    keystore = unpack_u32(&in);
    if (!unpack_done(&in) || keystore >= place->pool->setup.generation->conf->keystore_count)
        return false;
    place->pool->setup.user->queue_broken(place->pool->setup.owner, child, keystore);
    return true;
}

static void place_ended(void *owner, struct child *child, const struct child_end *end)
{
    struct place *place = owner;
    struct worker_pool *pool = place->pool;
    uint64_t wait_ms = backoff_wait_ms(&place->backoff, end->lived_ms);

    (void)child;
    if (pool->setup.history)
        counters_history_take_worker(pool->setup.history, &pool->setup.generation->names, place->page);
    else
        memset((void *)place->page, 0, sizeof *place->page);
    if (pool->stopping || pool->draining) {
        pool->setup.user->ended(pool->setup.owner);
        return;
    }
    if (!end->was_ready && !end->by_signal && end->code == CHILD_EXIT_CONFIGURATION) {
        wait_ms = WORKER_WRONG_MS;
        pool->setup.user->faulted(pool->setup.owner, end->fault);
    }
    place->waiting = true;
    place->due_ms = clock_monotonic_ms() + wait_ms;
    pool_step(pool);
}

static const struct child_user place_child = {
    .ready = place_ready, .message = place_message, .ended = place_ended};

/* -- watching ---------------------------------------------------------------------------------- */

/* A heartbeat that is not in the past is no heartbeat. */
static bool place_hangs(const struct place *place, uint64_t now_ms)
{
    uint64_t beat_ms = counter_get(&place->page->heartbeat_ms), last_ms = place->ready_ms;

    if (beat_ms > last_ms && beat_ms <= now_ms)
        last_ms = beat_ms;
    return child_runs(&place->child) && place->child.ready &&
           standstill_age_ms(&place->child.family->standstill, last_ms, now_ms) > WORKER_HEARTBEAT_MS;
}

void worker_pool_tick(struct worker_pool *pool, uint64_t now_ms)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct place *place = &pool->places[i];

        if ((pool->stopping || pool->draining) &&
            standstill_overdue(&pool->setup.family->standstill, pool->end_ms, pool->slack_ms, now_ms))
            child_kill(&place->child, "it did not end in the time it was given");
        else if (place_hangs(place, now_ms))
            child_kill(&place->child, "its heart stopped");
    }
}

void worker_pool_send(struct worker_pool *pool, uint32_t type, const void *payload, size_t len)
{
    for (size_t i = 0; i < pool->count; i++)
        child_send(&pool->places[i].child, type, payload, len);
}

void worker_pool_grants(struct worker_pool *pool, const struct grant *grants, size_t count)
{
    for (size_t i = 0; count && i < pool->count; i++)
        child_grant(&pool->places[i].child, grants, count);
}

void worker_pool_listen(struct worker_pool *pool)
{
    struct grant grants[GENERATION_BINDS_MAX];
    size_t count = listener_grants(pool->setup.generation, grants, GENERATION_BINDS_MAX);

    pool->listening = true;
    worker_pool_grants(pool, grants, count);
}

void worker_pool_listen_at(struct worker_pool *pool, size_t first_bind, size_t count)
{
    for (size_t i = first_bind; pool->listening && i < first_bind + count; i++)
        worker_pool_grant(pool, GRANT_LISTENER, (uint32_t)i, pool->setup.generation->binds[i]);
}

static bool place_has(const struct place *place, uint64_t session)
{
    for (size_t i = 0; child_runs(&place->child) && i < COUNTERS_SLOTS_MAX; i++)
        if (counter_get(&place->page->slots[i].id) == session)
            return true;
    return false;
}

bool worker_pool_kick(struct worker_pool *pool, uint64_t session)
{
    bool found = false;

    for (size_t i = 0; i < pool->count; i++) {
        if (!place_has(&pool->places[i], session))
            continue;
        child_send(&pool->places[i].child, MESSAGE_KICK, &session, sizeof session);
        found = true;
    }
    return found;
}

/* A time for a person's patience: an u32 of milliseconds holds 49 days. */
static void pool_tell(struct worker_pool *pool, enum message_type type, uint64_t span_ms, uint64_t slack_ms)
{
    const uint32_t payload = span_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)span_ms;

    pool->end_ms = clock_monotonic_ms() + span_ms;
    pool->slack_ms = slack_ms;
    worker_pool_send(pool, type, &payload, sizeof payload);
    ev_timer_stop(pool->setup.family->loop, &pool->next);
}

void worker_pool_drain(struct worker_pool *pool, uint64_t drain_ms)
{
    pool->draining = true;
    pool->listening = false;
    pool_tell(pool, MESSAGE_DRAIN, drain_ms, WORKER_DRAIN_SLACK_MS);
}

void worker_pool_stop(struct worker_pool *pool, uint64_t stop_ms)
{
    uint64_t slack_ms = stop_ms ? WORKER_STOP_SLACK_MS : 0;

    if (!pool->stopping || clock_monotonic_ms() + stop_ms + slack_ms < pool->end_ms + pool->slack_ms)
        pool_tell(pool, MESSAGE_STOP, stop_ms, slack_ms);
    pool->stopping = true;
    worker_pool_tick(pool, clock_monotonic_ms());
}

/* -- looking ----------------------------------------------------------------------------------- */

size_t worker_pool_pages(const struct worker_pool *pool, struct grant *out, size_t max)
{
    size_t count = 0;

    for (; count < pool->count && count < max; count++)
        out[count] =
            (struct grant){GRANT_WORKER_PAGE, pool->places[count].number, pool->places[count].page_fd};
    return count;
}

size_t worker_pool_peers(const struct worker_pool *pool, struct grant *out, size_t max)
{
    size_t count = 0;

    for (; count < pool->count && count < max; count++)
        out[count] =
            (struct grant){GRANT_PEER_PAGE, pool->places[count].number, pool->places[count].page_view};
    return count;
}

size_t worker_pool_count(const struct worker_pool *pool)
{
    return pool->count;
}

struct worker_view worker_pool_view(const struct worker_pool *pool, size_t index)
{
    const struct place *place = &pool->places[index];

    return (struct worker_view){place->child.pid, place->child.ready, place->page};
}

/* -- making ------------------------------------------------------------------------------------ */

static bool place_make(struct worker_pool *pool, size_t index, struct err *err)
{
    struct place *place = &pool->places[index];

    place->pool = pool;
    place->number = pool->setup.first_page + (uint32_t)index;
    place->page_view = -1;
    child_init(&place->child, pool->setup.family, &place_child, place);
    place->child.process = "worker";
    place->child.index = (unsigned)index;
    place->child.logs = true;
    place->child.start_timeout_ms = WORKER_START_MS;
    backoff_init(&place->backoff, WORKER_BACKOFF_MS, WORKER_BACKOFF_CAP_MS);
    place->page_fd = counters_new("worker-counters", sizeof *place->page, err);
    if (place->page_fd >= 0)
        place->page = counters_map(place->page_fd, sizeof *place->page, err);
    if (place->page)
        place->page_view = counters_read_only(place->page_fd, err);
    return place->page_view >= 0;
}

struct worker_pool *worker_pool_new(const struct worker_pool_setup *setup, struct err *err)
{
    struct worker_pool *pool = calloc(1, sizeof *pool);

    if (pool)
        pool->places = calloc(setup->count, sizeof *pool->places);
    if (!pool || !pool->places) {
        err_set(err, "out of memory");
        free(pool);
        return NULL;
    }
    pool->setup = *setup;
    ev_init(&pool->next, on_next);
    pool->next.data = pool;
    while (pool->count < setup->count) {
        if (!place_make(pool, pool->count++, err)) {
            worker_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (!pool)
        return;
    ev_timer_stop(pool->setup.family->loop, &pool->next);
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->places[i].page)
            (void)munmap(pool->places[i].page, sizeof *pool->places[i].page);
        if (pool->places[i].page_fd >= 0)
            close(pool->places[i].page_fd);
        if (pool->places[i].page_view >= 0)
            close(pool->places[i].page_view);
    }
    free(pool->places);
    free(pool);
}
