/*
 * The lines of an FTP control connection, pure: commands out of the client's bytes, replies (of one or
 * many lines) out of the backend's. Nothing is kept between calls but the reply being put together.
 * Worker only; never blocks. RFC 959 4.1.3, 4.2, RFC 1123 4.1.2.10, RFC 2640; requirements F11, F13.
 *
 * A line ends with LF; one CR before it belongs to the end. Telnet's signs in front of ABOR (IAC IP, IAC DM)
 * are taken out of commands, IAC IAC is one byte 255. CR or NUL anywhere else makes a command bad: what one
 * side takes for one line another could take for two.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FTP_COMMAND_MAX = 1024,           /* bytes of a command without its line end */
    FTP_COMMAND_RAW_MAX = 2 * 1024,   /* the same with Telnet sequences and line end */
    FTP_REPLY_LINE_MAX = 4096,        /* bytes of one line of a reply with its line end */
    FTP_REPLY_BYTES_MAX = 256 * 1024, /* all lines of a reply */
    FTP_VERB_MAX = 8,
};

enum ftp_line_status {
    FTP_LINE_READY,    /* a whole line (reply) is there */
    FTP_LINE_MORE,     /* it is not complete yet */
    FTP_LINE_BAD,      /* complete, and not allowed */
    FTP_LINE_TOO_LONG, /* past its limit: the connection cannot go on */
};

struct ftp_line {
    size_t len;
    char text[FTP_COMMAND_MAX + 1]; /* without line end, NUL behind it */
};

/* The first line of data. *taken: its bytes with the line end (READY, BAD), else 0. */
enum ftp_line_status ftp_line_read(const uint8_t *data, size_t len, struct ftp_line *out, size_t *taken);

struct ftp_command {
    char verb[FTP_VERB_MAX + 1]; /* upper case; "" when it is no word of 1 to 8 letters and digits */
    const char *argument;        /* "" when there is none; borrowed from the line */
};

/* "VERB", or "VERB argument": the argument is what follows one space, unchanged. */
void ftp_line_parse(const struct ftp_line *line, struct ftp_command *out);

/* A reply in the making; once READY it is complete until ftp_reply_reset. */
struct ftp_reply {
    unsigned code; /* 100 to 599; 0: no line yet */
    bool complete;
    struct buf text; /* all lines, each ended with CRLF; CR and NUL inside are blanks */
};

void ftp_reply_init(struct ftp_reply *reply);
void ftp_reply_reset(struct ftp_reply *reply);
void ftp_reply_free(struct ftp_reply *reply);

/* Takes whole lines up to the end of one reply. BAD: the first line is no reply. TOO_LONG: also when memory
 * is out. */
enum ftp_line_status ftp_reply_add(struct ftp_reply *reply, const uint8_t *data, size_t len, size_t *taken);
