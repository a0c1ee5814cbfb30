/*
 * The control connection of one FTP session as a filter: bytes of the client and of the backend in,
 * replies, forwarded commands and wishes about data channels out, through a table of functions. No
 * I/O, no clock, no socket: unit tests and the fuzzer drive it as it is.
 *
 * One command at a time is under way at the backend; what comes meanwhile waits, at most
 * FTP_WAITING_MAX lines, then no more bytes are taken. During a transfer ABOR and STAT act at once.
 *
 * Owner: ftp.c (one a session). Worker only; never blocks.
 *
 * RFC 959, 2228, 2389, 2428, 4217, 7151; requirements F1-F5, F7-F15, F17, F19, F20, C1-C3, C5.
 */
#pragma once

#include "addr.h"
#include "ftp_commands.h"
#include "ftp_control_ops.h"
#include "reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ftp_control;

enum { FTP_WAITING_MAX = 32, FTP_FINAL_REPLY_MS = 30000 };

/* What the listener and the sockets say. Borrowed by the filter; its owner keeps it up to date. */
struct ftp_rules {
    const char *greeting;
    bool implicit; /* TLS came first: data channels are private unless PROT C is said */
    bool secure_clients_only, require_data_tls, active_mode;
    bool no_pbsz, auth_implies_private, allow_ccc; /* quirks */
    bool has_hosts;                                /* server-names: HOST is offered */
    struct ftp_command_policy commands;
    const char *login_directory; /* "" : none */
    bool client_is_v4, backend_is_v4;
    struct addr client; /* where it comes from: the only one that PORT and EPRT may name */
    uint64_t data_connect_timeout_ms;
};

/* NULL: out of memory. */
struct ftp_control *ftp_control_new(const struct ftp_rules *rules, const struct ftp_control_ops *ops,
                                    void *owner);
void ftp_control_free(struct ftp_control *control);

/* Greets. With rules->implicit the connection is secure already. */
void ftp_control_open(struct ftp_control *control);

/* Return how much was taken; the rest is to be offered again after the next event. */
size_t ftp_control_client_data(struct ftp_control *control, const uint8_t *data, size_t len);
size_t ftp_control_backend_data(struct ftp_control *control, const uint8_t *data, size_t len);

void ftp_control_secured(struct ftp_control *control);
/* reason: BACKEND_UNREACHABLE, BACKEND_FAILED or BACKEND_CLOSED. */
void ftp_control_backend_lost(struct ftp_control *control, enum session_reason reason, const char *detail);
/* reason: CLIENT_CLOSED or CLIENT_CUT. */
void ftp_control_client_lost(struct ftp_control *control, enum session_reason reason, const char *detail);
void ftp_control_data_connected(struct ftp_control *control);
void ftp_control_data_done(struct ftp_control *control);
void ftp_control_data_failed(struct ftp_control *control, enum ftp_data_failure failure);
void ftp_control_expired(struct ftp_control *control);
void ftp_control_login_expired(struct ftp_control *control);

/* The client waits for a reply of the backend outside of transfers; and has waited for too long. */
bool ftp_control_awaits_backend(const struct ftp_control *control);
void ftp_control_backend_silent(struct ftp_control *control);

/* 421 and the end, as soon as no command and no transfer is under way. Whoever has set up a data connection
 * has data-connect-timeout to begin a transfer. */
void ftp_control_drain(struct ftp_control *control);

/* Says 421 for a reason of the core's, unless the connection is in the middle of its handshake. */
void ftp_control_farewell(struct ftp_control *control, enum session_reason reason);

bool ftp_control_logged_in(const struct ftp_control *control);
