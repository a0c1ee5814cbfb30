/* Bytes between the kernel and the stream's buffers. Three calls a wake-up at most: one recv here, one send
 * there, and no copy unless a send came up short. */
#include "stream_private.h"
#include "tls_facts.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void stream_socket_failed(struct stream *stream, const char *doing)
{
    if (stream->failed) {
        if (stream->closing)
            stream_destroy(stream); /* its last words cannot leave any more */
        return;
    }
    err_errno(&stream->err, "%s", doing);
    stream->socket_dead = true;
    stream_fail(stream);
}

/* The peer takes no more. What it said before it went may still wait in the kernel (an HTTP answer before the
 * end of the request, H10): it is read first, and the end of it is then what tells the user. */
static void stream_send_failed(struct stream *stream)
{
    if ((errno != ECONNRESET && errno != EPIPE) || !stream_wants_input(stream) || stream->closing) {
        stream_socket_failed(stream, "send");
        return;
    }
    err_errno(&stream->err, "send");
    stream->output_dead = true;
    buf_free(&stream->outbox);
    stream_interest(stream);
}

/* The peer's bytes are over after a send had failed. */
static void stream_output_was_dead(struct stream *stream)
{
    stream->socket_dead = true;
    stream_fail(stream);
}

/* What the kernel takes at once; 0 when it takes nothing or the socket is broken. */
static size_t stream_send(struct stream *stream, const uint8_t *data, size_t len)
{
    ssize_t sent;

    do
        sent = send(stream->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        stream_send_failed(stream);
    return 0;
}

void stream_push(struct stream *stream, const uint8_t *data, size_t len)
{
    size_t sent = 0;

    if (!len || stream->socket_dead || stream->output_dead)
        return;
    if (stream->phase > STREAM_PHASE_CONNECTING && !buf_len(&stream->outbox))
        sent = stream_send(stream, data, len);
    if (stream->socket_dead || stream->output_dead || sent == len)
        return;
    if (!buf_add(&stream->outbox, data + sent, len - sent)) {
        err_set(&stream->err, "the peer does not read: %zu bytes wait", buf_len(&stream->outbox));
        stream_dial_end(stream); /* bytes are lost: no other address can mend that */
        stream->socket_dead = true;
        stream_fail(stream);
        return;
    }
    stream_interest(stream);
}

void stream_flush(struct stream *stream)
{
    struct buf *outbox = &stream->outbox;

    if (stream->phase <= STREAM_PHASE_CONNECTING)
        return;
    while (buf_len(outbox) && !stream->socket_dead) {
        size_t sent = stream_send(stream, buf_data(outbox), buf_len(outbox));
        if (!sent)
            return;
        buf_take(outbox, sent);
    }
    if (stream->socket_dead || stream->output_dead)
        return;
    buf_free(outbox);
    if (stream->finishing && (stream->phase != STREAM_PHASE_HANDSHAKE || stream->failed))
        stream_end_output(stream);
}

struct tls_io stream_io(struct stream *stream, const uint8_t *in, size_t in_len)
{
    struct loop *loop = stream->loop;

    return (struct tls_io){.in = in, .in_len = in_len, .out = loop->cipher, .out_size = loop->cipher_size};
}

void stream_send_plain(struct stream *stream, const uint8_t *data, size_t len)
{
    while (len && !stream->failed) {
        size_t chunk = len < LOOP_PLAIN_BYTES ? len : (size_t)LOOP_PLAIN_BYTES;
        struct tls_io io = stream_io(stream, NULL, 0);

        if (!stream->tls || stream->tls_over) {
            stream_push(stream, data, len);
            return;
        }
        if (tls_write(stream->tls, &io, data, chunk) != TLS_OK) {
            stream->err = *tls_error(stream->tls);
            stream_fail(stream);
            return;
        }
        stream_push(stream, io.out, io.out_len);
        data += chunk;
        len -= chunk;
    }
}

void stream_end_output(struct stream *stream)
{
    if (stream->fin_sent || stream->socket_dead || stream->output_dead || buf_len(&stream->early) ||
        stream->phase <= STREAM_PHASE_CONNECTING)
        return;
    if (stream->phase == STREAM_PHASE_SECURE && !stream->closed_tls && !stream->failed) {
        struct tls_io io = stream_io(stream, NULL, 0);

        stream->closed_tls = true;
        tls_close(stream->tls, &io);
        stream_push(stream, io.out, io.out_len);
    }
    if (buf_len(&stream->outbox) || stream->socket_dead)
        return;
    stream_keep_end(stream);
    (void)shutdown(stream->fd, SHUT_WR);
    stream->fin_sent = true;
}

/* The socket gives no more bytes. In TLS only close_notify is an end; after it, nothing here matters. */
static void stream_socket_ended(struct stream *stream)
{
    if (stream->peer_end != STREAM_PEER_OPEN)
        return;
    stream->peer_end = stream->tls && !stream->tls_over ? STREAM_PEER_CUT : STREAM_PEER_ENDED;
    if (stream->peer_end == STREAM_PEER_CUT)
        stream->was_torn = stream->socket_dead || tls_is_inside_record(stream->tls);
    stream->tell_end = true;
}

/* Decrypts into the loop's plain buffer, answers what TLS wants answered, and returns the plain bytes. */
size_t stream_decrypt(struct stream *stream, struct tls_io *io)
{
    size_t len = 0;
    enum tls_status status = tls_read(stream->tls, io, stream->loop->plain, LOOP_PLAIN_BYTES, &len);

    stream_push(stream, io->out, io->out_len);
    if (status == TLS_ENDED) {
        stream->peer_end = STREAM_PEER_ENDED;
        stream->tell_end = true;
    } else if (status == TLS_FAILED && !stream->failed) {
        stream->err = *tls_error(stream->tls);
        stream_fail(stream);
    }
    return len;
}

void stream_receive(struct stream *stream)
{
    uint8_t *receive = stream->loop->receive;
    size_t limit = stream->read_limit < LOOP_RECEIVE_BYTES ? stream->read_limit : (size_t)LOOP_RECEIVE_BYTES;
    ssize_t got = recv(stream->fd, receive, limit, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (got <= 0 && stream->output_dead) {
        stream_output_was_dead(stream);
    } else if (got < 0 && stream->tls && errno == ECONNRESET) {
        stream->socket_dead = true;
        stream_socket_ended(stream);
    } else if (got < 0) {
        stream_socket_failed(stream, "receive");
    } else if (got == 0) {
        stream_socket_ended(stream);
    } else if (!stream->tls) {
        stream_deliver(stream, receive, (size_t)got);
    } else if (stream->tls_over) {
        stream_deliver_clear(stream, receive, (size_t)got);
    } else {
        struct tls_io io = stream_io(stream, receive, (size_t)got);
        size_t len = stream_decrypt(stream, &io);

        if (len)
            stream_deliver(stream, stream->loop->plain, len);
    }
    if (stream->is_dead)
        return;
    if (stream->tell_end || stream->tell_failed)
        stream_make_ready(stream);
    stream_interest(stream);
}

/* After close: nobody wants the bytes, but reading them keeps a RST from destroying our last words. */
void stream_discard(struct stream *stream)
{
    ssize_t got = recv(stream->fd, stream->loop->receive, LOOP_RECEIVE_BYTES, MSG_DONTWAIT);

    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    stream->peer_end = STREAM_PEER_ENDED;
    if (got < 0 || stream->fin_sent)
        stream_destroy(stream);
    else
        stream_interest(stream);
}
