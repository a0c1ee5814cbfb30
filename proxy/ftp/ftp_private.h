/*
 * A session's FTP state: ftp.c (its life, the two control connections), ftp_ops.c (what the filter asks
 * for: sockets, timers, data channels, log lines), ftp_ops_login.c (the same about who and where). Nobody
 * else includes it.
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
    struct timer answer; /* runs while a reply of the backend is awaited: idle-timeout stands still then */
    uint64_t transfer_began_ms;
    const struct conf_server_name *host; /* HOST named it; NULL: SNI does, or nothing */
    char host_name[256];                 /* ... as it did, folded: in clear for the handshake to come */
    struct err why;                      /* the client is welcome no more */
    bool secure;                         /* TLS is up; not after REIN */
    bool command_refused;                /* it was logged */
    bool backend_connected;
    bool tls_asked;
    bool auth_said; /* since the last login: another AUTH gives no more time for it */
    bool ended;     /* the filter has said so; session_end is next */
    enum session_reason end_reason;
    struct err end_detail;
};

extern const struct ftp_control_ops ftp_control_functions;

/* ftp.c */
extern const struct stream_user ftp_backend_user;
/* After each event that the filter was given: what it decided is done here, outside of it. The last call: the
 * session may be gone. */
void ftp_settle(struct ftp *ftp);

/* ftp_ops_login.c */
const struct conf_backends *ftp_backends(const struct ftp *ftp); /* NULL: the listener's */
const char *ftp_op_features(void *owner, size_t *len);
void ftp_op_keep_features(void *owner, const char *reply, size_t len);
void ftp_op_identify(void *owner, bool secure, struct ftp_identity *out);
bool ftp_op_still_welcome(void *owner);
void ftp_op_login(void *owner, const struct ftp_login_report *report);
bool ftp_op_login_failed(void *owner);
void ftp_op_command_refused(void *owner, const char *verb);
enum ftp_host ftp_op_choose_host(void *owner, const char *name);
void ftp_op_begin_anew(void *owner);

/* ftp_ops.c */
bool ftp_op_is_full(void *owner);

/* ftp_ops.c: timers' functions, owner is struct ftp */
void ftp_answer_expired(void *owner);
void ftp_login_expired(void *owner);
void ftp_deadline_expired(void *owner);
void ftp_backend_unreachable(void *owner);
void ftp_mercy_over(void *owner);
