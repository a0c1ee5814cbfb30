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
#include "login_reports.h"
#include "message.h"
#include "tls_ctx.h"

#include <stdbool.h>
#include <stddef.h>

struct backends;
struct loop;
struct resolver;
struct service;
struct sign_client;

enum { WORKER_LISTENERS_MAX = CHANNEL_FDS_MAX };

struct worker {
    struct loop *loop;
    struct policy *first, *policy; /* of its own configuration, kept to the end; of now */
    const struct conf *conf;       /* the first policy's */
    struct counters_page *counters;
    uint32_t number; /* of that page */
    struct quotas *quotas;
    struct resolver *resolver; /* NULL: the configuration has no names */
    struct backends *backends;
    struct bans *bans; /* NULL in a check of the configuration */
    struct ticket_secrets {
        uint8_t items[TLS_TICKET_SECRETS_MAX][TLS_TICKET_SECRET_LEN];
        size_t count;
    } * ticket_secrets;
    struct login_reports reports;
    uint32_t numbers[COUNTERS_KEYSTORES_MAX]; /* 0, 1, 2, ...: what a broken queue's message carries */
    struct sign_client *signers[COUNTERS_KEYSTORES_MAX];
    struct service *services[COUNTERS_LISTENERS_MAX]; /* NULL: not enabled */
    int configuration, secrets, page, log, bans_page; /* granted descriptors; -1: none, or used */
    int policy_files, peer_page;
    int hosts[2]; /* sealed: /etc/hosts, /etc/resolv.conf; the newest, for the resolver */
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

/* Puts a keystore's newest inventory to use. */
bool worker_offer_keys(struct worker *worker, size_t keystore, struct err *err);

void worker_set_keystore(struct worker *worker, uint32_t keystore, bool can_sign);

/* Frees everything; every session must have ended. */
void worker_clear(struct worker *worker);
