/*
 * A session and a service from the inside, for session*.c, arrival.c and service.c only.
 */
#pragma once

#include "addr.h"
#include "err.h"
#include "identity.h"
#include "service.h"
#include "session.h"
#include "timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct outbound;
struct backend;
struct stream;
struct tls_ctx;

LIST_HEAD(session_list, session);
LIST_HEAD(arrival_list, arrival);
SLIST_HEAD(socket_list, service_socket);

struct service {
    struct service_setup setup;
    struct tls_ctx *tls;
    struct outbound *outbound; /* TLS towards the backends; NULL: clear */
    struct socket_list sockets;
    struct session_list sessions;
    struct arrival_list arrivals;
    size_t session_count, arrival_count;
    bool retiring, draining;
    struct listener_counters *counters;
    struct policy *policy;
    const struct conf_listener *rules; /* of the policy: who may connect, whom no ban reaches */
};

/* What a session has taken of its limits (quotas.h); 0: nothing. */
struct session_places {
    uint64_t listener, address, partner;
};

enum { SESSION_CHAIN_MAX = 10 };

/* A certificate that the client sent behind its own, once somebody asked for it. */
struct session_chain {
    uint8_t *der;
    size_t len;
};

/* Why a client was turned away. */
struct refusal {
    enum session_reason reason;
    const char *detail; /* NULL: the reason says it */
};

struct session {
    LIST_ENTRY(session) entry;
    struct service *service;
    struct stream *client;
    void *state; /* the protocol's */
    uint64_t id, started_ms;
    struct session_slot *slot;
    struct timer handshake, idle;
    unsigned idle_holds;
    bool opened, opening;
    bool too_many;              /* full handshakes of its address */
    bool end_asked, end_abrupt; /* while opening */
    enum session_reason end_reason;
    struct err end_detail;
    const struct stream_user *held_user; /* the protocol's, while the core has the client during AUTH */
    void *held_owner;
    struct identity identity;
    char first_partner[256]; /* whose certificate it was at the handshake; "": nobody's */
    struct session_chain chain[SESSION_CHAIN_MAX];
    struct session_places places;
    unsigned login_failures;
    struct addr peer;        /* what PROXY said, or the socket's */
    struct backend *backend; /* chosen last; NULL: none yet */
    char peer_text[ADDR_TEXT_LEN], user[64];
};

/* session_begin.c: a client was accepted; takes fd. */
void session_begin(struct service *service, int fd, const struct addr *peer);
/* It is known who it is: a session, until session_end, or turned away. Takes client. */
void session_admit(struct service *service, struct stream *client, const struct addr *peer);
void session_refuse(struct service *service, struct stream *client, const struct addr *peer,
                    const struct refusal *why);
void session_leave_places(const struct service *service, const struct session_places *places);

void session_retire(struct session *session);
void session_drain(struct session *session);
/* For a reason of the core's: the protocol says it in its own words, then the session ends. */
void session_stop(struct session *session, enum session_reason reason, const char *detail);

/* between the session*.c files */
const struct protocol *session_protocol(const struct session *session);
void session_open(struct session *session);
void session_idle_expired(void *owner);
void session_handshake_expired(void *owner);
void session_account(struct session *session, enum session_reason reason, const char *detail);
void session_forget_who(struct session *session);
/* session_backend.c; NULL: none any more. */
void session_choose_backend(struct session *session, struct backend *backend);

/* The trust that certificates of this listener are judged by now. Borrowed. */
struct tls_trust *service_trust(const struct service *service);
