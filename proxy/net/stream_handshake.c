/* A stream while TLS is being set up: one step of the handshake each time the loop has room for one. */
#include "stream_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { STREAM_HANDSHAKE_RECEIVE_BYTES = 32 * 1024 };

/* A receive that gave nothing: not yet, the client has left, or an error. */
static void stream_handshake_ended(struct stream *stream, ssize_t got)
{
    if (got == 0) {
        err_set(&stream->err, "the %s left during the handshake", stream->dial ? "server" : "client");
        stream->socket_dead = true;
        stream_fail(stream);
    } else if (errno != EAGAIN && errno != EINTR) {
        stream_socket_failed(stream, "handshake");
    }
}

/* While the signer works, a readable socket means more bytes (leave them) or the client's end. */
static void stream_peek(struct stream *stream)
{
    uint8_t byte;
    ssize_t got = recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (got > 0)
        stream->came_early = true;
    else
        stream_handshake_ended(stream, got);
    stream_interest(stream);
}

static void stream_handshake_done(struct stream *stream, struct tls_io *io)
{
    size_t len;

    stream->phase = STREAM_PHASE_SECURE;
    if (stream->dial)
        stream_dial_done(stream);
    else
        stream->tell_secure = true;
    /* What came along behind Finished. */
    io->out_len = 0;
    len = stream_decrypt(stream, io);
    if (len && !buf_add(&stream->inbox, stream->loop->plain, len)) {
        err_set(&stream->err, "out of memory");
        stream_fail(stream);
    }
    stream->bytes_in += len;
    if (buf_len(&stream->early)) {
        stream_send_plain(stream, buf_data(&stream->early), buf_len(&stream->early));
        buf_free(&stream->early);
        stream->tell_drained = true;
        if (stream->source)
            stream_make_ready(stream->source);
    }
    if (stream->finishing)
        stream_end_output(stream);
    stream_make_ready(stream);
}

/* What came along behind a PROXY header, before it was known that TLS begins. Its owner reads no more than
 * one step takes. */
static size_t stream_handshake_first(struct stream *stream)
{
    size_t len = buf_len(&stream->inbox);

    if (len > STREAM_HANDSHAKE_RECEIVE_BYTES)
        len = STREAM_HANDSHAKE_RECEIVE_BYTES;
    memcpy(stream->loop->receive, buf_data(&stream->inbox), len);
    buf_free(&stream->inbox);
    stream->bytes_in -= len;
    return len;
}

/* Bytes for the next step; false when there are none now or the socket is at its end. */
static bool stream_handshake_input(struct stream *stream, size_t *len)
{
    ssize_t got;

    *len = 0;
    if (stream->waiting)
        return true;
    if (buf_len(&stream->inbox)) {
        *len = stream_handshake_first(stream);
        return true;
    }
    got = recv(stream->fd, stream->loop->receive, STREAM_HANDSHAKE_RECEIVE_BYTES, MSG_DONTWAIT);
    if (got > 0) {
        *len = (size_t)got;
        return true;
    }
    stream_handshake_ended(stream, got);
    return false;
}

void stream_step(struct stream *stream)
{
    struct tls_io io;
    size_t len;
    enum tls_status status;

    if (stream->waiting && !stream->woken) {
        stream_peek(stream);
        return;
    }
    if (!stream_handshake_input(stream, &len)) {
        stream_interest(stream);
        return;
    }
    stream->waiting = stream->woken = stream->came_early = false;
    io = stream_io(stream, stream->loop->receive, len);
    status = tls_handshake(stream->tls, &io);
    stream_push(stream, io.out, io.out_len);
    if (stream->failed || stream->phase != STREAM_PHASE_HANDSHAKE)
        return;
    switch (status) {
    case TLS_OK:
        stream_handshake_done(stream, &io);
        break;
    case TLS_WAITING:
        stream->waiting = true;
        break;
    case TLS_ENDED:
    case TLS_FAILED:
        stream->err = *tls_error(stream->tls);
        stream_fail(stream);
        break;
    case TLS_WANT_INPUT:
        break;
    }
    stream_interest(stream);
}

/* The signer's answer is here, or its turn has come. */
void stream_woken(void *owner)
{
    struct stream *stream = owner;

    if (stream->is_dead || stream->failed || stream->phase != STREAM_PHASE_HANDSHAKE)
        return;
    stream->woken = true;
    stream_enqueue(stream, stream->urgent ? &stream->loop->urgent : &stream->loop->handshakes);
}
