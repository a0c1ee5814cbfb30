/*
 * The worker's way to the signers of one keystore: a struct remote_signer that sends requests of
 * sign_message.h over the keystore's queue and watches the reply sockets on the loop.
 *
 * Limits: at most max_in_flight requests are on their way, and per_second a second over all workers; other
 * full handshakes wait in admit: data channels first, then one of each source network in turn (sign_turns.h).
 * Whoever finds a free place takes it; whoever would wait longer than patience_ms is refused at once. A
 * request whose signer died is sent again at most twice within its deadline. A full queue is tried again
 * after an answer or 20 ms.
 */
#pragma once

#include "counters.h"
#include "err.h"
#include "remote_key.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct quotas;
struct sign_client;

struct sign_client_policy {
    const char *keystore;   /* alias, for errors; borrowed */
    unsigned max_in_flight; /* max(1, 2 x signers / workers) */
    struct quotas *quotas;  /* who counts per_second, under rate_key; borrowed */
    uint64_t rate_key;
    uint32_t per_second;  /* max-signatures-per-second; 0: no limit */
    uint64_t patience_ms; /* who would wait longer is refused at once */
    uint64_t timeout_ms;  /* from admit to answer, all tries together */
    struct keystore_counters *counters;
    void (*broken)(void *owner); /* sending to the queue failed for good: a new one is needed */
    void *owner;
};

struct sign_client *sign_client_new(struct loop *loop, const struct sign_client_policy *policy,
                                    struct err *err);
void sign_client_free(struct sign_client *client); /* after every tls_ctx that uses it */

/* Takes fd; the old queue's requests in flight are waited for on their own reply sockets. */
void sign_client_set_queue(struct sign_client *client, int fd);

/* The token is away (false) or back: away, full handshakes are refused at once (F22). */
void sign_client_set_up(struct sign_client *client, bool up);
bool sign_client_up(const struct sign_client *client);

struct remote_signer *sign_client_signer(struct sign_client *client);
