/*
 * What the control filter asks of its owner, and what it is told: the table of functions that ftp_ops.c
 * fills with sockets and timers, and unit tests and the fuzzer with notes. None of them may call back into
 * the filter or free it; `end` is called once and nothing is taken after it.
 */
#pragma once

#include "addr.h"
#include "ftp_identity.h"
#include "reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a data channel could not do its work. */
enum ftp_data_failure {
    FTP_DATA_OK,
    FTP_DATA_NO_BACKEND,     /* the backend's data port does not accept */
    FTP_DATA_ABSENT,         /* the client did not come (and end its handshake) in time */
    FTP_DATA_TLS,            /* its handshake failed */
    FTP_DATA_NOT_RESUMED,    /* the control connection's TLS session was not resumed, and has to be */
    FTP_DATA_CERTIFICATE,    /* another client certificate than on the control connection, or none (F6) */
    FTP_DATA_CUT,            /* its TLS ended without close_notify, or with a reset */
    FTP_DATA_INCOMPLETE,     /* it was still sending when the backend said the transfer was complete */
    FTP_DATA_BACKEND_FAILED, /* the backend's data connection broke */
    FTP_DATA_STALLED,        /* nothing moved for stall-timeout */
    FTP_DATA_NO_MEMORY,
    FTP_DATA_FAILURES
};

struct ftp_transfer_report {
    const char *verb, *path; /* borrowed; path as the client sent it */
    unsigned code;           /* what the client was answered */
    enum session_reason reason;
    bool done;
};

struct ftp_login_report {
    const char *user;   /* who logs in at the backend; borrowed */
    const char *typed;  /* what the client typed, when its certificate says another; "" : the same */
    unsigned code;      /* what the client was answered */
    const char *detail; /* why we refused; "" : the backend has decided */
};

/* What a HOST names (RFC 7151). */
enum ftp_host { FTP_HOST_UNKNOWN, FTP_HOST_SAME_BACKEND, FTP_HOST_OTHER_BACKEND };

struct ftp_control_ops {
    void (*reply)(void *owner, const void *data, size_t len); /* to the client */
    bool (*is_full)(void *owner); /* the client does not read what it was replied: it is not listened to */
    void (*forward)(void *owner, const void *data, size_t len); /* to the backend */

    bool (*can_secure)(void *owner); /* is there a key to make a handshake with? */
    /* For the host that was chosen, if the hello names none; ftp_control_secured follows. */
    void (*start_tls)(void *owner);
    void (*clear_tls)(void *owner);  /* what was written goes out, then close_notify, then all is in clear */
    void (*begin_anew)(void *owner); /* REIN: the time for a login begins again */

    /* Who the client may log in as, now; secure: its certificate counts. What out borrows holds until the
     * filter returns. */
    void (*identify)(void *owner, bool secure, struct ftp_identity *out);
    bool (*still_welcome)(void *owner); /* ... and is it still the one that logged in (C5)? */
    void (*login)(void *owner, const struct ftp_login_report *report);
    bool (*login_failed)(void *owner); /* one more; true: it was one too many */
    void (*command_refused)(void *owner, const char *verb);

    /* NULL: none (any more). Which backend the next connect_backend goes to is the owner's knowledge. */
    enum ftp_host (*choose_host)(void *owner, const char *name);
    void (*connect_backend)(void *owner); /* its greeting follows, or ftp_control_backend_lost */
    void (*drop_backend)(void *owner);    /* and forget what it still says */

    /* The features that the backend which this client would get was last seen with, by keep_features or by a
     * health check. NULL: not yet. */
    const char *(*features)(void *owner, size_t *len);
    void (*keep_features)(void *owner, const char *reply, size_t len);

    /* For 227: IPv4, port 0. False: it is not known now. */
    bool (*passive_address)(void *owner, struct addr *out);
    /* A passive port towards the client; an older set-up is given up. False: none is free. */
    bool (*listen_data)(void *owner, bool protect, uint16_t *port);
    /* Active mode: the client is to be connected to when a transfer begins. False: out of memory. */
    bool (*dial_data)(void *owner, const struct addr *client, bool protect);
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
    void (*transfer_began)(void *owner);
    void (*transfer_ended)(void *owner, const struct ftp_transfer_report *report);
    void (*end)(void *owner, enum session_reason reason, const char *detail);
};
