/*
 * One FTP data channel: a passive port for the client or a connection to it, TLS on it, a connection to the
 * backend's data port, bytes from one to the other in one direction, and an end that says no more than is
 * true:
 *
 * - The port takes one connection, of the control connection's peer or of who resumes its TLS session
 *   (data-peer); TLS begins at once (F17). The client's certificate, if the session was not resumed, is the
 *   control connection's (F6).
 * - An upload is complete when close_notify (in clear: FIN) has come; only then does the backend see
 *   an end (F15). After a cut its connection is reset.
 * - A download is complete when the backend's data has ended and its final reply was positive; only
 *   then does the client see close_notify and FIN. A backend that dies has sent a FIN, too.
 * - What moves is never cut, however slow it is; where nothing moves for stall-timeout it is STALLED.
 * - A download is done when the client's kernel has acknowledged everything, or 5 s after the last byte went
 *   to ours; an upload when close_notify went there: nobody waits for the client's own close (F14).
 *
 * Owner: ftp.c (one a session at a time). Worker only; never blocks. Callbacks come from the loop,
 * never from inside the calls here; `done` and `failed` are the last use of the channel: it may be freed in
 * them.
 */
#pragma once

#include "addr.h"
#include "err.h"
#include "ftp_control.h"

#include <stdbool.h>
#include <stdint.h>

struct ftp_data;
struct session;

struct ftp_data_user {
    void (*connected)(void *owner); /* the backend's data connection is there */
    void (*done)(void *owner);
    void (*failed)(void *owner, enum ftp_data_failure failure); /* only once ftp_data_connect was called */
};

/* Opens the passive port. NULL: err (no port is free, memory). */
struct ftp_data *ftp_data_new(struct session *session, bool protect, const struct ftp_data_user *user,
                              void *owner, struct err *err);

/* Active mode (PORT, EPRT): ftp_data_connect will connect to the client there, from the control connection's
 * local address; TLS has us as its server all the same (F6). Whether `client` may be connected to is the
 * caller's to decide (F10). NULL: err (memory). */
struct ftp_data *ftp_data_new_active(struct session *session, const struct addr *client, bool protect,
                                     const struct ftp_data_user *user, void *owner, struct err *err);

/* The port that the client is told: the advertised one where NAT maps another range. 0: active mode. */
uint16_t ftp_data_port(const struct ftp_data *data);

/* The transfer begins. Anything but FTP_DATA_OK is its end: what went wrong at once, or earlier. */
enum ftp_data_failure ftp_data_connect(struct ftp_data *data, const struct addr *backend, bool protect,
                                       bool upload);

/* After `connected`: bytes may flow as soon as the client is there. */
void ftp_data_start(struct ftp_data *data);

/* The backend says that the transfer is complete. True: it is, here too; else `done` or `failed` follow. */
bool ftp_data_complete(struct ftp_data *data);

/* The channel is not used any more. cut: whatever of the client's side is not at its end is reset, so that
 * nobody takes it for complete. Returns the ms after which ftp_data_free should follow (0: at once), which
 * resets what is left: a server that meets a reset connection when it accepts may forget the transfer, and
 * never say a last word about it. */
uint64_t ftp_data_close(struct ftp_data *data, bool cut);
void ftp_data_free(struct ftp_data *data); /* NULL is allowed */

/* For the log. */
struct ftp_data_tls {
    const char *version, *cipher; /* static texts; NULL: no handshake was done */
    bool resumed;
    uint32_t key_ms;
};

struct ftp_data_facts {
    uint64_t bytes_in, bytes_out; /* from and to the client, plain */
    struct ftp_data_tls tls;
    bool close_notify; /* the sender's: the client's in an upload, ours in a download */
};

void ftp_data_facts(const struct ftp_data *data, struct ftp_data_facts *out);
