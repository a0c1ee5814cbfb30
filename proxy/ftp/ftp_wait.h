/*
 * What a session waits for, one thing at a time: commands of the client wait behind it, and what the backend
 * says is the answer to it. A part of ftp_control_private.h.
 */
#pragma once

/* What the session waits for; nothing else is forwarded meanwhile. */
enum ftp_wait {
    FTP_WAIT_NOTHING,
    FTP_WAIT_TLS,       /* AUTH was accepted */
    FTP_WAIT_GREETING,  /* the backend's 220 */
    FTP_WAIT_REPLY,     /* the reply to a forwarded command */
    FTP_WAIT_LOGIN,     /* the reply to USER, PASS or ACCT */
    FTP_WAIT_MAPPED,    /* the reply to the USER that a certificate maps to; the password follows */
    FTP_WAIT_DIRECTORY, /* the reply to the CWD behind a login; the login's reply is kept until then */
    FTP_WAIT_FEAT,
    FTP_WAIT_QUIT,
    FTP_WAIT_SETUP,        /* 227 or 229 */
    FTP_WAIT_DATA_CONNECT, /* the connection to the backend's data port; the command is not forwarded yet */
    FTP_WAIT_FINAL,        /* the transfer's final reply */
    FTP_WAIT_DATA_END,     /* it said 2xx; the client's data channel is to end */
    FTP_WAIT_SWALLOW,      /* the transfer has failed; its final reply is thrown away, then verdict is sent */
    FTP_WAIT_TAKE_BACK,    /* the reply to what takes a REST back; the client has said nothing of it */
    FTP_WAITS
};
