/*
 * How a worker comes to what it works with: grants are collected until the supervisor says start, then the
 * configuration is read from sealed memory and services and signing clients are made. Later grants
 * (a new queue, a new inventory) go the same way.
 */
#pragma once

#include "channel.h"
#include "conf.h"
#include "counters.h"
#include "err.h"
#include "message.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct service;
struct sign_client;

enum { WORKER_LISTENERS_MAX = CHANNEL_FDS_MAX };

struct worker {
    struct loop *loop;
    struct conf_files *files;
    struct conf *conf;
    struct counters_page *counters;
    uint8_t *ticket_secret;                   /* TLS_TICKET_SECRET_LEN bytes */
    uint32_t numbers[COUNTERS_KEYSTORES_MAX]; /* 0, 1, 2, ...: what a broken queue's message carries */
    struct sign_client *signers[COUNTERS_KEYSTORES_MAX];
    struct service *services[COUNTERS_LISTENERS_MAX]; /* NULL: not enabled */
    int configuration, secrets, page, log;            /* granted descriptors; -1: none, or used */
    int queues[COUNTERS_KEYSTORES_MAX], inventories[COUNTERS_KEYSTORES_MAX];
    int listeners[WORKER_LISTENERS_MAX];
    bool started;
};

void worker_init(struct worker *worker);

/* Waits for grants and MESSAGE_START; blocks, before the loop runs. */
bool worker_collect(struct worker *worker, struct err *err);

/* Makes everything from what was granted. */
bool worker_build(struct worker *worker, struct err *err);

/* Takes a MESSAGE_GRANT, before or after the start; after it, queues and inventories are put to use. */
bool worker_take_grants(struct worker *worker, struct channel_message *message, struct err *err);

void worker_set_keystore(struct worker *worker, uint32_t keystore, bool can_sign);

/* Frees everything; every session must have ended. */
void worker_clear(struct worker *worker);
