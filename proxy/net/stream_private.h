/*
 * A stream from the inside: stream.c (its life and what its owner calls), stream_watch.c (what is watched and
 * what the user is told), stream_io.c (bytes to and from the kernel, through TLS when there is one),
 * stream_handshake.c, stream_clear.c (when TLS ends before the connection), stream_dial.c (until it is
 * connected). Nobody else but loop.c includes it.
 */
#pragma once

#include "buf.h"
#include "loop_private.h"
#include "stream.h"
#include "tls.h"

#include <ev.h>

enum stream_phase {
    STREAM_PHASE_REDIALLING, /* one address has failed, the next one is to be tried */
    STREAM_PHASE_CONNECTING,
    STREAM_PHASE_CLEAR,
    STREAM_PHASE_HANDSHAKE,
    STREAM_PHASE_SECURE,
};

/* How the peer's bytes ended. */
enum stream_peer_end { STREAM_PEER_OPEN, STREAM_PEER_ENDED, STREAM_PEER_CUT };

struct dial;

struct stream {
    TAILQ_ENTRY(stream) queued;
    LIST_ENTRY(stream) entry;  /* in loop->all */
    struct stream_list *queue; /* which list it stands in, or NULL */
    struct loop *loop;
    ev_io reader, writer;
    ev_timer deadline; /* of the connect, of the close */
    int fd;
    enum stream_phase phase;
    enum stream_peer_end peer_end;

    bool paused, urgent;
    bool waiting, woken;        /* the handshake waits for the signer; it may go on */
    bool came_early;            /* bytes of the client wait in the kernel meanwhile */
    bool finishing, closed_tls; /* no more writes; close_notify is in the outbox */
    bool tls_over;              /* stream_stop_tls: the phase is CLEAR again, tls is kept for its facts */
    bool tls_ending;            /* ... but the peer's close_notify may still come */
    bool tls_ends_well;         /* ... and its records have begun to */
    bool fin_sent;
    bool reset_unless_finished;
    bool closing;             /* the owner has let go; input is thrown away */
    bool failed, socket_dead; /* an error was noted; nothing can be sent any more */
    bool output_dead;         /* a send failed; what the peer said before is still read */
    bool was_torn;            /* STREAM_PEER_CUT by a RST, or inside a record */
    bool is_dead;             /* waits to be freed */
    bool tell_connected, tell_secure, tell_drained, tell_end, tell_failed;

    struct buf inbox;  /* plain bytes the user did not take */
    struct buf outbox; /* bytes for the kernel */
    struct buf early;  /* plain bytes written before the handshake was done */
    size_t read_limit;
    uint64_t bytes_in, bytes_out;

    struct dial *dial; /* until stream_dial is over; else NULL */
    struct tls *tls;
    struct stream *sink, *source;
    const struct stream_user *user;
    void *owner;
    struct addr peer, local;
    struct err err;
};

/* for the loop */
void stream_tell(struct stream *stream); /* stream_watch.c: delivers what is pending to the user */
void stream_step(struct stream *stream); /* stream_handshake.c: one step */
void stream_unqueue(struct stream *stream);
void stream_free(struct stream *stream);

/* between the stream_*.c files */
struct stream *stream_new(struct loop *loop, int fd, enum stream_phase phase, struct err *err); /* takes fd */
void stream_use_fd(struct stream *stream, int fd);
void stream_readable(struct ev_loop *ev, ev_io *watcher, int events);
void stream_writable(struct ev_loop *ev, ev_io *watcher, int events);
void stream_woken(void *owner);
void stream_enqueue(struct stream *stream, struct stream_list *queue);
void stream_make_ready(struct stream *stream);
void stream_fail(struct stream *stream); /* err is filled: stop, and tell the user */
void stream_socket_failed(struct stream *stream, const char *doing); /* the same, from errno */
bool stream_wants_input(const struct stream *stream);
void stream_interest(struct stream *stream); /* recomputes what libev watches */
void stream_deliver(struct stream *stream, const uint8_t *data, size_t len);
void stream_destroy(struct stream *stream);

void stream_push(struct stream *stream, const uint8_t *data,
                 size_t len); /* as they are, to the kernel or the outbox */
void stream_flush(struct stream *stream);
void stream_send_plain(struct stream *stream, const uint8_t *data,
                       size_t len);            /* through TLS if there is one */
void stream_keep_end(struct stream *stream);   /* stream_socket.c: before its FIN */
void stream_end_output(struct stream *stream); /* close_notify and FIN, as far as everything before is out */
struct tls_io stream_io(struct stream *stream, const uint8_t *in, size_t in_len);
size_t stream_decrypt(struct stream *stream, struct tls_io *io); /* into loop->plain */
void stream_receive(struct stream *stream);
/* What came after stream_stop_tls; stream_clear.c. */
void stream_deliver_clear(struct stream *stream, const uint8_t *data, size_t len);
void stream_discard(struct stream *stream);

bool stream_dial_keeps(const struct stream *stream); /* what is written now is for inside TLS, later */
void stream_dial_reached(struct stream *stream);     /* the connect has succeeded */
void stream_dial_done(struct stream *stream);        /* so has everything else */
void stream_dial_late(struct stream *stream);        /* the failure to come is a deadline's */
bool stream_dial_missed(struct stream *stream);      /* err is filled; true: another address is to be tried */
void stream_dial_again(struct stream *stream);
void stream_dial_end(struct stream *stream);
