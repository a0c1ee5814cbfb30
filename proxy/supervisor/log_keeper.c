#include "log_keeper.h"

#include "backoff.h"
#include "clock.h"
#include "json_line.h"
#include "log.h"
#include "notes.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOUSEKEEPER_START_MS = 15000, HOUSEKEEPER_BACKOFF_MS = 50, HOUSEKEEPER_BACKOFF_CAP_MS = 5000 };

struct log_keeper {
    struct log_keeper_setup setup;
    /* Copies: the generation that they come from ends before the keeper does. */
    struct account account;
    char target_name[PATH_MAX];
    struct child child;
    struct backoff backoff;
    int target, own_near, own_source; /* own: the supervisor's log */
    uint64_t due_ms;                  /* 0: none is to be started */
    bool stopping, was_ready, json;
    int exit_code;
    struct err fault;
    struct notes notes;
};

int log_keeper_open(const char *target, struct err *err)
{
    int fd;

    if (strcmp(target, "stderr") == 0)
        fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    else
        /* Non-blocking for the opening only: a FIFO without a reader would hold the supervisor up. */
        fd = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        err_errno(err, "log.target = \"%s\"", target);
    else if (strcmp(target, "stderr") != 0)
        (void)fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

static void keeper_log_opened(void *owner, int source)
{
    struct log_keeper *keeper = owner;
    const struct grant grant = {.kind = GRANT_LOG_SOURCE, .fd = source};

    child_grant(&keeper->child, &grant, 1);
}

static void keeper_ready(void *owner, struct child *child)
{
    struct log_keeper *keeper = owner;

    (void)child;
    keeper->was_ready = true;
    /* What was written before went to standard error. */
    log_open(keeper->own_near);
    keeper->setup.ready(keeper->setup.owner);
}

static void keeper_ended(void *owner, struct child *child, const struct child_end *end)
{
    struct log_keeper *keeper = owner;

    (void)child;
    err_set(&keeper->fault, "%s", end->fault);
    keeper->exit_code =
        !end->by_signal && end->code == CHILD_EXIT_CONFIGURATION ? end->code : CHILD_EXIT_AGAIN;
    if (keeper->stopping || keeper->setup.family->stopping || !keeper->was_ready)
        keeper->setup.gone(keeper->setup.owner);
    else
        keeper->due_ms = clock_monotonic_ms() + backoff_wait_ms(&keeper->backoff, end->lived_ms);
}

static const struct child_user keeper_child = {.ready = keeper_ready, .ended = keeper_ended};

/* Longer than the array, it could not have been opened. */
static void keeper_remember(struct log_keeper *keeper, const struct account *account, const char *target)
{
    keeper->account = *account;
    (void)text_copy(keeper->target_name, sizeof keeper->target_name, target);
}

struct log_keeper *log_keeper_new(const struct log_keeper_setup *setup, struct err *err)
{
    struct log_keeper *keeper = calloc(1, sizeof *keeper);
    int ends[2];

    if (!keeper) {
        err_set(err, "out of memory");
        return NULL;
    }
    keeper->setup = *setup;
    keeper->setup.account = NULL;
    keeper->setup.target = NULL;
    keeper_remember(keeper, setup->account, setup->target);
    keeper->target = keeper->own_near = keeper->own_source = -1;
    child_init(&keeper->child, setup->family, &keeper_child, keeper);
    keeper->child.process = "housekeeper";
    keeper->child.start_timeout_ms = HOUSEKEEPER_START_MS;
    backoff_init(&keeper->backoff, HOUSEKEEPER_BACKOFF_MS, HOUSEKEEPER_BACKOFF_CAP_MS);
    keeper->target = log_keeper_open(setup->target, err);
    if (keeper->target < 0)
        goto failed;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) {
        err_errno(err, "cannot make a log socket");
        goto failed;
    }
    keeper->own_near = ends[0];
    keeper->own_source = ends[1];
    setup->family->log_owner = keeper;
    setup->family->log_opened = keeper_log_opened;
    return keeper;

failed:
    log_keeper_free(keeper);
    return NULL;
}

void log_keeper_free(struct log_keeper *keeper)
{
    if (!keeper)
        return;
    log_open(-1);
    keeper->setup.family->log_opened = NULL;
    if (keeper->target >= 0)
        close(keeper->target);
    if (keeper->own_near >= 0)
        close(keeper->own_near);
    if (keeper->own_source >= 0)
        close(keeper->own_source);
    free(keeper);
}

/* What the children of a housekeeper that is gone have said, and will say. */
static void keeper_grant_sources(struct log_keeper *keeper)
{
    struct grant grants[CHANNEL_FDS_MAX];
    size_t count = 0;
    const struct child *child;

    LIST_FOREACH(child, &keeper->setup.family->living, entry)
    {
        if (child->log_source < 0)
            continue;
        grants[count++] = (struct grant){.kind = GRANT_LOG_SOURCE, .fd = child->log_source};
        if (count == CHANNEL_FDS_MAX) {
            child_grant(&keeper->child, grants, count);
            count = 0;
        }
    }
    if (count)
        child_grant(&keeper->child, grants, count);
}

bool log_keeper_start(struct log_keeper *keeper, struct err *err)
{
    static const char *const arguments[] = {"p11gate", "--process", "housekeeper", NULL};
    const struct spawn_plan plan = {
        .program = keeper->setup.programs->self, .arguments = arguments, .account = &keeper->account};
    const struct grant grants[] = {{.kind = GRANT_LOG_TARGET, .index = keeper->json, .fd = keeper->target},
                                   {.kind = GRANT_LOG_SOURCE, .fd = keeper->own_source}};

    keeper->due_ms = 0;
    keeper->notes.count = 0;
    if (!child_start(&keeper->child, &plan, grants, 2, err))
        return false;
    keeper_grant_sources(keeper);
    keeper->setup.feed(keeper->setup.owner);
    return true;
}

void log_keeper_grant(struct log_keeper *keeper, const struct grant *grants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        notes_forget_gone(&keeper->notes, grants[i].kind, grants[i].index);
    while (count) {
        size_t now = count > CHANNEL_FDS_MAX ? CHANNEL_FDS_MAX : count;

        child_grant(&keeper->child, grants, now);
        grants += now;
        count -= now;
    }
}

static void keeper_note(struct log_keeper *keeper, uint32_t type, uint32_t about, uint32_t more)
{
    /* The next one is told everything anew. */
    if (child_runs(&keeper->child) && !notes_add(&keeper->notes, type, about, more))
        child_kill(&keeper->child, "it does not take its messages");
}

void log_keeper_gone(struct log_keeper *keeper, enum grant_kind kind, uint32_t index)
{
    keeper_note(keeper, MESSAGE_GONE, kind, index);
}

void log_keeper_keystore(struct log_keeper *keeper, uint32_t keystore, bool can_sign)
{
    keeper_note(keeper, MESSAGE_KEYSTORE, keystore, can_sign);
}

void log_keeper_flush(struct log_keeper *keeper)
{
    notes_send(&keeper->notes, &keeper->child);
}

static void keeper_use_target(struct log_keeper *keeper, int fd)
{
    close(keeper->target);
    keeper->target = fd;
    if (child_runs(&keeper->child) &&
        channel_send(keeper->child.channel, MESSAGE_TARGET, NULL, 0, &fd, 1) == CHANNEL_AGAIN)
        child_kill(&keeper->child, "it does not take its messages");
}

void log_keeper_change(struct log_keeper *keeper, const struct account *account, const char *target, int fd)
{
    keeper_remember(keeper, account, target);
    if (fd >= 0)
        keeper_use_target(keeper, fd);
}

void log_keeper_format(struct log_keeper *keeper, bool json)
{
    keeper->json = json;
    log_set_direct(json ? json_line_add : NULL);
}

void log_keeper_reopen(struct log_keeper *keeper)
{
    struct err err;
    int fd = log_keeper_open(keeper->target_name, &err);

    if (fd < 0) {
        log_event(LOG_LEVEL_ERROR, "log-reopen-failed", "%s", err.text);
        return;
    }
    log_event(LOG_LEVEL_INFO, "log-reopen", "%s", keeper->target_name);
    keeper_use_target(keeper, fd);
}

void log_keeper_tick(struct log_keeper *keeper, uint64_t now_ms)
{
    struct err err;

    if (keeper->due_ms && now_ms >= keeper->due_ms && !keeper->stopping && !log_keeper_start(keeper, &err))
        keeper->due_ms = now_ms + HOUSEKEEPER_BACKOFF_CAP_MS;
}

void log_keeper_stop(struct log_keeper *keeper, bool at_once)
{
    if (at_once)
        child_kill(&keeper->child, "stopping at once");
    if (keeper->stopping)
        return;
    keeper->stopping = true;
    (void)log_flush();
    log_open(-1);
    close(keeper->own_near);
    close(keeper->own_source);
    keeper->own_near = keeper->own_source = -1;
    child_send(&keeper->child, MESSAGE_STOP, NULL, 0);
}

bool log_keeper_idle(const struct log_keeper *keeper)
{
    return !child_runs(&keeper->child);
}

const char *log_keeper_fault(const struct log_keeper *keeper)
{
    return keeper->fault.text;
}

int log_keeper_exit_code(const struct log_keeper *keeper)
{
    return keeper->exit_code;
}
