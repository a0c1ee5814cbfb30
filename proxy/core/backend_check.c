/* A look at a backend: is somebody there, does he greet, and what can he do? */
#include "backend_private.h"

#include "resolve.h"
#include "stream.h"
#include "stream_dial.h"

#include <string.h>
#include <sys/random.h>

static void look_over(struct backend *backend)
{
    timer_stop(&backend->patience);
    if (backend->look)
        stream_close(backend->look);
    backend->look = NULL;
}

static void look_failed(struct backend *backend, const struct err *why)
{
    struct err cause = *why; /* the stream's own goes with it */

    look_over(backend);
    if (!backend->is_untried && !backend->has_greeted)
        backend_missed(backend, BACKEND_LOOK, &cause);
}

/* RFC 959, 4.2: a reply ends with the line that has its code and a blank. 0: not yet. */
static size_t reply_len(const uint8_t *data, size_t len)
{
    size_t line = 0;

    while (line < len) {
        const uint8_t *end = memchr(data + line, '\n', len - line);
        size_t next = end ? (size_t)(end - data) + 1 : 0;

        if (!next)
            return 0;
        if (next - line > 4 && data[line + 3] == ' ' && memcmp(data + line, data, 3) == 0)
            return next;
        line = next;
    }
    return 0;
}

/* RFC 959: 220 is the only greeting that lets a client go on. False: it is not known yet, or it is over. */
static bool look_has_greeting(struct backend *backend, const uint8_t *data, size_t len)
{
    struct err err;

    if (len < 4 && memchr(data, '\n', len) == NULL)
        return false;
    if (len >= 4 && memcmp(data, "220", 3) == 0 && (data[3] == ' ' || data[3] == '-'))
        return true;
    err_set(&err, "its greeting is no 220");
    look_failed(backend, &err);
    return false;
}

/* F2: clients are told before their login what this one can do, and it must not hear of them for that. Many
 * servers tell it everybody; one that does not says no 211. */
static size_t look_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct backend *backend = owner;
    size_t reply;

    if (!backend->has_greeted) {
        if (!look_has_greeting(backend, data, len))
            return backend->look ? 0 : len;
        backend->has_greeted = true;
        stream_text(stream, "FEAT\r\n");
        backend_reached(backend, BACKEND_LOOK);
    }
    reply = reply_len(data, len);
    if (!reply)
        return 0;
    if (memcmp(data, "220", 3) == 0)
        return reply;
    if (memcmp(data, "211", 3) == 0)
        backend_keep_features(backend, (const char *)data, reply);
    stream_text(stream, "QUIT\r\n");
    look_over(backend);
    return len;
}

static void look_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct backend *backend = owner;
    struct err err;

    switch (event) {
    case STREAM_CONNECTED:
        if (backend->check.greets)
            return;
        look_over(backend);
        backend_reached(backend, BACKEND_LOOK);
        return;
    case STREAM_ENDED:
    case STREAM_CUT:
        err_set(&err, "it closed the connection without a greeting");
        look_failed(backend, &err);
        return;
    case STREAM_FAILED:
        look_failed(backend, stream_error(stream));
        return;
    case STREAM_SECURE:
    case STREAM_DRAINED:
        return;
    }
}

static const struct stream_user look_user = {.data = look_data, .event = look_event};

static void look_takes_too_long(void *owner)
{
    struct backend *backend = owner;
    struct err err;

    err_set(&err, "no greeting within %llu ms", (unsigned long long)backend->check.timeout_ms);
    look_failed(backend, &err);
}

static void look_tried(void *owner, size_t index, enum stream_dial_outcome outcome, const struct err *why)
{
    struct backend *backend = owner;

    (void)index;
    (void)why;
    backend->is_untried = outcome == STREAM_DIAL_NO_SOCKET;
}

static const struct stream_dial_hooks look_hooks = {.tried = look_tried};

/* The look's time is for all addresses: one that is silent must not use it up. */
static void look_begin(struct backend *backend)
{
    struct addr to[RESOLVER_ADDRESSES_MAX];
    const size_t count = backend_addresses(backend, to, RESOLVER_ADDRESSES_MAX);
    const struct stream_dial dial = {
        .to = to,
        .count = count,
        .timeout_ms = backend->check.timeout_ms / (count ? count : 1) + 1,
        .total_ms = backend->check.timeout_ms,
        .prefix = backend->check.prefix,
        .prefix_len = backend->check.prefix_len,
        .hooks = &look_hooks,
        .hooks_owner = backend,
    };
    struct err err;

    if (!dial.count)
        return; /* a name that is not known yet is the resolver's trouble */
    backend->has_greeted = false;
    backend->look = stream_dial(backend->setup.loop, &dial, &look_user, backend, &err);
    if (backend->look)
        timer_start(&backend->patience, 2 * backend->check.timeout_ms);
    else if (!backend->is_untried)
        backend_missed(backend, BACKEND_LOOK, &err);
}

static void look_due(void *owner)
{
    struct backend *backend = owner;

    timer_start(&backend->due, backend->check.every_ms);
    if (!backend->look)
        look_begin(backend);
}

void backend_check_init(struct backend *backend)
{
    timer_init(&backend->due, backend->setup.loop, look_due, backend);
    timer_init(&backend->patience, backend->setup.loop, look_takes_too_long, backend);
}

void backend_check_end(struct backend *backend)
{
    timer_stop(&backend->due);
    look_over(backend);
}

static uint64_t random_below(uint64_t limit)
{
    uint64_t number = 0;

    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number)
        return 0;
    return number % limit;
}

void backend_watch(struct backend *backend, const struct backend_check *check)
{
    if (!check->every_ms || (backend->check.every_ms && backend->check.every_ms <= check->every_ms))
        return;
    backend->check = *check;
    timer_start(&backend->due, 1 + random_below(check->every_ms));
}

void backend_watch_no_more(struct backend *backend)
{
    backend->check.every_ms = 0;
    backend_check_end(backend);
}
