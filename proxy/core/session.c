/* A session's life from the inside of its protocol to its end. How it begins is in session_begin.c. */
#include "session.h"

#include "conf.h"
#include "counters.h"
#include "loop.h"
#include "protocol.h"
#include "session_private.h"
#include "sign_client.h"
#include "stream.h"
#include "text.h"

#include <stdlib.h>

struct loop *session_loop(const struct session *session)
{
    return session->service->setup.loop;
}

const struct conf_listener *session_conf(const struct session *session)
{
    return session->service->setup.listener;
}

struct service *session_service(const struct session *session)
{
    return session->service;
}

struct stream *session_client(const struct session *session)
{
    return session->client;
}

const struct identity *session_identity(const struct session *session)
{
    return &session->identity;
}

struct listener_counters *session_counters(const struct session *session)
{
    return session->service->counters;
}

uint64_t session_id(const struct session *session)
{
    return session->id;
}

bool session_can_secure(const struct session *session)
{
    return tls_ctx_has_key(session->service->tls) && sign_client_up(session->service->setup.signer);
}

const struct protocol *session_protocol(const struct session *session)
{
    return session->service->setup.protocol;
}

void session_set_user(struct session *session, const char *user)
{
    (void)text_copy(session->user, sizeof session->user, user);
}

const char *session_user(const struct session *session)
{
    return session->user;
}

/* Everything of a session is undone here and nowhere else. */
static void session_finish(struct session *session, enum session_reason reason, const char *detail,
                           bool abrupt)
{
    struct err kept; /* detail may be a part of the protocol's state */

    if (session->opening) {
        session->end_asked = true;
        session->end_abrupt = abrupt;
        session->end_reason = reason;
        err_set(&session->end_detail, "%s", detail ? detail : "");
        return;
    }
    timer_stop(&session->handshake);
    timer_stop(&session->idle);
    err_set(&kept, "%s", detail ? detail : "");
    if (session->state)
        session_protocol(session)->close(session->state);
    session_account(session, reason, detail ? kept.text : NULL);
    if (abrupt)
        stream_abort(session->client);
    else
        stream_close(session->client);
    session_leave_places(session->service, &session->places);
    session_choose_backend(session, NULL);
    session_forget_who(session);
    LIST_REMOVE(session, entry);
    session->service->session_count--;
    free(session);
}

void session_end(struct session *session, enum session_reason reason, const char *detail)
{
    session_finish(session, reason, detail, false);
}

void session_abort(struct session *session, enum session_reason reason, const char *detail)
{
    session_finish(session, reason, detail, true);
}

void session_stop(struct session *session, enum session_reason reason, const char *detail)
{
    bool abrupt = false;

    if (session->state && session_protocol(session)->farewell)
        abrupt = session_protocol(session)->farewell(session->state, reason);
    session_finish(session, reason, detail, abrupt);
}

void session_retire(struct session *session)
{
    if (session->state && session_protocol(session)->retire)
        session_protocol(session)->retire(session->state);
}

void session_drain(struct session *session)
{
    /* In the middle of its handshake a client can be told nothing. */
    if (!session->state || session->handshake.armed)
        session_end(session, REASON_STOPPING, NULL);
    else if (session_protocol(session)->drain)
        session_protocol(session)->drain(session->state);
}

void session_idle_expired(void *owner)
{
    session_stop(owner, REASON_IDLE_TIMEOUT, NULL);
}

void session_touch(struct session *session)
{
    timer_touch(&session->idle);
}

void session_hold_idle(struct session *session)
{
    if (!session->idle_holds++)
        timer_stop(&session->idle);
}

void session_release_idle(struct session *session)
{
    if (session->idle_holds && !--session->idle_holds)
        timer_start(&session->idle, session_conf(session)->idle_timeout_ms);
}

void session_open(struct session *session)
{
    session->opened = true;
    if (!session->idle_holds)
        timer_start(&session->idle, session_conf(session)->idle_timeout_ms);
    session->opening = true;
    session->state = session_protocol(session)->open(session);
    session->opening = false;
    if (!session->state)
        session_end(session, REASON_NO_MEMORY, NULL);
    else if (session->end_asked)
        session_finish(session, session->end_reason, session->end_detail.text, session->end_abrupt);
    else if (session->service->draining)
        session_drain(session);
    else if (session->service->retiring)
        session_retire(session);
}
