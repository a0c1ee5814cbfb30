/*
 * The control filter played by a script, a line a step, blanks in front ignored:
 *
 *   C text    the client sends text and CRLF        B text    the backend does
 *   c text    without CRLF                          b text    (\r, \n and \xHH are bytes)
 *   ! event   something happened: secured, connected, done, expired, silent, login-expired, drain,
 *             backend-lost, client-lost, disabled (the client's partner), renamed (its
 *             ftp-user), key-lost, read (the replies), absent, tls, not-resumed, certificate,
 *             cut, incomplete, backend-cut, stalled, no-backend, no-memory
 *   > text    a line of a reply to the client
 *   < text    a line that goes to the backend
 *   = what    what else was asked for: connect-backend, drop-backend, start-tls a.example,
 *             clear-tls, begin-anew, listen P, dial 10.0.0.1:1029 P, connect 2000 P up,
 *             start, complete, abort, abort begun, deadline 30000, login acme 230,
 *             login acme typed x 230, refused SITE, began, transfer RETR 226 done, end quit
 *
 * What the filter does after a step must be the lines that follow it, all of them, in their order.
 */
#pragma once

/* What many scripts begin with, or come to. */
#define IMPLICIT_START                                                                                       \
    "> 220 ready\n"                                                                                          \
    "= connect-backend\n"                                                                                    \
    "B 220 hello\n"
#define AUTH_START                                                                                           \
    "> 220 ready\n"                                                                                          \
    "C AUTH TLS\n"                                                                                           \
    "= abort\n"                                                                                              \
    "> 234 Begin TLS.\n"                                                                                     \
    "= start-tls\n"                                                                                          \
    "! secured\n"                                                                                            \
    "= connect-backend\n"                                                                                    \
    "B 220 hello\n"
#define WELCOME_ACME                                                                                         \
    "C USER acme\n"                                                                                          \
    "< USER acme\n"                                                                                          \
    "B 230 welcome\n"                                                                                        \
    "> 230 welcome\n"                                                                                        \
    "= login acme 230\n"
#define EPSV                                                                                                 \
    "C EPSV\n"                                                                                               \
    "= abort\n"                                                                                              \
    "< EPSV\n"                                                                                               \
    "B 229 ok (|||2000|)\n"                                                                                  \
    "= listen P\n"                                                                                           \
    "> 229 Entering Extended Passive Mode (|||30001|)\n"
#define RETR                                                                                                 \
    EPSV "C RETR f\n"                                                                                        \
         "= began\n"                                                                                         \
         "= connect 2000 P down\n"                                                                           \
         "! connected\n"                                                                                     \
         "< RETR f\n"                                                                                        \
         "= start\n"

enum ftp_script_world {
    IMPLICIT = 1,    /* TLS comes first; else AUTH */
    CLEAR_LOGIN = 2, /* secure-clients-only = false */
    CLEAR_DATA = 4,  /* require-data-tls = false */
    CLIENT_V6 = 8,
    BACKEND_V6 = 16,
    CERTIFICATE_REFUSED = 32, /* require, and the client's is not trusted */
    NO_KEY = 64,
    NO_PORT = 128,
    CONNECT_FAILS = 256, /* the data channel failed before the transfer */
    ENDS_AT_ONCE = 512,  /* ... has ended when the backend calls it complete */
    ACTIVE = 1024,       /* active-mode */
    MAPPED = 2048,       /* require and cert-map: the certificate maps to "partner", password "from file" */
    CCC = 4096,          /* the quirks */
    NO_PBSZ = 8192,
    AUTH_PRIVATE = 16384,
    HOSTS = 32768,       /* a.example is served as the listener is, b.example by another backend */
    DIRECTORY = 65536,   /* login-directory = "/home/%u" */
    DENY_SITE = 131072,  /* deny-commands = SITE, HELP, CLNT, USER; allow-commands empty */
    ALLOW_RETR = 262144, /* allow-commands = RETR, SITE */
    NO_ADDRESS = 524288, /* what PASV is to name is not known */
    NO_DIAL = 1048576,
    UNREAD = 4194304,      /* the client reads no replies: it has room for two */
    DENY_MAKING = 2097152, /* deny-commands = MKD, XRMD; allow-commands = CWD, XPWD */
    ALLOW_COMB = 8388608,  /* allow-commands = COMB, CPSV, REST, STOR, GET */
};

struct ftp_script {
    const char *name;
    unsigned world;
    const char *text;
};

/* Fails the test that runs, with the script's name and line. */
void ftp_script_play(const struct ftp_script *script);

/* A session behind its login, channels protected, no line of it expected in the script. */
void ftp_script_play_logged_in(const struct ftp_script *script);

/* Each script of an array, by one of the two. */
#define PLAY_ALL(table, play)                                                                                \
    for (size_t i = 0; i < ROWS(table); i++)                                                                 \
    play(&(table)[i])
