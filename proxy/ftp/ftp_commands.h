/*
 * Every command there is, as one const table: when it is allowed, whether the backend gets it, and
 * who handles it. docs/ftp.md shows the same table.
 */
#pragma once

#include "ftp_line.h"

#include <stdbool.h>
#include <stddef.h>

struct ftp_control;

enum ftp_when {
    FTP_ALWAYS,    /* also in clear and before the login */
    FTP_LOGIN,     /* when a login is allowed: under TLS, or in clear without secure-clients-only */
    FTP_LOGGED_IN, /* after the login */
};

enum ftp_carriage {
    FTP_PASSES,   /* forwarded as it is, the reply too */
    FTP_CHECKED,  /* run() looks at it first, and may forward it */
    FTP_OWN,      /* run() answers it */
    FTP_UPLOAD,   /* a transfer towards the backend */
    FTP_DOWNLOAD, /* a transfer towards the client */
    FTP_REFUSED,  /* answered with refusal */
};

struct ftp_command_row {
    const char *verb;
    enum ftp_when when;
    enum ftp_carriage carriage;
    void (*run)(struct ftp_control *, const struct ftp_line *, const struct ftp_command *);
    const char *refusal;   /* a whole reply */
    bool in_transfer;      /* acts at once during a transfer (F11) */
    const char *take_back; /* its 350 is for the next transfer: what takes it back, with CRLF */
};

/* NULL: unknown. verb is upper case. */
const struct ftp_command_row *ftp_command_find(const char *verb);

/* allow-commands and deny-commands: verbs, upper case. Borrowed. */
struct ftp_command_policy {
    const char *const *allow, *const *deny;
    size_t allow_count, deny_count;
};

/* For a verb that the table lacks: allow-commands may name it, and then it passes as it is after the login.
 * NULL: it does not. */
const struct ftp_command_row *ftp_command_named(const struct ftp_command_policy *policy, const char *verb);

/* deny wins, and is for every command without which one can log in; allow, unless it is empty, is for
 * commands that pass as they are and for transfers. Either knows a command by both of its names (XMKD is
 * MKD). */
bool ftp_command_allowed(const struct ftp_command_policy *policy, const struct ftp_command_row *row,
                         const char *verb);
/* Does allow-commands name it, or nothing? */
bool ftp_command_listed(const struct ftp_command_policy *policy, const char *verb);

/* Do feature lines of this command hold through the proxy? Any case. */
bool ftp_command_carried(const struct ftp_command_policy *policy, const char *word, size_t len);

/* A method of HTTP: somebody talks another protocol to us (F19). */
bool ftp_command_is_http(const char *verb);

/* For style tests and documentation: the table itself. */
extern const struct ftp_command_row ftp_command_rows[];
extern const size_t ftp_command_count;
