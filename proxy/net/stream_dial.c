#include "stream_dial.h"

#include "loop.h"
#include "stream_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a stream keeps until it is connected. */
struct dial {
    struct addr *to;
    size_t count, at; /* at: the one that is being tried */
    uint64_t timeout_ms, handshake_timeout_ms, until_ms;
    uint8_t *prefix;
    size_t prefix_len;
    bool timed_out;
    const struct stream_dial_hooks *hooks;
    void *owner;
};

static const struct stream_dial_hooks no_hooks;

/* -1: err, and errno. */
static int dial_socket(const struct addr *to, struct err *err)
{
    int fd = socket(to->sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), cause;

    if (fd < 0) {
        err_errno(err, "socket");
        return -1;
    }
    if (connect(fd, &to->sa.any, to->len) == 0 || errno == EINPROGRESS)
        return fd;
    cause = errno;
    err_errno(err, "connect");
    (void)close(fd);
    errno = cause;
    return -1;
}

static void dial_deadline(struct stream *stream, uint64_t ms)
{
    ev_timer_stop(stream->loop->ev, &stream->deadline);
    if (!ms)
        return;
    ev_timer_set(&stream->deadline, (double)ms / 1000., 0.);
    ev_timer_start(stream->loop->ev, &stream->deadline);
}

struct stream *stream_connect(struct loop *loop, const struct addr *to, uint64_t timeout_ms,
                              const struct stream_user *user, void *owner, struct err *err)
{
    int fd = dial_socket(to, err);
    struct stream *stream = fd < 0 ? NULL : stream_new(loop, fd, STREAM_PHASE_CONNECTING, err);

    if (!stream)
        return NULL;
    stream->peer = *to;
    stream->user = user;
    stream->owner = owner;
    dial_deadline(stream, timeout_ms);
    stream_interest(stream);
    return stream;
}

/* --- several addresses --- */

static void dial_free(struct dial *dial)
{
    if (!dial)
        return;
    if (dial->hooks->over)
        dial->hooks->over(dial->owner);
    free(dial->to);
    free(dial->prefix);
    free(dial);
}

static struct dial *dial_new(struct loop *loop, const struct stream_dial *wanted, struct err *err)
{
    struct dial *dial = calloc(1, sizeof *dial);

    if (!dial)
        goto no_memory;
    dial->hooks = &no_hooks; /* until everything is there: over is called by who fails */
    dial->to = calloc(wanted->count, sizeof *dial->to);
    dial->prefix = malloc(wanted->prefix_len + 1);
    if (!dial->to || !dial->prefix)
        goto no_memory;
    memcpy(dial->to, wanted->to, wanted->count * sizeof *dial->to);
    if (wanted->prefix_len)
        memcpy(dial->prefix, wanted->prefix, wanted->prefix_len);
    dial->prefix_len = wanted->prefix_len;
    dial->count = wanted->count;
    dial->timeout_ms = wanted->timeout_ms;
    dial->handshake_timeout_ms = wanted->handshake_timeout_ms;
    dial->until_ms = wanted->total_ms ? loop_now_ms(loop) + wanted->total_ms : UINT64_MAX;
    if (wanted->hooks)
        dial->hooks = wanted->hooks;
    dial->owner = wanted->hooks_owner;
    return dial;

no_memory:
    err_set(err, "out of memory");
    dial_free(dial);
    return NULL;
}

static void dial_tried(struct dial *dial, enum stream_dial_outcome outcome, struct err *why)
{
    char where[ADDR_TEXT_LEN];

    if (why && dial->count > 1) {
        addr_text(&dial->to[dial->at], where);
        err_context(why, "%s", where);
    }
    if (dial->hooks->tried)
        dial->hooks->tried(dial->owner, dial->at, outcome, why);
}

/* About ourselves, not about the address. */
static bool is_our_own(int cause)
{
    return cause == EMFILE || cause == ENFILE || cause == ENOBUFS || cause == ENOMEM ||
           cause == EADDRNOTAVAIL;
}

/* Goes on from dial->at to the first address whose connect begins; -1: none is left. */
static int dial_begin(struct dial *dial, struct err *err)
{
    for (; dial->at < dial->count; dial->at++) {
        int fd = dial_socket(&dial->to[dial->at], err);

        if (fd >= 0)
            return fd;
        dial_tried(dial, is_our_own(errno) ? STREAM_DIAL_NO_SOCKET : STREAM_DIAL_REFUSED, err);
    }
    return -1;
}

/* Of this attempt: what there is for all of them may leave it less. */
static uint64_t dial_patience_ms(const struct dial *dial, uint64_t now_ms)
{
    uint64_t left_ms = dial->until_ms > now_ms ? dial->until_ms - now_ms : 1;

    if (dial->until_ms == UINT64_MAX)
        return dial->timeout_ms;
    return dial->timeout_ms && dial->timeout_ms < left_ms ? dial->timeout_ms : left_ms;
}

/* An attempt's connect is under way. What the user wrote in clear stands in the outbox behind the prefix and
 * has not left; with TLS it waits in `early`, and the outbox holds what the attempt before did not get rid
 * of. */
static void dial_watch(struct stream *stream)
{
    struct dial *dial = stream->dial;

    stream->phase = STREAM_PHASE_CONNECTING;
    stream->peer = dial->to[dial->at];
    if (dial->hooks->tls) {
        buf_free(&stream->outbox);
        (void)buf_add(&stream->outbox, dial->prefix, dial->prefix_len);
    }
    dial_deadline(stream, dial_patience_ms(dial, loop_now_ms(stream->loop)));
    stream_interest(stream);
}

struct stream *stream_dial(struct loop *loop, const struct stream_dial *wanted,
                           const struct stream_user *user, void *owner, struct err *err)
{
    struct dial *dial = dial_new(loop, wanted, err);
    struct stream *stream;
    int fd;

    if (!dial) {
        if (wanted->hooks && wanted->hooks->over)
            wanted->hooks->over(wanted->hooks_owner);
        return NULL;
    }
    fd = dial_begin(dial, err);
    stream = fd < 0 ? NULL : stream_new(loop, fd, STREAM_PHASE_CONNECTING, err);
    if (!stream) {
        dial_free(dial);
        return NULL;
    }
    stream->dial = dial;
    stream->user = user;
    stream->owner = owner;
    if (!buf_add(&stream->outbox, dial->prefix, dial->prefix_len)) {
        err_set(err, "out of memory");
        stream_destroy(stream);
        return NULL;
    }
    dial_watch(stream);
    return stream;
}

bool stream_dial_keeps(const struct stream *stream)
{
    return stream->dial && stream->dial->hooks->tls;
}

void stream_dial_end(struct stream *stream)
{
    struct dial *dial = stream->dial;

    stream->dial = NULL;
    dial_free(dial);
}

void stream_dial_done(struct stream *stream)
{
    dial_deadline(stream, 0);
    dial_tried(stream->dial, STREAM_DIAL_REACHED, NULL);
    stream_dial_end(stream);
    stream->tell_connected = true;
}

/* The client's first words need none of the server's: the first step is to come by itself. */
void stream_dial_reached(struct stream *stream)
{
    struct dial *dial = stream->dial;
    struct tls *tls;

    if (!dial->hooks->tls) {
        stream_dial_done(stream);
        return;
    }
    stream->phase = STREAM_PHASE_HANDSHAKE;
    tls = dial->hooks->tls(dial->owner, dial->at, &stream->err);
    if (!tls) {
        stream_fail(stream);
        return;
    }
    dial_deadline(stream, dial->handshake_timeout_ms);
    stream->waiting = stream->woken = true;
    stream_start_tls(stream, tls, false);
}

void stream_dial_late(struct stream *stream)
{
    if (stream->dial)
        stream->dial->timed_out = true;
}

/* Everything of the attempt goes but what the user wrote; the next one begins when the loop comes to it. */
bool stream_dial_missed(struct stream *stream)
{
    struct dial *dial = stream->dial;
    bool in_tls = stream->phase == STREAM_PHASE_HANDSHAKE;

    if (!dial || stream->phase == STREAM_PHASE_REDIALLING)
        return dial;
    dial_tried(dial,
               in_tls            ? STREAM_DIAL_TLS_FAILED
               : dial->timed_out ? STREAM_DIAL_TIMED_OUT
                                 : STREAM_DIAL_REFUSED,
               &stream->err);
    dial->timed_out = false;
    dial->at++;
    ev_io_stop(stream->loop->ev, &stream->reader);
    ev_io_stop(stream->loop->ev, &stream->writer);
    dial_deadline(stream, 0);
    if (dial->at == dial->count || loop_now_ms(stream->loop) >= dial->until_ms) {
        stream_dial_end(stream);
        return false;
    }
    stream->phase = STREAM_PHASE_REDIALLING;
    stream->socket_dead = stream->output_dead = stream->failed = false;
    stream_make_ready(stream);
    return true;
}

void stream_dial_again(struct stream *stream)
{
    int fd;

    if (stream->tls)
        tls_free(stream->tls);
    stream->tls = NULL;
    stream->waiting = stream->woken = stream->came_early = false;
    fd = dial_begin(stream->dial, &stream->err);
    if (fd < 0) {
        stream_dial_end(stream);
        stream->socket_dead = true;
        stream_fail(stream);
        return;
    }
    (void)close(stream->fd);
    stream_use_fd(stream, fd);
    dial_watch(stream);
}
