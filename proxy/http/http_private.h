/*
 * HTTP as a protocol from the inside: http.c (a session's life, its two streams), http_admit.c (may a request
 * go on, and to whom), http_time.c (what is waited for, and for how long), http_log.c (its line in the log).
 * Nobody else includes it.
 */
#pragma once

#include "buf.h"
#include "conf.h"
#include "http_exchange.h"
#include "protocol.h"
#include "stream.h"
#include "timer.h"

struct http {
    struct session *session;
    struct http_exchange *exchange;
    struct err cause; /* a copy: the session may outlive the stream whose it is; "": none */
    uint64_t started_ms;

    /* the backend: from the first request on, until one goes elsewhere */
    struct stream *backend;
    const struct conf_route *route,
        *connected; /* this request's, the connection's; NULL: the listener itself */
    bool moves;     /* this request goes to other servers than the one before */
    bool backend_refused, backend_connected;

    /* the client */
    bool paused; /* it sent more than its request while the answer is awaited */
    bool client_gone;
    size_t read_limit;
    struct buf identity; /* what its certificate says to backends; empty: not asked for yet, or nothing */
    struct err refusal;  /* the words of a refusal that are not constant */

    /* deadlines */
    bool holds_idle;  /* response-timeout counts instead */
    bool client_full; /* bytes for the client wait: it is the client that is slow */
    size_t client_unsent;
    bool paced, excused;  /* min-rate counts; but not in this window */
    uint64_t paced_bytes; /* that the client had sent when the window began */
    struct timer head, answer, pace;
};

/* NULL: none. */
const char *http_cause(const struct http *http);
/* The last call of every event: http may be gone afterwards. */
void http_settle(struct http *http);

/* The exchange asks (struct http_outlet), with a struct http as owner. */
bool http_admit(void *owner, const struct http_head *head, const uint8_t *bytes, struct http_permit *permit,
                struct http_fault *fault);
/* A route without servers of its own leads to the listener's. */
const struct conf_backends *http_backends_of(const struct http *http, const struct conf_route *route);
void http_finished(void *owner, const struct http_record *record);

void http_time_init(struct http *http);
void http_time_stop(struct http *http);
void http_hold_idle(struct http *http, bool hold);
/* After each event: sets every deadline as the phase wants it. */
void http_time_settle(struct http *http, enum http_phase phase);
