#include "channel.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for the control message of a full load of descriptors, aligned as the kernel wants it. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
};

bool channel_pair(int fds[2], struct err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0)
        return true;
    err_errno(err, "cannot make a socket pair");
    return false;
}

static void put_fds(struct msghdr *header, union control *control, const int *fds, size_t fd_count)
{
    struct cmsghdr *rights = &control->header;

    memset(control, 0, sizeof *control);
    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    memcpy(CMSG_DATA(rights), fds, sizeof(int) * fd_count);
}

enum channel_result channel_send(int channel, uint32_t type, const void *payload, size_t len, const int *fds,
                                 size_t fd_count)
{
    uint32_t type_copy = type;
    uint8_t payload_copy[CHANNEL_PAYLOAD_MAX];
    struct iovec parts[2] = {{.iov_base = &type_copy, .iov_len = sizeof type_copy},
                             {.iov_base = payload_copy, .iov_len = len}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    union control control;
    ssize_t sent;

    if (len > CHANNEL_PAYLOAD_MAX || fd_count > CHANNEL_FDS_MAX)
        return CHANNEL_FAILED;
    if (len)
        memcpy(payload_copy, payload, len);
    if (fd_count)
        put_fds(&header, &control, fds, fd_count);
    do
        sent = sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return CHANNEL_OK;
    if (errno == EAGAIN || errno == ENOBUFS)
        return CHANNEL_AGAIN;
    return errno == EPIPE || errno == ECONNRESET ? CHANNEL_CLOSED : CHANNEL_FAILED;
}

/* Takes every descriptor that came, whatever else is wrong with the message. */
static void take_fds(struct msghdr *header, struct channel_message *out)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        const unsigned char *data = CMSG_DATA(part);
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        if (count > CHANNEL_FDS_MAX - out->fd_count)
            count = CHANNEL_FDS_MAX - out->fd_count;
        memcpy(out->fds + out->fd_count, data, count * sizeof(int));
        out->fd_count += count;
    }
}

enum channel_result channel_receive(int channel, struct channel_message *out, struct err *err)
{
    struct iovec parts[2] = {{.iov_base = &out->type, .iov_len = sizeof out->type},
                             {.iov_base = out->payload, .iov_len = sizeof out->payload}};
    union control control;
    struct msghdr header = {.msg_iov = parts,
                            .msg_iovlen = 2,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t got;

    out->type = 0;
    out->len = out->fd_count = 0;
    do
        got = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return CHANNEL_AGAIN;
    if (got < 0) {
        bool closed = errno == ECONNRESET;
        err_errno(err, "receiving from a channel");
        return closed ? CHANNEL_CLOSED : CHANNEL_FAILED;
    }
    take_fds(&header, out);
    if ((size_t)got < sizeof out->type || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        channel_close_fds(out);
        err_set(err, got ? "a message on a channel is cut" : "the channel is closed");
        return got ? CHANNEL_FAILED : CHANNEL_CLOSED;
    }
    out->len = (size_t)got - sizeof out->type;
    return CHANNEL_OK;
}

enum channel_result channel_wait(int channel, int timeout_ms, struct channel_message *out, struct err *err)
{
    uint64_t now = clock_monotonic_ms(), until = now + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
    struct pollfd waiting = {.fd = channel, .events = POLLIN};

    for (;;) {
        enum channel_result result = channel_receive(channel, out, err);

        if (result != CHANNEL_AGAIN)
            return result;
        now = clock_monotonic_ms();
        if (now >= until) {
            err_set(err, "nothing came over a channel within %d ms", timeout_ms);
            return CHANNEL_AGAIN;
        }
        if (poll(&waiting, 1, (int)(until - now)) < 0 && errno != EINTR) {
            err_errno(err, "waiting for a channel");
            return CHANNEL_FAILED;
        }
    }
}

/* Whoever sends a TCP socket that lingers would have us wait in close for as long as it likes. */
static void close_received(int fd)
{
    const struct linger none = {0, 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    (void)close(fd);
}

void channel_close_fds(struct channel_message *message)
{
    for (size_t i = 0; i < message->fd_count; i++)
        close_received(message->fds[i]);
    message->fd_count = 0;
}
