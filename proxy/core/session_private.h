/*
 * A session and a service from the inside, for session.c and service.c only.
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

struct stream;
struct tls_ctx;

LIST_HEAD(session_list, session);
SLIST_HEAD(socket_list, service_socket);

struct service {
    struct service_setup setup;
    struct tls_ctx *tls;
    struct socket_list sockets;
    struct session_list sessions;
    size_t session_count, session_max;
    bool retiring, draining;
    struct rates *rates; /* handshakes-per-second-per-ip; NULL: no limit */
    struct listener_counters *counters;
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
    struct addr peer;
    char peer_text[ADDR_TEXT_LEN], user[64];
};

/* A client was accepted; takes fd. Lives until session_end. */
void session_begin(struct service *service, int fd, const struct addr *peer);
void session_retire(struct session *session);
void session_drain(struct session *session);
/* For a reason of the core's: the protocol says it in its own words, then the session ends. */
void session_stop(struct session *session, enum session_reason reason, const char *detail);
