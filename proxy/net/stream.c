/* A stream's life: made, connected, secured, told, closed, freed. Bytes are in stream_io.c. */
#include "stream_private.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAM_BUFFER_LIMIT_BYTES = 4 * 1024 * 1024 };
/* A silent peer is asked after so long, then again; who has not answered this often is gone: after 5 minutes.
 */
enum { STREAM_KEEPALIVE_S = 120, STREAM_KEEPALIVE_AGAIN_S = 30, STREAM_KEEPALIVE_COUNT = 6 };

static const double stream_linger_s = 5.0;

void stream_enqueue(struct stream *stream, struct stream_list *queue)
{
    if (stream->queue == queue || stream->is_dead)
        return;
    stream_unqueue(stream);
    TAILQ_INSERT_TAIL(queue, stream, queued);
    stream->queue = queue;
    if (queue == &stream->loop->ready)
        stream->loop->ready_count++;
    /* Called from outside of a turn (a timer, another stream): the turn is to come without waiting. */
    ev_idle_start(stream->loop->ev, &stream->loop->more_to_do);
}

void stream_unqueue(struct stream *stream)
{
    if (!stream->queue)
        return;
    TAILQ_REMOVE(stream->queue, stream, queued);
    if (stream->queue == &stream->loop->ready)
        stream->loop->ready_count--;
    stream->queue = NULL;
}

/* The connect or its handshake took too long, or the peer does not end after our close. */
static void stream_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct stream *stream = timer->data;

    (void)ev;
    (void)events;
    if (stream->closing) {
        stream_destroy(stream);
        return;
    }
    stream_dial_late(stream);
    errno = ETIMEDOUT;
    stream_socket_failed(stream, stream->phase == STREAM_PHASE_HANDSHAKE ? "TLS handshake" : "connect");
}

void stream_use_fd(struct stream *stream, int fd)
{
    const int on = 1, keepalive_s = STREAM_KEEPALIVE_S, again_s = STREAM_KEEPALIVE_AGAIN_S,
              count = STREAM_KEEPALIVE_COUNT;

    stream->fd = fd;
    ev_io_set(&stream->reader, fd, EV_READ);
    ev_io_set(&stream->writer, fd, EV_WRITE);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); /* no byte gets lost (RFC 6093) */
    /* Firewalls forget a silent connection long before the kernel's two hours: a control connection is silent
     * for as long as its transfer takes. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again_s, sizeof again_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

struct stream *stream_new(struct loop *loop, int fd, enum stream_phase phase, struct err *err)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (!stream) {
        err_set(err, "out of memory");
        (void)close(fd);
        return NULL;
    }
    stream->loop = loop;
    stream->phase = phase;
    stream->read_limit = LOOP_RECEIVE_BYTES;
    buf_init(&stream->inbox, STREAM_BUFFER_LIMIT_BYTES);
    buf_init(&stream->outbox, STREAM_BUFFER_LIMIT_BYTES);
    buf_init(&stream->early, STREAM_BUFFER_LIMIT_BYTES);
    ev_io_init(&stream->reader, stream_readable, fd, EV_READ);
    ev_io_init(&stream->writer, stream_writable, fd, EV_WRITE);
    ev_timer_init(&stream->deadline, stream_deadline, 0., 0.);
    stream->reader.data = stream->writer.data = stream->deadline.data = stream;
    stream_use_fd(stream, fd);
    LIST_INSERT_HEAD(&loop->all, stream, entry);
    loop->streams++;
    return stream;
}

struct stream *stream_accepted(struct loop *loop, int fd, struct err *err)
{
    struct stream *stream = stream_new(loop, fd, STREAM_PHASE_CLEAR, err);
    socklen_t len = sizeof stream->peer.sa;

    if (!stream)
        return NULL;
    stream->paused = true;
    if (getpeername(fd, &stream->peer.sa.any, &len) == 0)
        stream->peer.len = len;
    len = sizeof stream->local.sa;
    if (getsockname(fd, &stream->local.sa.any, &len) == 0)
        stream->local.len = len;
    return stream;
}

void stream_get_user(const struct stream *stream, const struct stream_user **user, void **owner)
{
    *user = stream->user;
    *owner = stream->owner;
}

void stream_set_user(struct stream *stream, const struct stream_user *user, void *owner)
{
    stream->user = user;
    stream->owner = owner;
    if (buf_len(&stream->inbox) || stream->tell_end || stream->tell_failed)
        stream_make_ready(stream);
    stream_interest(stream);
}

void stream_start_tls(struct stream *stream, struct tls *tls, bool urgent)
{
    tls_free(stream->tls); /* of before stream_stop_tls */
    stream->tls = tls;
    stream->tls_over = stream->tls_ending = stream->closed_tls = false;
    stream->urgent = urgent;
    stream->phase = STREAM_PHASE_HANDSHAKE;
    tls_set_wake(tls, stream_woken, stream);
    /* The first bytes are usually there already: look without waiting for the kernel to say so. */
    stream_enqueue(stream, urgent ? &stream->loop->urgent : &stream->loop->handshakes);
    stream_interest(stream);
}

struct tls *stream_tls(const struct stream *stream)
{
    return stream->tls;
}

size_t stream_unread(const struct stream *stream)
{
    return buf_len(&stream->inbox);
}

void stream_set_read_limit(struct stream *stream, size_t bytes)
{
    stream->read_limit = bytes;
    stream_interest(stream);
}

void stream_pause(struct stream *stream)
{
    stream->paused = true;
    stream_interest(stream);
}

void stream_resume(struct stream *stream)
{
    stream->paused = false;
    if (buf_len(&stream->inbox) || stream->tell_end)
        stream_make_ready(stream);
    stream_interest(stream);
}

void stream_set_sink(struct stream *stream, struct stream *sink)
{
    if (stream->sink)
        stream->sink->source = NULL;
    if (sink && sink->source)
        sink->source->sink = NULL;
    stream->sink = sink;
    if (sink)
        sink->source = stream;
    stream_interest(stream);
}

void stream_write(struct stream *stream, const void *data, size_t len)
{
    if (!len || stream->finishing || stream->failed || stream->is_dead)
        return;
    stream->bytes_out += len;
    if (stream->phase == STREAM_PHASE_HANDSHAKE || stream_dial_keeps(stream)) {
        if (buf_add(&stream->early, data, len))
            return;
        err_set(&stream->err, "too much was written before the TLS handshake was done");
        stream_dial_end(stream); /* bytes are lost: no other address can mend that */
        stream_fail(stream);
        return;
    }
    stream_send_plain(stream, data, len);
    if (stream->source && stream_unsent(stream))
        stream_interest(stream->source);
}

void stream_text(struct stream *stream, const char *text)
{
    stream_write(stream, text, strlen(text));
}

size_t stream_unsent(const struct stream *stream)
{
    return buf_len(&stream->outbox) + buf_len(&stream->early);
}

void stream_finish(struct stream *stream)
{
    if (stream->finishing || stream->is_dead)
        return;
    stream->finishing = true;
    if (stream->phase != STREAM_PHASE_HANDSHAKE || stream->failed)
        stream_end_output(stream);
    stream_interest(stream);
}

bool stream_flushed(struct stream *stream)
{
    int unacknowledged = 0;
    struct tcp_info info;
    socklen_t len = sizeof info;

    if (!stream->fin_sent || ioctl(stream->fd, SIOCOUTQ, &unacknowledged) < 0)
        return stream->socket_dead;
    if (unacknowledged == 0)
        return true;
    /* A peer that had said all it has to say and closed answers our FIN with a RST: nothing is acknowledged
     * then, ever, and nobody is there to read it. */
    return stream->peer_end == STREAM_PEER_ENDED &&
           getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_CLOSE;
}

/* Links to others are cut first: whoever waited for this stream waits no longer. */
static void stream_detach(struct stream *stream)
{
    struct stream *source = stream->source;

    stream->user = NULL;
    stream->owner = NULL;
    stream_dial_end(stream);
    stream_set_sink(stream, NULL);
    if (source) {
        stream_set_sink(source, NULL);
        if (!source->is_dead)
            stream_make_ready(source);
    }
}

void stream_close(struct stream *stream)
{
    if (stream->is_dead || stream->closing)
        return;
    stream_detach(stream);
    if (stream->socket_dead || stream->phase <= STREAM_PHASE_CONNECTING) {
        stream_destroy(stream);
        return;
    }
    if (stream->phase == STREAM_PHASE_HANDSHAKE) {
        /* The alert, if there is one, is in the outbox; nothing else may follow it. What the conversation has
         * or waits for at the signers is for others from now on, not when the peer has gone. */
        stream->failed = true;
        tls_free(stream->tls);
        stream->tls = NULL;
    }
    stream->closing = true;
    stream_reset_unless_finished(stream); /* whatever ends it before all has left */
    if (!stream->finishing) {
        stream->finishing = true;
        stream_end_output(stream);
    }
    if (stream->is_dead)
        return;
    if (stream->fin_sent && stream->peer_end != STREAM_PEER_OPEN) {
        stream_destroy(stream);
        return;
    }
    stream_unqueue(stream);
    buf_free(&stream->inbox);
    stream->phase = stream->phase == STREAM_PHASE_HANDSHAKE ? STREAM_PHASE_CLEAR : stream->phase;
    ev_timer_stop(stream->loop->ev, &stream->deadline);
    ev_timer_set(&stream->deadline, 0., stream_linger_s);
    ev_timer_again(stream->loop->ev, &stream->deadline);
    stream_interest(stream);
}

void stream_abort(struct stream *stream)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (stream->is_dead)
        return;
    stream_detach(stream);
    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    stream_destroy(stream);
}

void stream_destroy(struct stream *stream)
{
    struct ev_loop *ev = stream->loop->ev;

    if (stream->is_dead)
        return;
    stream_detach(stream);
    stream_unqueue(stream);
    ev_io_stop(ev, &stream->reader);
    ev_io_stop(ev, &stream->writer);
    ev_timer_stop(ev, &stream->deadline);
    stream->is_dead = stream->socket_dead = true;
    (void)close(stream->fd);
    LIST_REMOVE(stream, entry);
    TAILQ_INSERT_TAIL(&stream->loop->dead, stream, queued);
    ev_idle_start(ev, &stream->loop->more_to_do);
}

/* At the end of the turn: callbacks further up may still hold the pointer until here. */
void stream_free(struct stream *stream)
{
    stream->loop->streams--;
    if (stream->tls)
        tls_free(stream->tls);
    buf_free(&stream->inbox);
    buf_free(&stream->outbox);
    buf_free(&stream->early);
    free(stream);
}

const struct err *stream_error(const struct stream *stream)
{
    return &stream->err;
}

void stream_peer(const struct stream *stream, struct addr *out)
{
    *out = stream->peer;
}

void stream_local(const struct stream *stream, struct addr *out)
{
    *out = stream->local;
}

uint64_t stream_bytes_in(const struct stream *stream)
{
    return stream->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *stream)
{
    return stream->bytes_out;
}
