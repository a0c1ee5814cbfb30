/*
 * One child process from its start to its end: pid, channel, log socket, watchers. Its messages are
 * hostile: only MESSAGE_READY and MESSAGE_FAULT are understood here, the rest goes to the user, what the user
 * does not take is logged once and dropped.
 *
 * A struct child stands inside its owner (a worker's or a signer's place) and is used again for the
 * process that replaces the last. Supervisor only; never blocks.
 */
#pragma once

#include "err.h"
#include "message.h"
#include "spawn.h"
#include "standstill.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <ev.h>

struct child;

struct child_end {
    bool by_signal, was_ready;
    int code; /* exit code, or the signal's number */
    uint64_t lived_ms;
    const char *fault; /* the text of its MESSAGE_FAULT, "" when there was none */
};

struct child_user {
    void (*ready)(void *owner, struct child *child);
    /* True when the message was understood. Descriptors that are left in it are closed. */
    bool (*message)(void *owner, struct child *child, struct channel_message *message);
    /* The process is gone and the struct free for the next. */
    void (*ended)(void *owner, struct child *child, const struct child_end *end);
};

LIST_HEAD(child_list, child);

/* What all children of a supervisor share. */
struct family {
    struct ev_loop *loop;
    struct child_list living;
    struct standstill standstill;
    bool stopping;   /* an end is no surprise any more */
    void *log_owner; /* told of each new child's log socket, which stays the child's */
    void (*log_opened)(void *owner, int source);
};

struct child {
    struct family *family;
    const struct child_user *user;
    void *owner;
    const char *process, *of; /* "worker"; "signer" of the keystore "edge"; borrowed */
    unsigned index;
    bool logs;  /* has a log socket: all but the housekeeper */
    bool quiet; /* start, kill and exit are no news: a signer that looks for an absent token every second */
    uint64_t start_timeout_ms;

    pid_t pid; /* 0: no process */
    int channel, log_source;
    bool ready, odd_seen, killed, closed;
    uint64_t started_ms;
    char fault[CHANNEL_PAYLOAD_MAX]; /* the text of its MESSAGE_FAULT: may be several lines */
    ev_io channel_watcher;
    ev_child exit_watcher;
    ev_timer deadline;
    LIST_ENTRY(child) entry;
};

void family_init(struct family *family, struct ev_loop *loop);

void child_init(struct child *child, struct family *family, const struct child_user *user, void *owner);

/* Starts the process and gives it its grants and MESSAGE_START. false: nothing runs, `ended` is not called.
 */
bool child_start(struct child *child, const struct spawn_plan *plan, const struct grant *grants, size_t count,
                 struct err *err);

/* A message to a running child; one that does not take its messages is killed. */
void child_send(struct child *child, uint32_t type, const void *payload, size_t len);
void child_grant(struct child *child, const struct grant *grants, size_t count);

void child_kill(struct child *child, const char *why);

static inline bool child_runs(const struct child *child)
{
    return child->pid > 0;
}
