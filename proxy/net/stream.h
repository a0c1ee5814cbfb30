/*
 * One TCP socket, clear or TLS, as a few events. Protocol code never sees a WANT_READ, a partial
 * write or a paused handshake.
 *
 * Reading: the user's data function gets what has come and returns how much it took; the rest is kept
 * and comes again in front of what comes next (or at once after stream_resume). Nothing is read while the
 * stream is paused, while its sink has bytes unsent, or while read_limit bytes wait untaken.
 * Writing: stream_write takes everything, sends at once what the kernel takes and keeps the rest.
 *
 * Owner: whoever made it, until stream_close or stream_abort; after these the pointer is dead for
 * the owner and the loop frees it. All three calls are allowed inside the stream's own callbacks. No event
 * comes after STREAM_FAILED, close or abort. Callbacks never come from inside stream_write and the other
 * calls here, always from the loop.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct stream;
struct tls;

enum stream_event {
    STREAM_CONNECTED, /* stream_connect or stream_dial succeeded */
    STREAM_SECURE,    /* the TLS handshake is done */
    STREAM_DRAINED,   /* unsent bytes have become none (only after a write came up short) */
    STREAM_ENDED,     /* the peer's last byte has been delivered: FIN in clear, close_notify in TLS */
    STREAM_CUT,       /* TLS only: the peer's FIN or RST came without close_notify (F15, H11) */
    STREAM_FAILED,    /* connect, socket or TLS error: stream_error says; dead but still to be closed */
};

struct stream_user {
    /* data is only valid during the call. Returns how many of its bytes were taken. */
    size_t (*data)(void *owner, struct stream *stream, const uint8_t *data, size_t len);
    void (*event)(void *owner, struct stream *stream, enum stream_event event);
};

/* Takes fd (non-blocking, connected). Reads nothing before the user is set and stream_resume was called. */
struct stream *stream_accepted(struct loop *loop, int fd, struct err *err);

/* Starts connecting, from any local address; STREAM_CONNECTED or STREAM_FAILED (after timeout_ms too; 0: the
 * kernel's own patience) follow. NULL: refused at once. */
struct stream *stream_connect(struct loop *loop, const struct addr *to, uint64_t timeout_ms,
                              const struct stream_user *user, void *owner, struct err *err);

/* The same from one address of this machine, any port, with the kernel's own patience (FTP's active mode). */
struct stream *stream_connect_from(struct loop *loop, const struct addr *from, const struct addr *to,
                                   const struct stream_user *user, void *owner, struct err *err);

/* user is borrowed (a const table). */
void stream_set_user(struct stream *stream, const struct stream_user *user, void *owner);
void stream_get_user(const struct stream *stream, const struct stream_user **user, void **owner);

/* Begins the server handshake; takes tls. Bytes that wait untaken in clear (at most 32 KB) are its first.
 * Behind AUTH they are an attack (F2): look with stream_unread before. urgent: a data channel of a logged-in
 * session goes before new connections. */
void stream_start_tls(struct stream *stream, struct tls *tls, bool urgent);
struct tls *stream_tls(const struct stream *stream); /* borrowed; NULL: clear */

/* Secure: close_notify goes out behind what was written, then everything is in clear, from the peer's
 * close_notify on (or its first byte that is no TLS). stream_tls stays what it was; stream_start_tls may
 * begin anew. CCC and REIN of FTP (RFC 4217). */
void stream_stop_tls(struct stream *stream);

size_t stream_unread(const struct stream *stream);               /* received, decrypted, not yet taken */
void stream_set_read_limit(struct stream *stream, size_t bytes); /* of one receive; default 256 KB */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* This stream is read only while sink has nothing unsent. NULL: none. Either may be closed first. */
void stream_set_sink(struct stream *stream, struct stream *sink);

void stream_write(struct stream *stream, const void *data, size_t len);
void stream_text(struct stream *stream, const char *text);
size_t stream_unsent(const struct stream *stream);

/* No more writes: after what is unsent, close_notify and FIN. Reading goes on. */
void stream_finish(struct stream *stream);

/* Until its end has been sent, a death of this process resets the connection: the kernel would send a FIN, by
 * which half a file passes for a whole one (F15). */
void stream_reset_unless_finished(struct stream *stream);

/* True when FIN is sent and the peer's kernel has acknowledged everything (SIOCOUTQ 0, F14). */
bool stream_flushed(struct stream *stream);

/* stream_finish, then input is thrown away until the peer's end, or 5 s in which nothing moved (T4: its last
 * words must arrive). What ends before all has left ends with a RST (H11, F15). */
void stream_close(struct stream *stream);
/* At once, with a RST: the peer sees an error, never a complete end. No close_notify. */
void stream_abort(struct stream *stream);

const struct err *stream_error(const struct stream *stream);
void stream_peer(const struct stream *stream, struct addr *out);
void stream_local(const struct stream *stream, struct addr *out);
/* After STREAM_CUT: by a RST, or inside a record. Not even peers that know no close_notify end like that. */
bool stream_was_torn(const struct stream *stream);
/* What its TCP connection has carried so far in both directions, as the peer has acknowledged it: grows while
 * anything moves, however slowly and whatever waits in buffers. */
uint64_t stream_carried_bytes(const struct stream *stream);
uint64_t stream_bytes_in(const struct stream *stream);  /* plain bytes delivered */
uint64_t stream_bytes_out(const struct stream *stream); /* plain bytes written */
