#include "child.h"

#include "clock.h"
#include "log.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A closed channel means that the process ends; one that does not is ended. */
enum {
    CHILD_CLOSING_MS = 2000,
    CHILD_MESSAGES_A_TURN = 16,
    CHILD_LAST_MESSAGES = 1024,
    CHILD_GRANTS_MAX = 400
};

void family_init(struct family *family, struct ev_loop *loop)
{
    *family = (struct family){.loop = loop};
    LIST_INIT(&family->living);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void log_child(struct log_line *line, const struct child *child)
{
    log_text(line, "process", child->process);
    log_text(line, "keystore", child->of);
    log_number(line, "index", child->index);
    log_number(line, "pid", child->pid);
}

void child_kill(struct child *child, const char *why)
{
    struct log_line line;

    if (!child_runs(child) || child->killed)
        return;
    log_begin(&line,
              child->quiet              ? LOG_LEVEL_DEBUG
              : child->family->stopping ? LOG_LEVEL_INFO
                                        : LOG_LEVEL_WARNING,
              "child-kill");
    log_child(&line, child);
    log_text(&line, "reason", why);
    log_end(&line);
    child->killed = true;
    (void)kill(child->pid, SIGKILL);
}

/* -- messages ---------------------------------------------------------------------------------- */

static void child_odd_message(struct child *child, const char *what)
{
    struct log_line line;

    if (child->odd_seen)
        return;
    child->odd_seen = true;
    log_begin(&line, LOG_LEVEL_WARNING, "child-message-refused");
    log_child(&line, child);
    log_text(&line, "reason", what);
    log_end(&line);
}

static void child_fault(struct child *child, const struct channel_message *message)
{
    uint32_t code;
    const char *text;

    if (message_read_text(message, &code, &text))
        (void)text_copy(child->fault, sizeof child->fault, text);
    else
        child_odd_message(child, "a fault that is malformed");
}

static void child_message(struct child *child, struct channel_message *message)
{
    if (message->type == MESSAGE_FAULT) {
        child_fault(child, message);
    } else if (message->type == MESSAGE_READY) {
        if (!child->ready) {
            child->ready = true;
            ev_timer_stop(child->family->loop, &child->deadline);
            child->user->ready(child->owner, child);
        }
    } else if (!child->user->message || !child->user->message(child->owner, child, message)) {
        child_odd_message(child, "a message of an unknown type or form");
    }
    channel_close_fds(message);
}

/* false when the channel is over. */
static bool child_read(struct child *child, int most)
{
    static struct channel_message message;
    struct err err;

    for (int i = 0; i < most; i++) {
        switch (channel_receive(child->channel, &message, &err)) {
        case CHANNEL_OK:
            child_message(child, &message);
            break;
        case CHANNEL_AGAIN:
            return true;
        case CHANNEL_FAILED:
            child_odd_message(child, err.text);
            break;
        case CHANNEL_CLOSED:
            return false;
        }
    }
    return true;
}

static void on_channel(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct child *child = watcher->data;

    (void)events;
    if (child_read(child, CHILD_MESSAGES_A_TURN))
        return;
    child->closed = true;
    ev_io_stop(loop, watcher);
    ev_timer_stop(loop, &child->deadline);
    ev_timer_set(&child->deadline, CHILD_CLOSING_MS / 1000., 0.);
    ev_timer_start(loop, &child->deadline);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct child *child = watcher->data;
    uint64_t age_ms = standstill_age_ms(&child->family->standstill, child->started_ms, clock_monotonic_ms());

    (void)events;
    if (child->closed) {
        child_kill(child, "it closed its channel and did not end");
    } else if (age_ms < child->start_timeout_ms) {
        ev_timer_set(watcher, (double)(child->start_timeout_ms - age_ms) / 1000., 0.);
        ev_timer_start(loop, watcher);
    } else {
        child_kill(child, "it was not ready in time");
    }
}

/* -- end --------------------------------------------------------------------------------------- */

static void log_exit(const struct child *child, const struct child_end *end)
{
    struct log_line line;
    bool fine = child->family->stopping || (!end->by_signal && end->code == CHILD_EXIT_OK);

    log_begin(&line,
              child->quiet ? LOG_LEVEL_DEBUG
              : fine       ? LOG_LEVEL_INFO
                           : LOG_LEVEL_WARNING,
              "child-exit");
    log_child(&line, child);
    log_number(&line, end->by_signal ? "signal" : "code", end->code);
    log_number(&line, "ms", (int64_t)end->lived_ms);
    log_text(&line, "reason", end->fault);
    log_end(&line);
}

static void child_clear(struct child *child)
{
    struct ev_loop *loop = child->family->loop;

    ev_io_stop(loop, &child->channel_watcher);
    ev_child_stop(loop, &child->exit_watcher);
    ev_timer_stop(loop, &child->deadline);
    close_fd(&child->channel);
    close_fd(&child->log_source);
    LIST_REMOVE(child, entry);
    child->pid = 0;
}

static void on_exit(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct child *child = watcher->data;
    struct child_end end = {.by_signal = WIFSIGNALED(watcher->rstatus)};
    char fault[sizeof child->fault];

    (void)loop;
    (void)events;
    /* Its last words are still on the channel: more than the kernel's queue holds cannot be. */
    (void)child_read(child, CHILD_LAST_MESSAGES);
    memcpy(fault, child->fault, sizeof fault);
    end.code = end.by_signal ? WTERMSIG(watcher->rstatus) : WEXITSTATUS(watcher->rstatus);
    end.was_ready = child->ready;
    end.lived_ms = clock_monotonic_ms() - child->started_ms;
    end.fault = fault;
    log_exit(child, &end);
    child_clear(child);
    child->user->ended(child->owner, child, &end);
}

/* -- start ------------------------------------------------------------------------------------- */

void child_init(struct child *child, struct family *family, const struct child_user *user, void *owner)
{
    *child = (struct child){.family = family, .user = user, .owner = owner, .channel = -1, .log_source = -1};
    ev_init(&child->channel_watcher, on_channel);
    ev_init(&child->exit_watcher, on_exit);
    ev_init(&child->deadline, on_deadline);
    child->channel_watcher.data = child->exit_watcher.data = child->deadline.data = child;
}

/* The pair of its log: `near` goes to the child, the source stays here, so that a new housekeeper can have
 * it. */
static bool child_open_log(struct child *child, int *near, struct err *err)
{
    int ends[2];

    *near = -1;
    if (!child->logs)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) {
        err_errno(err, "cannot make a log socket");
        return false;
    }
    *near = ends[0];
    child->log_source = ends[1];
    return true;
}

/* All grants in one message, or as few as they fit in; then the start. */
static bool child_hand_over(struct child *child, const struct grant *grants, size_t count)
{
    while (count) {
        size_t now = count > CHANNEL_FDS_MAX ? CHANNEL_FDS_MAX : count;

        if (message_send_grants(child->channel, grants, now) != CHANNEL_OK)
            return false;
        grants += now;
        count -= now;
    }
    return channel_send(child->channel, MESSAGE_START, NULL, 0, NULL, 0) == CHANNEL_OK;
}

static void child_watch(struct child *child)
{
    struct ev_loop *loop = child->family->loop;

    ev_io_set(&child->channel_watcher, child->channel, EV_READ);
    ev_child_set(&child->exit_watcher, child->pid, 0);
    ev_timer_set(&child->deadline, (double)child->start_timeout_ms / 1000., 0.);
    ev_io_start(loop, &child->channel_watcher);
    ev_child_start(loop, &child->exit_watcher);
    ev_timer_start(loop, &child->deadline);
    LIST_INSERT_HEAD(&child->family->living, child, entry);
}

bool child_start(struct child *child, const struct spawn_plan *plan, const struct grant *grants, size_t count,
                 struct err *err)
{
    struct grant all[CHILD_GRANTS_MAX];
    struct log_line line;
    int near;

    if (count >= CHILD_GRANTS_MAX) {
        err_set(err, "%zu descriptors are more than a child takes", count);
        return false;
    }
    if (!child_open_log(child, &near, err))
        return false;
    child->ready = child->odd_seen = child->killed = child->closed = false;
    child->fault[0] = '\0';
    child->started_ms = clock_monotonic_ms();
    child->pid = spawn(plan, &child->channel, err);
    if (child->pid < 0) {
        child->pid = 0;
        close_fd(&near);
        close_fd(&child->log_source);
        return false;
    }
    memcpy(all, grants, count * sizeof *grants);
    if (near >= 0)
        all[count++] = (struct grant){.kind = GRANT_LOG, .fd = near};
    child_watch(child);
    log_begin(&line, child->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "child-start");
    log_child(&line, child);
    log_end(&line);
    if (child->log_source >= 0 && child->family->log_opened)
        child->family->log_opened(child->family->log_owner, child->log_source);
    /* One that is already dead is noticed by its exit. */
    if (!child_hand_over(child, all, count))
        child_kill(child, "it does not take its grants");
    close_fd(&near);
    return true;
}

void child_send(struct child *child, uint32_t type, const void *payload, size_t len)
{
    enum channel_result result;

    if (!child_runs(child))
        return;
    result = channel_send(child->channel, type, payload, len, NULL, 0);
    if (result == CHANNEL_AGAIN || result == CHANNEL_FAILED)
        child_kill(child, "it does not take its messages");
}

void child_grant(struct child *child, const struct grant *grants, size_t count)
{
    enum channel_result result;

    if (!child_runs(child))
        return;
    result = message_send_grants(child->channel, grants, count);
    if (result == CHANNEL_AGAIN || result == CHANNEL_FAILED)
        child_kill(child, "it does not take its grants");
}
