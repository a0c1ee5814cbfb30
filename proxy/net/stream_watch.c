/* What libev watches for a stream, what its events mean, and what the stream's user is told of them. */
#include "stream_private.h"

#include <errno.h>
#include <sys/socket.h>

void stream_make_ready(struct stream *stream)
{
    stream_enqueue(stream, &stream->loop->ready);
}

void stream_fail(struct stream *stream)
{
    if (stream->failed || stream_dial_missed(stream))
        return;
    stream->failed = true;
    if (stream->closing) {
        stream_destroy(stream);
        return;
    }
    stream->tell_failed = true;
    stream_make_ready(stream);
    stream_interest(stream);
}

/* May the user be given bytes now? */
static bool stream_open_for_user(const struct stream *stream)
{
    return stream->user && !stream->paused && !(stream->sink && stream_unsent(stream->sink));
}

bool stream_wants_input(const struct stream *stream)
{
    if (stream->is_dead || stream->socket_dead || stream->phase <= STREAM_PHASE_CONNECTING)
        return false;
    if (stream->closing)
        return stream->peer_end == STREAM_PEER_OPEN;
    if (stream->failed)
        return false;
    if (stream->phase == STREAM_PHASE_HANDSHAKE)
        return !stream->queue && !(stream->waiting && stream->came_early);
    return stream->peer_end == STREAM_PEER_OPEN && stream_open_for_user(stream) &&
           buf_len(&stream->inbox) < stream->read_limit;
}

static bool stream_wants_output(const struct stream *stream)
{
    if (stream->is_dead || stream->socket_dead || stream->phase == STREAM_PHASE_REDIALLING)
        return false;
    return stream->phase == STREAM_PHASE_CONNECTING || buf_len(&stream->outbox);
}

/* The one place that says what is watched. */
void stream_interest(struct stream *stream)
{
    struct ev_loop *ev = stream->loop->ev;

    if (stream_wants_input(stream))
        ev_io_start(ev, &stream->reader);
    else
        ev_io_stop(ev, &stream->reader);
    if (stream_wants_output(stream))
        ev_io_start(ev, &stream->writer);
    else
        ev_io_stop(ev, &stream->writer);
}

void stream_deliver(struct stream *stream, const uint8_t *data, size_t len)
{
    struct buf *inbox = &stream->inbox;
    bool kept = buf_len(inbox) > 0;
    size_t taken;

    stream->bytes_in += len;
    if ((kept || !stream_open_for_user(stream)) && !buf_add(inbox, data, len)) {
        err_set(&stream->err, "%zu bytes wait unread", buf_len(inbox));
        stream_fail(stream);
        return;
    }
    if (!stream_open_for_user(stream))
        return;
    taken = kept ? stream->user->data(stream->owner, stream, buf_data(inbox), buf_len(inbox))
                 : stream->user->data(stream->owner, stream, data, len);
    if (stream->is_dead || stream->closing)
        return;
    if (kept)
        buf_take(inbox, taken);
    else if (taken < len && !buf_add(inbox, data + taken, len - taken))
        stream_socket_failed(stream, "receive");
    if (!buf_len(inbox))
        buf_free(inbox);
}

static void stream_event(struct stream *stream, bool *flag, enum stream_event event)
{
    if (!*flag || !stream->user || stream->is_dead || stream->closing)
        return;
    *flag = false;
    stream->user->event(stream->owner, stream, event);
}

void stream_tell(struct stream *stream)
{
    if (stream->phase == STREAM_PHASE_REDIALLING)
        stream_dial_again(stream);
    stream_event(stream, &stream->tell_connected, STREAM_CONNECTED);
    stream_event(stream, &stream->tell_secure, STREAM_SECURE);
    if (buf_len(&stream->inbox) && stream_open_for_user(stream) && !stream->failed)
        stream_deliver(stream, NULL, 0);
    stream_event(stream, &stream->tell_drained, STREAM_DRAINED);
    if (stream->tell_end && (!buf_len(&stream->inbox) || stream_open_for_user(stream)))
        stream_event(stream, &stream->tell_end,
                     stream->peer_end == STREAM_PEER_CUT ? STREAM_CUT : STREAM_ENDED);
    if (stream->tell_failed) {
        stream->tell_end = false;
        stream_event(stream, &stream->tell_failed, STREAM_FAILED);
    }
    if (stream->is_dead)
        return;
    /* The list of those with something to tell took it out of the line of handshakes. */
    if (stream->phase == STREAM_PHASE_HANDSHAKE && stream->woken && !stream->failed)
        stream_enqueue(stream, stream->urgent ? &stream->loop->urgent : &stream->loop->handshakes);
    stream_interest(stream);
}

void stream_readable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct stream *stream = watcher->data;

    (void)events;
    if (stream->phase == STREAM_PHASE_HANDSHAKE) {
        ev_io_stop(ev, watcher);
        stream_enqueue(stream, stream->urgent ? &stream->loop->urgent : &stream->loop->handshakes);
    } else if (stream->closing) {
        stream_discard(stream);
    } else {
        stream_receive(stream);
    }
}

static void stream_connect_done(struct stream *stream)
{
    int cause = 0;
    socklen_t len = sizeof cause;

    (void)getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &cause, &len);
    if (cause) {
        errno = cause;
        stream_socket_failed(stream, "connect");
        return;
    }
    ev_timer_stop(stream->loop->ev, &stream->deadline);
    stream->phase = STREAM_PHASE_CLEAR;
    len = sizeof stream->local.sa;
    if (getsockname(stream->fd, &stream->local.sa.any, &len) == 0)
        stream->local.len = len;
    if (stream->dial)
        stream_dial_reached(stream);
    else
        stream->tell_connected = true;
    if (stream->tell_connected)
        stream_make_ready(stream);
    stream_flush(stream);
}

void stream_writable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct stream *stream = watcher->data;
    size_t before = buf_len(&stream->outbox);
    bool is_dialling = stream->dial;

    (void)events;
    if (stream->phase == STREAM_PHASE_CONNECTING)
        stream_connect_done(stream);
    else
        stream_flush(stream);
    if (stream->is_dead)
        return;
    /* Someone who reads slowly is not someone who is gone. */
    if (stream->closing && buf_len(&stream->outbox) < before)
        ev_timer_again(ev, &stream->deadline);
    if (!buf_len(&stream->outbox)) {
        if (!is_dialling || stream->tell_connected) {
            stream->tell_drained = !stream->closing;
            stream_make_ready(stream);
        }
        if (stream->source)
            stream_make_ready(stream->source);
        if (stream->closing && stream->fin_sent && stream->peer_end != STREAM_PEER_OPEN)
            stream_destroy(stream);
    }
    stream_interest(stream);
}
