/*
 * One accepted client, from accept to its log line at the end. The core owns the session and its
 * client stream; the protocol owns what it makes in open. Only session_end ends it, with a reason, and
 * everything is gone afterwards: a caller returns at once.
 *
 * Worker only; one thread; nothing blocks.
 */
#pragma once

#include "identity.h"
#include "log.h"
#include "reason.h"

#include <stdbool.h>
#include <stdint.h>

struct conf_listener;
struct counters_page;
struct listener_counters;
struct loop;
struct service;
struct session;
struct stream;
struct stream_user;
struct err;

/* What the session works with; all borrowed. */
struct loop *session_loop(const struct session *session);
const struct conf_listener *session_conf(const struct session *session);
struct service *session_service(const struct session *session);
struct stream *session_client(const struct session *session);
const struct identity *session_identity(const struct session *session);
struct listener_counters *session_counters(const struct session *session);
uint64_t session_id(const struct session *session);

/* Is there a key to make a TLS handshake with (F22)? */
bool session_can_secure(const struct session *session);

/* Begins TLS on the client stream (AUTH TLS). The core becomes its user until the handshake is over; then the
 * protocol's user is restored and secured() is called, or the session ends with reason handshake-failed. */
void session_start_tls(struct session *session);

/* A tls conversation for an FTP data channel that belongs to this session. NULL: err. */
struct tls *session_data_tls(struct session *session, struct err *err);

/* Connects to the listener's backend, with connect-timeout: STREAM_CONNECTED or STREAM_FAILED. NULL: err. */
struct stream *session_connect_backend(struct session *session, const struct stream_user *user, void *owner,
                                       struct err *err);

/* Something moved: the idle timer begins anew. hold/release (counted): the idle timer stands still (F14). */
void session_touch(struct session *session);
void session_hold_idle(struct session *session);
void session_release_idle(struct session *session);

/* Begins a log line about this session: session, listener, client are put in. */
void session_log(const struct session *session, struct log_line *line, enum log_level level,
                 const char *event);

/* For the line at the end: who logged in. */
void session_set_user(struct session *session, const char *user);

/* Ends it: protocol closed, client stream closed, counters, the last line. detail: more about the cause, may
 * be NULL. */
void session_end(struct session *session, enum session_reason reason, const char *detail);

/* The same, but the client's connection is reset: what it got so far must not look complete (F15, H11). */
void session_abort(struct session *session, enum session_reason reason, const char *detail);
