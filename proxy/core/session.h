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

struct addr;
struct conf_backends;
struct conf_listener;
struct conf_partner;
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
const struct addr *session_peer(const struct session *session); /* what PROXY said, or the socket's */
/* The backend chosen, for log lines; NULL: none yet. */
const char *session_backend_text(const struct session *session);
/* The addresses that a host name of the configuration has now (port 0); 0: not known (yet). */
size_t session_resolve(const struct session *session, const char *host, struct addr *out, size_t max);

/* The partner whose certificate the client showed, of the current policy; NULL: none. */
const struct conf_partner *session_partner(const struct session *session);

/* Is the client still welcome, by the policy of now (C5): its address, its certificate, its partner's rules
 * and limits? Asked at each login, transfer and request. False: why. The identity is what was found. */
bool session_recheck(struct session *session, struct err *why);

/* Has its address been banned meanwhile? Asked before each attempt to log in: sessions that were opened
 * before the ban guess no more. */
bool session_is_banned(const struct session *session);

/* The backend has refused a login. True: there were as many as max-login-failures, the session has to end.
 * The supervisor is told, who counts the address over all workers and bans it. */
bool session_login_failed(struct session *session);

/* The client's certificate (on resumed sessions too), and the i-th that it sent behind it (fresh ones only).
 * Borrowed from the session; false: none. */
bool session_certificate(const struct session *session, const uint8_t **der, size_t *len);
bool session_chain_certificate(struct session *session, size_t i, const uint8_t **der, size_t *len);

/* Is there a key to make a TLS handshake with (F22)? */
bool session_can_secure(const struct session *session);

/* Begins TLS on the client stream (AUTH TLS). The core becomes its user until the handshake is over; then the
 * protocol's user is restored and secured() is called, or the session ends with reason handshake-failed.
 * name: whom the client has named already, in case its hello does not; NULL: nobody. */
void session_start_tls(struct session *session, const char *name);

/* TLS has ended and the connection goes on in clear, as anybody's (REIN of FTP): whoever the client was by
 * its certificate, it is nobody now. */
void session_forget_tls(struct session *session);

/* A tls conversation for an FTP data channel that belongs to this session. NULL: err. */
struct tls *session_data_tls(struct session *session, struct err *err);

/* Connects to the first of these backends (NULL: the listener's) that takes us, each with connect-timeout,
 * with the PROXY header and the TLS that the listener wants in front: STREAM_CONNECTED or STREAM_FAILED.
 * NULL: err. */
struct stream *session_connect_backend(struct session *session, const struct conf_backends *which,
                                       const struct stream_user *user, void *owner, struct err *err);

/* FTP: what the first of these backends (NULL: the listener's) of which it is known has answered to FEAT.
 * NULL: of none. */
const char *session_backend_features(const struct session *session, const struct conf_backends *which,
                                     size_t *len);
/* This session's own backend has said so. */
void session_keep_backend_features(struct session *session, const char *reply, size_t len);

/* Something moved: the idle timer begins anew. hold/release (counted): the idle timer stands still (F14). */
void session_touch(struct session *session);
void session_hold_idle(struct session *session);
void session_release_idle(struct session *session);

/* Begins a log line about this session: session, listener, client are put in. */
void session_log(const struct session *session, struct log_line *line, enum log_level level,
                 const char *event);

/* What is known of the client and its TLS: tls, cipher, resumed, sni, cert, fingerprint, partner, key_ms.
 * Nothing while it is in clear. */
void session_log_client(const struct session *session, struct log_line *line);

/* For the line at the end: who logged in. */
void session_set_user(struct session *session, const char *user);
const char *session_user(const struct session *session); /* "": nobody yet */

/* Ends it: protocol closed, client stream closed, counters, the last line. detail: more about the cause, may
 * be NULL. */
void session_end(struct session *session, enum session_reason reason, const char *detail);

/* The same, but the client's connection is reset: what it got so far must not look complete (F15, H11). */
void session_abort(struct session *session, enum session_reason reason, const char *detail);
