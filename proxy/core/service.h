/*
 * One listener of the configuration at work in this worker: its protocol, its TLS context, its sessions
 * and counters. Made at the start for each enabled listener; keys come and go with the token's inventory.
 */
#pragma once

#include "addr.h"
#include "err.h"
#include "reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct conf_listener;
struct counters_page;
struct inventory_key;
struct backends;
struct bans;
struct quotas;
struct loop;
struct policy;
struct protocol;
struct resolver;
struct service;
struct sign_client;

struct service_setup {
    struct loop *loop;
    const struct conf *conf;
    const struct conf_listener *listener;
    size_t index; /* of the listener in conf, and in counters */
    const struct protocol *protocol;
    struct sign_client *signer;
    struct counters_page *counters;
    const uint8_t *ticket_secret;
    struct sign_client *outbound_signer; /* of backend-tls's keystore; NULL: no client key */
    struct policy *policy;               /* the one to begin with */
    struct quotas *quotas;
    struct backends *backends;
    struct resolver *resolver; /* NULL: the configuration has no names */
    struct bans *bans;         /* NULL: nobody is banned */
    /* A login was refused by the backend. */
    void (*login_failed)(void *owner, size_t listener, const struct addr *peer);
    void *owner;
};

/* Secrets that tickets are sealed with when the listener has none of its own; the first seals. */
struct service_secrets {
    const uint8_t (*items)[80];
    size_t count;
};

struct service *service_new(const struct service_setup *setup, struct err *err);
void service_free(struct service *service); /* every session must have ended */

/* The keys of this listener's keystore: those it wants are put into its TLS context, instead of the ones
 * before. */
bool service_set_keys(struct service *service, const struct inventory_key *keys, size_t count,
                      struct err *err);

/* The same for the client keys of its backend-tls, whose keystore may be another one. */
bool service_set_outbound_keys(struct service *service, const struct inventory_key *keys, size_t count,
                               struct err *err);

/* From now on this policy counts, for new clients and for those that are there. False: handshakes are still
 * judged by the one before (out of memory). */
bool service_set_policy(struct service *service, struct policy *policy);
/* Other ticket secrets; false: TLS does not take them. */
bool service_set_secrets(struct service *service, const struct service_secrets *secrets);

/* Takes a listening socket; its clients become sessions. */
bool service_listen(struct service *service, int fd, struct err *err);

/* Closes its listening sockets; it may be given others. */
void service_close(struct service *service);
/* Ends this session now; false: it is none of this service's. */
bool service_kick(struct service *service, uint64_t session);

/* No new sessions; living ones go on, each as long as it would anyway or as little as its protocol can do
 * without a client noticing. */
void service_retire(struct service *service);
/* No new sessions; living ones are told to end when they can. */
void service_drain(struct service *service);
/* Ends every session now. */
void service_stop(struct service *service, enum session_reason reason);
size_t service_sessions(const struct service *service);
