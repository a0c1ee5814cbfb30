/* `tls`: whatever the client says inside TLS goes to the backend as it is, and back. */
#include "conf.h"
#include "protocol.h"
#include "relay.h"
#include "stream.h"

#include <stdlib.h>

struct raw {
    struct session *session;
    struct stream *backend;
    struct relay *relay;
    bool whole; /* both sides have said their ends, and everything was handed on */
};

static void raw_moved(void *owner)
{
    struct raw *raw = owner;

    session_touch(raw->session);
}

/* Any other end than the sides' own is a cut, whoever causes it: neither may take what it has for complete.
 */
static void raw_ended(void *owner, enum relay_end end)
{
    struct raw *raw = owner;

    switch (end) {
    case RELAY_DONE:
        raw->whole = true;
        session_end(raw->session, REASON_QUIT, NULL);
        break;
    case RELAY_A_CUT:
    case RELAY_A_FAILED:
        session_abort(raw->session, REASON_CLIENT_CUT, stream_error(session_client(raw->session))->text);
        break;
    case RELAY_B_CUT:
    case RELAY_B_FAILED:
        session_abort(raw->session, REASON_BACKEND_FAILED, stream_error(raw->backend)->text);
        break;
    }
}

static const struct relay_user raw_relay = {.ended = raw_ended, .moved = raw_moved, .side_ended = NULL};

static size_t raw_backend_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    (void)data;
    (void)len;
    return 0;
}

static void raw_backend_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct raw *raw = owner;

    if (event == STREAM_FAILED) {
        session_abort(raw->session, REASON_BACKEND_UNREACHABLE, stream_error(stream)->text);
    } else if (event == STREAM_CONNECTED) {
        stream_reset_unless_finished(stream);
        raw->relay = relay_new(session_client(raw->session), stream, &raw_relay, raw);
        if (!raw->relay)
            session_abort(raw->session, REASON_NO_MEMORY, NULL);
    }
}

/* The backend until it is connected; afterwards the relay has it. */
static const struct stream_user raw_backend_user = {.data = raw_backend_data, .event = raw_backend_event};

static void *raw_open(struct session *session)
{
    struct raw *raw = calloc(1, sizeof *raw);
    struct err err;

    if (!raw)
        return NULL;
    raw->session = session;
    if (!session_recheck(session, &err)) {
        session_abort(session, REASON_REFUSED, err.text);
        return raw;
    }
    raw->backend = session_connect_backend(session, NULL, &raw_backend_user, raw, &err);
    if (!raw->backend)
        session_abort(session, REASON_BACKEND_UNREACHABLE, err.text);
    return raw;
}

static bool raw_farewell(void *state, enum session_reason reason)
{
    (void)state;
    (void)reason;
    return true;
}

static void raw_close(void *state)
{
    struct raw *raw = state;

    relay_free(raw->relay);
    if (raw->backend && raw->whole)
        stream_close(raw->backend);
    else if (raw->backend)
        stream_abort(raw->backend);
    free(raw);
}

const struct protocol protocol_raw = {
    .name = "tls",
    .alpn = NULL,
    .tls_first = true,
    .never_asks = true,
    .tickets = 1,
    .open = raw_open,
    .farewell = raw_farewell,
    .close = raw_close,
};
