/*
 * What sign_client.c (places) and sign_request.c (messages) share. Nobody else includes it.
 */
#pragma once

#include "sign_client.h"
#include "sign_turns.h"

#include <ev.h>
#include <sys/queue.h>

struct sign_request_state;

TAILQ_HEAD(sign_requests, sign_request_state);

struct sign_client {
    struct remote_signer signer; /* first */
    struct loop *loop;
    struct sign_client_policy policy;
    int queue;
    bool queue_broken, up;
    unsigned in_flight;
    uint64_t answer_us; /* from submit to answer, a moving average */
    struct sign_turns turns;
    uint64_t rate_wait_ms;         /* until max-signatures-per-second allows one more; 0: now */
    struct sign_requests requests; /* in the order of their deadlines */
    ev_timer deadline, retry, refill;
};

void sign_client_place_free(struct sign_client *client);

void sign_request_setup(struct sign_client *client);
void sign_request_start(struct sign_client *client, struct remote_signature *signature);
void sign_request_forget(struct remote_signature *signature); /* its fibre ends; the place stays taken */
void sign_request_send_unsent(struct sign_client *client);
void sign_request_fail_all(struct sign_client *client); /* the token is away: nobody will answer */
void sign_request_end_all(struct sign_client *client);
