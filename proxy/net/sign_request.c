/* One request on its way: sent with a reply pair of its own, sent again when its signer died, given up at its
 * deadline. */
#include "clock.h"
#include "loop.h"
#include "sign_client_private.h"
#include "sign_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIGN_TRIES = 3 };

/* A full queue is looked at again after so long, or after an answer: POLLOUT wakes every worker for each
 * place. */
static const double sign_retry_s = 0.02;

struct sign_request_state {
    TAILQ_ENTRY(sign_request_state) queued;
    struct sign_client *client;
    struct remote_signature *signature; /* NULL: nobody waits any more */
    ev_io answer;                       /* fd -1: not sent */
    uint64_t deadline_ms, asked_us;
    unsigned tries;
};

static void request_free(struct sign_request_state *request)
{
    struct sign_client *client = request->client;

    if (request->answer.fd >= 0) {
        ev_io_stop(loop_ev(client->loop), &request->answer);
        (void)close(request->answer.fd);
    }
    TAILQ_REMOVE(&client->requests, request, queued);
    free(request);
}

/* The end of a request: its fibre goes on, with the signature or with a reason, and its place is free. */
static void request_done(struct sign_request_state *request)
{
    struct sign_client *client = request->client;
    struct remote_signature *signature = request->signature;
    uint64_t took_us = clock_monotonic_us() - request->asked_us;
    uint64_t patience_us = client->policy.patience_ms * 1000;

    /* Longer than anybody's patience is too long; how much longer would only make it be remembered longer. */
    if (took_us > patience_us)
        took_us = patience_us;
    client->answer_us = client->answer_us ? (7 * client->answer_us + took_us) / 8 : took_us;
    request_free(request);
    if (signature) {
        signature->ticket = NULL;
        counter_add(
            signature->failed ? &client->policy.counters->failures : &client->policy.counters->signatures, 1);
        remote_signature_done(signature);
    }
    sign_client_place_free(client);
}

static void request_fail(struct sign_request_state *request, const char *reason)
{
    if (request->signature) {
        request->signature->failed = true;
        err_set(&request->signature->err, "keystore %s: %s", request->client->policy.keystore, reason);
    }
    request_done(request);
}

static void queue_broke(struct sign_client *client)
{
    if (client->queue_broken)
        return;
    client->queue_broken = true;
    client->policy.broken(client->policy.owner);
}

/* One datagram: header, bytes, the far end of the reply pair. */
static ssize_t request_sendmsg(const struct sign_request_state *request, int far)
{
    const struct remote_signature *signature = request->signature;
    struct sign_request header = {
        .magic = SIGN_MAGIC,
        .version = SIGN_VERSION,
        .deadline_ms = request->deadline_ms,
        .form = signature->form,
        .scheme = signature->scheme,
        .attempt = request->tries,
        .bytes_len = (uint32_t)signature->bytes_len,
    };
    struct iovec parts[2] = {
        {.iov_base = &header, .iov_len = sizeof header},
        {.iov_base = (void *)(uintptr_t)signature->bytes, .iov_len = signature->bytes_len},
    };
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

    memcpy(header.key, signature->key, sizeof header.key);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &far, sizeof far);
    return sendmsg(request->client->queue, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* true: sent, or given up; false: the queue takes nothing now. */
static bool request_send(struct sign_request_state *request)
{
    struct sign_client *client = request->client;
    int pair[2];
    ssize_t sent;

    if (client->queue < 0 || client->queue_broken)
        return false;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    sent = request_sendmsg(request, pair[1]);
    (void)close(pair[1]);
    if (sent < 0) {
        int cause = errno;

        (void)close(pair[0]);
        if (cause == EAGAIN || cause == EWOULDBLOCK || cause == ENOBUFS || cause == EINTR ||
            cause == ETOOMANYREFS)
            return false;
        if (cause == EMSGSIZE) {
            request_fail(request, "the request does not fit into the queue (net.core.wmem_max)");
            return true;
        }
        queue_broke(client);
        return false;
    }
    request->tries++;
    ev_io_set(&request->answer, pair[0], EV_READ);
    ev_io_start(loop_ev(client->loop), &request->answer);
    return true;
}

void sign_request_send_unsent(struct sign_client *client)
{
    struct sign_request_state *request, *next;

    for (request = TAILQ_FIRST(&client->requests); request; request = next) {
        next = TAILQ_NEXT(request, queued);
        if (request->answer.fd >= 0)
            continue;
        if (!request->signature)
            continue; /* nobody waits: only its place does, until the deadline */
        if (!request_send(request)) {
            ev_timer_again(loop_ev(client->loop), &client->retry);
            return;
        }
    }
    ev_timer_stop(loop_ev(client->loop), &client->retry);
}

/* The signer died, or said that another should try. */
static void request_again(struct sign_request_state *request)
{
    struct sign_client *client = request->client;

    ev_io_stop(loop_ev(client->loop), &request->answer);
    (void)close(request->answer.fd);
    ev_io_set(&request->answer, -1, EV_READ);
    if (!request->signature) {
        request_done(request);
    } else if (request->tries >= SIGN_TRIES) {
        request_fail(request, "the token failed three times");
    } else {
        counter_add(&client->policy.counters->resent, 1);
        sign_request_send_unsent(client);
    }
}

static const char *status_text(uint32_t status)
{
    switch (status) {
    case SIGN_NO_KEY:
        return "the token has no key for this certificate";
    case SIGN_NOT_ALLOWED:
        return "the signer refused the form of the bytes";
    case SIGN_NO_SCHEME:
        return "the token cannot sign with this scheme";
    default:
        return "the token refused to sign";
    }
}

/* false: not an answer. */
static bool answer_take(struct sign_request_state *request, const uint8_t *data, size_t len)
{
    struct remote_signature *signature = request->signature;
    struct sign_answer answer;

    if (len < sizeof answer)
        return false;
    memcpy(&answer, data, sizeof answer);
    if (answer.magic != SIGN_MAGIC || answer.version != SIGN_VERSION ||
        answer.signature_len > SIGN_SIGNATURE_MAX || len != sizeof answer + answer.signature_len)
        return false;
    if (answer.status == SIGN_AGAIN) {
        request_again(request);
    } else if (answer.status != SIGN_DONE) {
        request_fail(request, status_text(answer.status));
    } else {
        keystore_counters_signed(request->client->policy.counters, clock_monotonic_us() - request->asked_us);
        if (signature) {
            memcpy(signature->signature, data + sizeof answer, answer.signature_len);
            signature->signature_len = answer.signature_len;
            signature->done = true;
        }
        request_done(request);
    }
    return true;
}

static void answer_ready(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct sign_request_state *request = watcher->data;
    struct sign_client *client = request->client;
    uint8_t data[sizeof(struct sign_answer) + SIGN_SIGNATURE_MAX + 1];
    ssize_t got = recv(watcher->fd, data, sizeof data, MSG_DONTWAIT);

    (void)ev;
    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        request_again(request);
    else if (!answer_take(request, data, (size_t)got))
        request_fail(request, "a signer sent something that is no answer");
    sign_request_send_unsent(client);
}

static void deadline_schedule(struct sign_client *client)
{
    struct sign_request_state *first = TAILQ_FIRST(&client->requests);
    uint64_t now_ms = clock_monotonic_ms();

    ev_timer_stop(loop_ev(client->loop), &client->deadline);
    if (!first)
        return;
    /* The analyser does not see that TAILQ_REMOVE took a freed request out of the list. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    ev_timer_set(&client->deadline,
                 first->deadline_ms > now_ms ? (double)(first->deadline_ms - now_ms) / 1000. : 0., 0.);
    ev_timer_start(loop_ev(client->loop), &client->deadline);
}

static void deadline_passed(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct sign_client *client = timer->data;
    struct sign_request_state *request, *next;
    uint64_t now_ms = clock_monotonic_ms();

    (void)ev;
    (void)events;
    for (request = TAILQ_FIRST(&client->requests); request && request->deadline_ms <= now_ms;
         request = next) {
        next = TAILQ_NEXT(request, queued);
        request_fail(request, "no signature within sign-timeout");
    }
    deadline_schedule(client);
}

static void retry_queue(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    sign_request_send_unsent(timer->data);
}

void sign_request_setup(struct sign_client *client)
{
    TAILQ_INIT(&client->requests);
    ev_timer_init(&client->deadline, deadline_passed, 0., 0.);
    ev_timer_init(&client->retry, retry_queue, 0., sign_retry_s);
    client->deadline.data = client->retry.data = client;
}

void sign_request_start(struct sign_client *client, struct remote_signature *signature)
{
    struct sign_request_state *request = calloc(1, sizeof *request);

    if (!request) {
        signature->failed = true;
        err_set(&signature->err, "out of memory");
        remote_signature_done(signature);
        sign_client_place_free(client);
        return;
    }
    request->client = client;
    request->signature = signature;
    request->asked_us = clock_monotonic_us();
    request->deadline_ms = clock_monotonic_ms() + client->policy.timeout_ms;
    signature->ticket = request;
    ev_io_init(&request->answer, answer_ready, -1, EV_READ);
    request->answer.data = request;
    TAILQ_INSERT_TAIL(&client->requests, request, queued);
    if (!request_send(request))
        ev_timer_again(loop_ev(client->loop), &client->retry);
    if (!ev_is_active(&client->deadline))
        deadline_schedule(client);
}

void sign_request_forget(struct remote_signature *signature)
{
    struct sign_request_state *request = signature->ticket;

    if (!request)
        return;
    request->signature = NULL;
    signature->ticket = NULL;
}

void sign_request_fail_all(struct sign_client *client)
{
    struct sign_request_state *request, *next;

    for (request = TAILQ_FIRST(&client->requests); request; request = next) {
        next = TAILQ_NEXT(request, queued);
        request_fail(request, "its token is away");
    }
}

void sign_request_end_all(struct sign_client *client)
{
    struct sign_request_state *request, *next;

    for (request = TAILQ_FIRST(&client->requests); request; request = next) {
        next = TAILQ_NEXT(request, queued);
        if (request->signature)
            request->signature->ticket = NULL;
        request_free(request);
    }
    ev_timer_stop(loop_ev(client->loop), &client->deadline);
    ev_timer_stop(loop_ev(client->loop), &client->retry);
}
