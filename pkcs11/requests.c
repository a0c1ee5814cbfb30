#include "requests.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Room for more descriptors than the one that belongs here, so that they can be closed. */
enum { REQUEST_FDS_MAX = 4 };

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(REQUEST_FDS_MAX * sizeof(int))];
};

static uint8_t request_bytes[sizeof(struct sign_request) + SIGN_BYTES_MAX];

bool requests_setup(int queue, struct err *err)
{
    const struct timeval idle = {.tv_sec = REQUESTS_IDLE_MS / 1000};
    int flags = fcntl(queue, F_GETFL);

    if (flags >= 0 && fcntl(queue, F_SETFL, flags & ~O_NONBLOCK) == 0 &&
        setsockopt(queue, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle) == 0)
        return true;
    err_errno(err, "the queue is not a socket");
    return false;
}

/* A worker that is not in its senses sends what it likes: a TCP socket that lingers would hold us in close.
 */
static void close_received(int fd)
{
    const struct linger none = {0, 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    (void)close(fd);
}

/* The one descriptor, or -1; all others are closed. */
static int only_descriptor(struct msghdr *message)
{
    int fds[REQUEST_FDS_MAX], count = 0;

    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        size_t len = part->cmsg_len - CMSG_LEN(0);

        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= len && count < REQUEST_FDS_MAX; at += sizeof(int))
            memcpy(&fds[count++], CMSG_DATA(part) + at, sizeof(int));
    }
    if (count == 1 && !(message->msg_flags & MSG_CTRUNC))
        return fds[0];
    while (count > 0)
        close_received(fds[--count]);
    return -1;
}

/* An empty datagram reads as 0 too; only a queue that was shut down hangs up. */
static bool queue_ended(int queue)
{
    struct pollfd state = {.fd = queue, .events = POLLRDHUP};

    return poll(&state, 1, 0) == 1 && (state.revents & (POLLRDHUP | POLLHUP | POLLNVAL));
}

static enum requests_result receive_failed(int queue, struct err *err)
{
    if (errno == EAGAIN)
        return REQUESTS_IDLE;
    if (errno == EINTR || errno == ECONNRESET)
        return queue_ended(queue) ? REQUESTS_CLOSED : REQUESTS_SKIPPED;
    err_errno(err, "receiving from the queue");
    return REQUESTS_FAILED;
}

static bool request_parse(size_t len, int flags, struct request *out)
{
    if (len < sizeof out->head || (flags & MSG_TRUNC))
        return false;
    memcpy(&out->head, request_bytes, sizeof out->head);
    out->bytes = request_bytes + sizeof out->head;
    return out->head.magic == SIGN_MAGIC && out->head.version == SIGN_VERSION &&
           out->head.bytes_len == len - sizeof out->head;
}

/* The worker gave up, or died: its end of the pair is closed. */
static bool requester_gone(int reply)
{
    struct pollfd state = {.fd = reply};

    return poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR | POLLNVAL));
}

enum requests_result requests_take(int queue, struct request *out, struct err *err)
{
    union control control;
    struct iovec room = {request_bytes, sizeof request_bytes};
    struct msghdr message = {.msg_iov = &room,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(queue, &message, MSG_CMSG_CLOEXEC);

    if (got < 0)
        return receive_failed(queue, err);
    *out = (struct request){.reply = only_descriptor(&message)};
    if (got == 0 && out->reply < 0)
        return queue_ended(queue) ? REQUESTS_CLOSED : REQUESTS_SKIPPED;
    if (out->reply < 0)
        return REQUESTS_SKIPPED;
    if (!request_parse((size_t)got, message.msg_flags, out))
        return REQUESTS_MALFORMED;
    if (requester_gone(out->reply) || clock_monotonic_ms() >= out->head.deadline_ms) {
        close_received(out->reply);
        return REQUESTS_SKIPPED;
    }
    return REQUESTS_TAKEN;
}

void request_answer(struct request *request, enum sign_status status, uint32_t ckr, uint64_t token_us,
                    const void *signature, size_t len)
{
    struct sign_answer answer = {.magic = SIGN_MAGIC,
                                 .version = SIGN_VERSION,
                                 .status = status,
                                 .ckr = ckr,
                                 .token_us = token_us > UINT32_MAX ? UINT32_MAX : (uint32_t)token_us};
    uint8_t bytes[sizeof answer + SIGN_SIGNATURE_MAX];

    if (status != SIGN_DONE || len > SIGN_SIGNATURE_MAX)
        len = 0;
    answer.signature_len = (uint32_t)len;
    memcpy(bytes, &answer, sizeof answer);
    if (len)
        memcpy(bytes + sizeof answer, signature, len);
    (void)send(request->reply, bytes, sizeof answer + len, MSG_DONTWAIT | MSG_NOSIGNAL);
    close_received(request->reply);
    request->reply = -1;
}
