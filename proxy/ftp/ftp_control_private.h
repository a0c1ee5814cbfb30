/*
 * The control filter from the inside: ftp_control.c (lines, the queue, the backend's replies),
 * ftp_login.c (AUTH to QUIT: what is answered here), ftp_transfer.c (passive set-up and transfers).
 * Nobody else but ftp_commands.c includes it.
 */
#pragma once

#include "ftp_commands.h"
#include "ftp_control.h"
#include "ftp_line.h"

/* What the session waits for; nothing else is forwarded meanwhile. */
enum ftp_wait {
    FTP_WAIT_NOTHING,
    FTP_WAIT_TLS,      /* AUTH was accepted */
    FTP_WAIT_GREETING, /* the backend's 220 */
    FTP_WAIT_REPLY,    /* the reply to a forwarded command */
    FTP_WAIT_LOGIN,    /* the reply to USER, PASS or ACCT */
    FTP_WAIT_FEAT,
    FTP_WAIT_QUIT,
    FTP_WAIT_PASSIVE,      /* 227 or 229 */
    FTP_WAIT_DATA_CONNECT, /* the connection to the backend's data port; the command is not forwarded yet */
    FTP_WAIT_FINAL,        /* the transfer's final reply */
    FTP_WAIT_DATA_END,     /* it said 2xx; the client's data channel is to end */
    FTP_WAIT_SWALLOW,      /* the transfer has failed; its final reply is thrown away, then verdict is sent */
    FTP_WAITS
};

enum ftp_backend_state { FTP_BACKEND_NONE, FTP_BACKEND_CONNECTING, FTP_BACKEND_READY };

enum { FTP_USER_MAX = 128, FTP_REPLY_OWN_MAX = 256 };

struct ftp_transfer {
    const struct ftp_command_row *row; /* NULL: none is under way */
    struct ftp_line line;
    enum session_reason reason;
    const char *verdict;   /* FTP_WAIT_SWALLOW: what the client is told then */
    bool own_error_passes; /* ... unless the backend has an error of its own to tell */
    bool begun;            /* a 1xx was passed to the client */
};

struct ftp_control {
    const struct ftp_rules *rules;
    const struct ftp_control_ops *ops;
    void *owner;

    bool ended, draining, heard; /* heard: the client's first byte was seen */
    bool secure, buffer_size_said, protect;
    bool has_user, certificate_failed, logged_in, epsv_all;
    unsigned unknown_count, refused_logins;
    char user[FTP_USER_MAX + 1];

    enum ftp_wait wait;
    enum ftp_backend_state backend;
    struct ftp_reply reply; /* in the making, or held (FTP_WAIT_DATA_END) */

    bool client_said_epsv, asked_epsv, asked_twice, no_epsv;
    uint16_t passive_port; /* of the backend; 0: none */
    struct ftp_transfer transfer;

    struct buf waiting; /* command lines, each with LF */
    unsigned waiting_count;
    size_t untaken; /* bytes of the client behind the last line that was taken */
};

/* ftp_control.c */
void ftp_control_say(struct ftp_control *control, const char *reply);
void ftp_control_forward(struct ftp_control *control, const struct ftp_line *line, enum ftp_wait wait);
void ftp_control_forward_text(struct ftp_control *control, const char *command, enum ftp_wait wait);
void ftp_control_pass_reply(struct ftp_control *control);
void ftp_control_end(struct ftp_control *control, enum session_reason reason, const char *detail);
void ftp_control_connect_backend(struct ftp_control *control);
void ftp_control_unknown(struct ftp_control *control);
/* Runs what waits, as far as it may. The last call of whoever ended a wait. */
void ftp_control_go_on(struct ftp_control *control);

/* ftp_login.c: the table's run functions */
typedef void ftp_run(struct ftp_control *, const struct ftp_line *, const struct ftp_command *);
ftp_run ftp_run_auth, ftp_run_pbsz, ftp_run_prot, ftp_run_user, ftp_run_pass, ftp_run_acct, ftp_run_feat,
    ftp_run_quit, ftp_run_noop, ftp_run_stat, ftp_run_mode, ftp_run_stru;
void ftp_login_reply(struct ftp_control *control);
void ftp_feat_reply(struct ftp_control *control);

/* ftp_transfer.c */
ftp_run ftp_run_pasv, ftp_run_epsv, ftp_run_abor;
void ftp_transfer_begin(struct ftp_control *control, const struct ftp_command_row *row,
                        const struct ftp_line *line);
bool ftp_transfer_runs(const struct ftp_control *control);
void ftp_passive_reply(struct ftp_control *control);
void ftp_transfer_reply(struct ftp_control *control);
void ftp_transfer_swallow(struct ftp_control *control);
/* One side has gone: the transfer under way, if any, ends with it. code 0: nobody is left to be told. */
void ftp_transfer_lost(struct ftp_control *control, unsigned code, enum session_reason reason);
