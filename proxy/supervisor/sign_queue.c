#include "sign_queue.h"

#include "sign_message.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A TLS 1.2 client's transcript is the longest request; a system with short buffers would not take it. */
static void make_room(int end)
{
    int size = 0, wanted = 2 * (SIGN_BYTES_MAX + (int)sizeof(struct sign_request));
    socklen_t len = sizeof size;

    if (getsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0 && size < wanted)
        (void)setsockopt(end, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
}

bool sign_queue_open(struct sign_queue *queue, struct err *err)
{
    int ends[2];

    *queue = (struct sign_queue){.near = -1, .far = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
        err_errno(err, "cannot make a queue");
        return false;
    }
    /* Each end has its own flags: workers never block, signers wait in recv. */
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
        err_errno(err, "cannot make a queue");
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    make_room(ends[0]);
    *queue = (struct sign_queue){.near = ends[0], .far = ends[1]};
    return true;
}

bool sign_queue_broken(const struct sign_queue *queue)
{
    struct pollfd ends[2] = {{.fd = queue->near, .events = POLLRDHUP},
                             {.fd = queue->far, .events = POLLRDHUP}};

    return poll(ends, 2, 0) > 0 && ((ends[0].revents | ends[1].revents) & (POLLHUP | POLLRDHUP | POLLERR));
}

void sign_queue_end(const struct sign_queue *queue)
{
    if (queue->far >= 0)
        (void)shutdown(queue->far, SHUT_RDWR);
}

void sign_queue_close(struct sign_queue *queue)
{
    if (queue->near >= 0)
        close(queue->near);
    if (queue->far >= 0)
        close(queue->far);
    queue->near = queue->far = -1;
}

bool sign_queue_renew(struct sign_queue *queue, struct err *err)
{
    struct sign_queue fresh;

    if (!sign_queue_open(&fresh, err))
        return false;
    sign_queue_end(queue);
    sign_queue_close(queue);
    *queue = fresh;
    return true;
}
