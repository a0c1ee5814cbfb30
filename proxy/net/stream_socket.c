/* What is asked of a stream's socket itself: from where it connects, what it has carried, how it ends when
 * nobody is left to end it. */
#include "stream_private.h"

#include <errno.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int socket_from(const struct addr *from)
{
    struct addr at = *from;
    int fd = socket(at.sa.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    addr_set_port(&at, 0);
    if (bind(fd, &at.sa.any, at.len) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

struct stream *stream_connect_from(struct loop *loop, const struct addr *from, const struct addr *to,
                                   const struct stream_user *user, void *owner, struct err *err)
{
    int fd = socket_from(from);
    struct stream *stream;

    if (fd < 0 || (connect(fd, &to->sa.any, to->len) < 0 && errno != EINPROGRESS)) {
        err_errno(err, "connect");
        if (fd >= 0)
            (void)close(fd);
        return NULL;
    }
    stream = stream_new(loop, fd, STREAM_PHASE_CONNECTING, err);
    if (!stream)
        return NULL;
    stream->peer = *to;
    stream->user = user;
    stream->owner = owner;
    stream_interest(stream);
    return stream;
}

bool stream_was_torn(const struct stream *stream)
{
    return stream->was_torn;
}

uint64_t stream_carried_bytes(const struct stream *stream)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;

    if (stream->is_dead || getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return 0;
    return info.tcpi_bytes_acked + info.tcpi_bytes_received;
}

/* With a linger time of 0 the kernel resets what it closes, also when it closes it for a process that died.
 */
static void set_linger(const struct stream *stream, bool reset)
{
    const struct linger linger = {.l_onoff = reset, .l_linger = 0};

    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void stream_reset_unless_finished(struct stream *stream)
{
    stream->reset_unless_finished = !stream->fin_sent && !stream->is_dead;
    if (stream->reset_unless_finished)
        set_linger(stream, true);
}

void stream_keep_end(struct stream *stream)
{
    if (stream->reset_unless_finished)
        set_linger(stream, false);
    stream->reset_unless_finished = false;
}
