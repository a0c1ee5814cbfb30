/*
 * A session's FTP state: ftp.c (its life, the two control connections), ftp_ops.c (what the filter asks
 * for: sockets, timers, data channels, log lines). Nobody else includes it.
 */
#pragma once

#include "ftp_control.h"
#include "ftp_data.h"
#include "session.h"
#include "timer.h"

struct ftp {
    struct session *session;
    struct ftp_rules rules;
    struct ftp_control *control;
    struct stream *backend;
    struct ftp_data *data;
    struct ftp_data *condemned;       /* closed, to be freed when its time has come */
    struct ftp_data_facts data_facts; /* of the transfer that is ending */
    struct timer login, deadline, mercy;
    struct timer unreachable; /* the backend was refused at once: told from the loop */
    uint64_t transfer_began_ms;
    bool backend_connected;
    bool tls_asked;
    bool ended; /* the filter has said so; session_end is next */
    enum session_reason end_reason;
    struct err end_detail;
};

extern const struct ftp_control_ops ftp_control_functions;

/* ftp.c */
extern const struct stream_user ftp_backend_user;
/* After each event that the filter was given: what it decided is done here, outside of it. The last call: the
 * session may be gone. */
void ftp_settle(struct ftp *ftp);

/* ftp_ops.c: timers' functions, owner is struct ftp */
void ftp_login_expired(void *owner);
void ftp_deadline_expired(void *owner);
void ftp_backend_unreachable(void *owner);
void ftp_mercy_over(void *owner);
