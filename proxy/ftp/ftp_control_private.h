/*
 * The control filter from the inside: ftp_control.c (lines, the queue, the backend's replies),
 * ftp_protect.c (AUTH to REIN: TLS and new beginnings), ftp_login.c (HOST, USER to the login's end),
 * ftp_answers.c (FEAT, STAT and others that are answered here), ftp_setup.c (PASV to EPRT), ftp_transfer.c,
 * ftp_ends.c (ends that come from outside).
 * Nobody else but ftp_commands.c includes it.
 */
#pragma once

#include "ftp_commands.h"
#include "ftp_control.h"
#include "ftp_line.h"
#include "ftp_wait.h"

enum ftp_backend_state { FTP_BACKEND_NONE, FTP_BACKEND_CONNECTING, FTP_BACKEND_READY };

/* How the client set its data connection up. */
enum ftp_setup { FTP_SETUP_PASV, FTP_SETUP_EPSV, FTP_SETUP_PORT, FTP_SETUP_EPRT };

enum { FTP_USER_MAX = 128 };

struct ftp_transfer {
    const struct ftp_command_row *row; /* NULL: none is under way */
    struct ftp_line line;
    enum session_reason reason;
    const char *verdict;   /* FTP_WAIT_SWALLOW: what the client is told then */
    bool own_error_passes; /* ... unless the backend has an error of its own to tell */
    bool begun;            /* a 1xx was passed to the client */
    bool asked_again;      /* FTP_WAIT_SWALLOW: NOOP is at the backend, its reply ends the wait */
};

struct ftp_control {
    const struct ftp_rules *rules;
    const struct ftp_control_ops *ops;
    void *owner;

    bool ended, draining, heard; /* heard: the client's first byte was seen */
    bool overdue;                /* draining: who has set up a data connection had its time to use it */
    bool secure, cleared, buffer_size_said, protect; /* cleared: CCC; the client is still who it was */
    bool has_user, logged_in, epsv_all;
    enum ftp_identity_kind login_as; /* decided at USER, again at PASS */
    unsigned unknown_count;
    char user[FTP_USER_MAX + 1], typed[FTP_USER_MAX + 1]; /* typed: when it is another one */

    enum ftp_wait wait;
    const struct ftp_command_row *asked; /* the last command that was run */
    const char *take_back; /* what undoes a REST that no transfer has used so far; NULL: there is none */
    enum ftp_backend_state backend;
    unsigned backend_number; /* one more each time when a backend was dropped */
    struct ftp_reply reply;  /* in the making, or held (FTP_WAIT_DATA_END) */

    struct buf kept; /* the reply to the login (FTP_WAIT_DIRECTORY) */
    unsigned login_code;

    enum ftp_setup setup;
    bool asked_epsv, asked_twice, no_epsv;
    struct addr active;    /* of PORT and EPRT */
    uint16_t passive_port; /* of the backend; 0: nothing is set up */
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
/* allow-commands or deny-commands say so. */
void ftp_control_forbid(struct ftp_control *control, const char *verb);
/* Runs what waits, as far as it may. The last call of whoever ended a wait. */
void ftp_control_go_on(struct ftp_control *control);

typedef void ftp_run(struct ftp_control *, const struct ftp_line *, const struct ftp_command *);
typedef void ftp_take(struct ftp_control *); /* a reply of the backend that was waited for */

/* ftp_protect.c */
ftp_run ftp_run_auth, ftp_run_pbsz, ftp_run_prot, ftp_run_ccc, ftp_run_rein;
/* What it still says is for nobody. */
void ftp_drop_backend(struct ftp_control *control);
/* The backend was left so often that nobody who means well does it: told and ended. */
bool ftp_begins_too_often(struct ftp_control *control);

/* ftp_login.c */
ftp_run ftp_run_host, ftp_run_user, ftp_run_pass, ftp_run_acct;
ftp_take ftp_login_reply, ftp_mapped_reply, ftp_directory_reply;

/* ftp_answers.c */
ftp_run ftp_run_feat, ftp_run_quit, ftp_run_noop, ftp_run_stat, ftp_run_mode, ftp_run_stru;
ftp_take ftp_feat_reply;

/* ftp_setup.c */
ftp_run ftp_run_pasv, ftp_run_epsv, ftp_run_port, ftp_run_eprt;
ftp_take ftp_setup_reply;

/* ftp_transfer.c */
ftp_run ftp_run_abor;
void ftp_transfer_begin(struct ftp_control *control, const struct ftp_command_row *row,
                        const struct ftp_line *line);
bool ftp_transfer_runs(const struct ftp_control *control);
/* A command that lists forbid; if it is a transfer, it has used its REST up all the same. */
void ftp_transfer_forbid(struct ftp_control *control, const struct ftp_command_row *row, const char *verb);
ftp_take ftp_transfer_reply, ftp_transfer_swallow, ftp_transfer_ask_again;
/* One side has gone: the transfer under way, if any, ends with it. code 0: nobody is left to be told. */
void ftp_transfer_lost(struct ftp_control *control, unsigned code, enum session_reason reason);
