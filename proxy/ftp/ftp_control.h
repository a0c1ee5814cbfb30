/*
 * The control connection of one FTP session as a filter: bytes of the client and of the backend in,
 * replies, forwarded commands and wishes about data channels out, through a table of functions. No
 * I/O, no clock, no socket: unit tests and the fuzzer drive it as it is.
 *
 * One command at a time is under way at the backend; what comes meanwhile waits, at most
 * FTP_WAITING_MAX lines, then no more bytes are taken. During a transfer ABOR and STAT act at once.
 *
 * Owner: ftp.c (one a session). Worker only; never blocks. None of the functions in
 * ftp_control_ops may call back into the filter or free it; `end` is called once and nothing is taken after
 * it.
 *
 * RFC 959, 2228, 2389, 2428, 4217; requirements F1-F5, F7-F9, F11, F13-F15, F17, F19, F20, C1, C2.
 */
#pragma once

#include "addr.h"
#include "reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ftp_control;

enum { FTP_WAITING_MAX = 32, FTP_FINAL_REPLY_MS = 30000 };

/* Why a data channel could not do its work. */
enum ftp_data_failure {
    FTP_DATA_OK,
    FTP_DATA_NO_BACKEND,     /* the backend's data port does not accept */
    FTP_DATA_ABSENT,         /* the client did not come (and end its handshake) in time */
    FTP_DATA_TLS,            /* its handshake failed */
    FTP_DATA_CUT,            /* its TLS ended without close_notify, or with a reset */
    FTP_DATA_INCOMPLETE,     /* it was still sending when the backend said the transfer was complete */
    FTP_DATA_BACKEND_FAILED, /* the backend's data connection broke */
    FTP_DATA_NO_MEMORY,
    FTP_DATA_FAILURES
};

struct ftp_transfer_report {
    const char *verb, *path; /* borrowed; path as the client sent it */
    unsigned code;           /* what the client was answered */
    enum session_reason reason;
    bool done;
};

struct ftp_control_ops {
    void (*reply)(void *owner, const void *data, size_t len);   /* to the client */
    void (*forward)(void *owner, const void *data, size_t len); /* to the backend */

    bool (*can_secure)(void *owner);          /* is there a key to make a handshake with? */
    void (*start_tls)(void *owner);           /* ftp_control_secured follows */
    bool (*certificate_refused)(void *owner); /* must the login fail for the client's certificate? */

    void (*connect_backend)(void *owner); /* its greeting follows, or ftp_control_backend_lost */
    void (*drop_backend)(void *owner);    /* and forget what it still says */

    /* A passive port towards the client; an older one is given up. False: none is free. */
    bool (*listen_data)(void *owner, bool protect, uint16_t *port);
    /* The backend's data port; ftp_control_data_connected or _data_failed follow when this is FTP_DATA_OK. */
    enum ftp_data_failure (*connect_data)(void *owner, uint16_t port, bool protect, bool upload);
    void (*start_data)(void *owner); /* the command is on its way: bytes may flow */
    /* The backend calls the transfer complete: the channel is to end well. True: it has; else
     * ftp_control_data_done follows, or _data_failed. */
    bool (*complete_data)(void *owner);
    /* Whatever there is of a data channel goes. begun: the client expects bytes, and must not take this for
     * their complete end. */
    void (*abort_data)(void *owner, bool begun);

    void (*deadline)(void *owner, uint64_t ms); /* ftp_control_expired after ms; 0: no more */
    void (*login)(void *owner, const char *user, unsigned code);
    void (*transfer_began)(void *owner);
    void (*transfer_ended)(void *owner, const struct ftp_transfer_report *report);
    void (*end)(void *owner, enum session_reason reason, const char *detail);
};

/* What the listener and the sockets say. Borrowed by the filter. */
struct ftp_rules {
    const char *greeting;
    bool implicit; /* TLS came first: data channels are private unless PROT C is said */
    bool secure_clients_only, require_data_tls;
    bool client_is_v4, backend_is_v4;
    struct addr passive_address; /* for 227, IPv4 */
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

/* 421 and the end, as soon as no command and no transfer is under way. */
void ftp_control_drain(struct ftp_control *control);

/* Says 421 for a reason of the core's, unless the connection is in the middle of its handshake. */
void ftp_control_farewell(struct ftp_control *control, enum session_reason reason);

bool ftp_control_logged_in(const struct ftp_control *control);
