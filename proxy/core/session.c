#include "session.h"

#include "conf.h"
#include "counters.h"
#include "loop.h"
#include "protocol.h"
#include "rates.h"
#include "session_private.h"
#include "sign_client.h"
#include "stream.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Unique among the living processes of a machine: they differ by process, then by count. */
static uint64_t session_next_id(void)
{
    static uint64_t count;

    return ((uint64_t)getpid() << 32) | (++count & 0xffffffffu);
}

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

static const struct protocol *session_protocol(const struct session *session)
{
    return session->service->setup.protocol;
}

void session_log(const struct session *session, struct log_line *line, enum log_level level,
                 const char *event)
{
    log_begin(line, level, event);
    log_format(line, "session", "%llx", (unsigned long long)session->id);
    log_text(line, "listener", session_conf(session)->alias);
    log_text(line, "client", session->peer_text);
}

void session_set_user(struct session *session, const char *user)
{
    (void)text_copy(session->user, sizeof session->user, user);
}

static const char *verdict_name(enum tls_verdict verdict)
{
    switch (verdict) {
    case TLS_TRUSTED:
        return "trusted";
    case TLS_UNTRUSTED:
        return "untrusted";
    case TLS_NO_CERTIFICATE:
        break;
    }
    return NULL;
}

static void log_identity(struct log_line *line, const struct identity *who)
{
    if (!who->secure)
        return;
    log_text(line, "tls", who->version);
    log_text(line, "cipher", who->cipher);
    log_text(line, "resumed", who->resumed ? "yes" : "no");
    log_text(line, "sni", who->sni);
    log_text(line, "cert", who->subject);
    log_text(line, "fingerprint", who->fingerprint);
    log_text(line, "verdict", verdict_name(who->verdict));
    log_text(line, "cert_reason", who->reason);
}

/* The last line, and what is counted. */
static void session_account(struct session *session, enum session_reason reason, const char *detail)
{
    uint64_t in = stream_bytes_in(session->client), out = stream_bytes_out(session->client);
    struct listener_counters *counters = session->service->counters;
    struct log_line line;

    session_log(session, &line, LOG_LEVEL_INFO, "session-end");
    log_identity(&line, &session->identity);
    log_text(&line, "user", session->user);
    log_number(&line, "bytes_in", (int64_t)in);
    log_number(&line, "bytes_out", (int64_t)out);
    log_number(&line, "ms", (int64_t)(loop_now_ms(session_loop(session)) - session->started_ms));
    if (session->identity.secure)
        log_number(&line, "key_ms", session->identity.key_ms);
    log_text(&line, "reason", reason_name(reason));
    log_text(&line, "detail", detail);
    log_end(&line);
    counter_add(&counters->bytes_in, in);
    counter_add(&counters->bytes_out, out);
    counter_add(&counters->sessions_by_reason[reason], 1);
    counter_set(&counters->sessions, session->service->session_count - 1);
    if (session->slot)
        counter_set(&session->slot->id, 0);
}

/* Everything of a session is undone here and nowhere else. */
static void session_finish(struct session *session, enum session_reason reason, const char *detail,
                           bool abrupt)
{
    if (session->opening) {
        session->end_asked = true;
        session->end_abrupt = abrupt;
        session->end_reason = reason;
        err_set(&session->end_detail, "%s", detail ? detail : "");
        return;
    }
    timer_stop(&session->handshake);
    timer_stop(&session->idle);
    if (session->state)
        session_protocol(session)->close(session->state);
    session_account(session, reason, detail);
    if (abrupt)
        stream_abort(session->client);
    else
        stream_close(session->client);
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

static void session_idle_expired(void *owner)
{
    session_stop(owner, REASON_IDLE_TIMEOUT, NULL);
}

static void session_handshake_expired(void *owner)
{
    struct session *session = owner;

    counter_add(&session->service->counters->handshakes_failed, 1);
    session_end(session, REASON_HANDSHAKE_TIMEOUT, NULL);
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

static void session_open(struct session *session)
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

/* --- the handshake: the core is the client stream's user until it is over --- */

static void session_secured(struct session *session)
{
    struct listener_counters *counters = session->service->counters;

    timer_stop(&session->handshake);
    identity_from_tls(&session->identity, stream_tls(session->client));
    counter_add(session->identity.resumed ? &counters->handshakes_resumed : &counters->handshakes_full, 1);
    if (!session->opened) {
        stream_pause(session->client);
        stream_set_user(session->client, NULL, NULL);
        session_open(session);
        return;
    }
    stream_set_user(session->client, session->held_user, session->held_owner);
    session_protocol(session)->secured(session->state);
}

static size_t handshake_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    (void)data;
    (void)len;
    return 0;
}

static enum session_reason handshake_reason(const struct session *session)
{
    if (tls_certificate_refused(stream_tls(session->client)))
        return REASON_CERTIFICATE_REFUSED;
    if (session->too_many)
        return REASON_TOO_MANY;
    return session_can_secure(session) ? REASON_HANDSHAKE_FAILED : REASON_TOKEN_DOWN;
}

static void handshake_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct session *session = owner;
    enum session_reason reason;

    if (event == STREAM_SECURE) {
        session_secured(session);
        return;
    }
    if (event == STREAM_DRAINED || event == STREAM_CONNECTED)
        return;
    reason = handshake_reason(session);
    counter_add(&session->service->counters->handshakes_failed, 1);
    session_end(session, reason, stream_error(stream)->text);
}

static const struct stream_user handshake_user = {.data = handshake_data, .event = handshake_event};

/* handshakes-per-second-per-ip: asked for full handshakes only. */
static bool session_may_handshake(void *owner, struct err *err)
{
    struct session *session = owner;

    if (rates_take(session->service->rates, &session->peer, loop_now_ms(session_loop(session))))
        return true;
    session->too_many = true;
    err_set(err, "more full handshakes than handshakes-per-second-per-ip allows");
    return false;
}

void session_start_tls(struct session *session)
{
    struct err err;
    struct tls *tls = tls_new(session->service->tls, TLS_MAIN, NULL, &err);

    if (!tls) {
        session_end(session, REASON_NO_MEMORY, err.text);
        return;
    }
    tls_set_source(tls, addr_network(&session->peer));
    if (session->service->rates)
        tls_set_gate(tls, session_may_handshake, session);
    timer_start(&session->handshake, session_conf(session)->handshake_timeout_ms);
    stream_get_user(session->client, &session->held_user, &session->held_owner);
    stream_set_user(session->client, &handshake_user, session);
    stream_start_tls(session->client, tls, false);
}

struct tls *session_data_tls(struct session *session, struct err *err)
{
    struct tls *tls = tls_new(session->service->tls, TLS_DATA, stream_tls(session->client), err);

    if (!tls)
        return NULL;
    tls_set_source(tls, addr_network(&session->peer));
    if (session_conf(session)->data_resumption == CONF_RESUMPTION_OFF)
        tls_resume_nothing(tls);
    return tls;
}

struct stream *session_connect_backend(struct session *session, const struct stream_user *user, void *owner,
                                       struct err *err)
{
    const struct conf_listener *conf = session_conf(session);

    return stream_connect(session_loop(session), &conf->backend, conf->connect_timeout_ms, user, owner, err);
}

/* --- the beginning --- */

static struct session_slot *slot_find(struct counters_page *page)
{
    static size_t next;

    for (size_t i = 0; i < COUNTERS_SLOTS_MAX; i++) {
        struct session_slot *slot = &page->slots[next++ % COUNTERS_SLOTS_MAX];
        if (!counter_get(&slot->id))
            return slot;
    }
    return NULL;
}

static void slot_fill(struct session *session)
{
    struct session_slot *slot = slot_find(session->service->setup.counters);
    const struct addr *peer = &session->peer;

    session->slot = slot;
    if (!slot)
        return;
    memset(slot->client, 0, sizeof slot->client);
    slot->client[0] = addr_is_v4(peer) ? 4 : 6;
    if (addr_is_v4(peer))
        memcpy(slot->client + 4, &peer->sa.v4.sin_addr, 4);
    else
        memcpy(slot->client + 4, &peer->sa.v6.sin6_addr, 16);
    atomic_store_explicit(&slot->listener, (uint32_t)session->service->setup.index, memory_order_relaxed);
    counter_set(&slot->started_ms, session->started_ms);
    counter_set(&slot->id, session->id);
}

static void refuse(struct service *service, struct stream *stream, const struct addr *peer,
                   enum session_reason reason)
{
    char peer_text[ADDR_TEXT_LEN];
    struct log_line line;

    addr_text(peer, peer_text);
    log_begin(&line, LOG_LEVEL_WARNING, "session-refused");
    log_text(&line, "listener", service->setup.listener->alias);
    log_text(&line, "client", peer_text);
    log_text(&line, "reason", reason_name(reason));
    log_end(&line);
    counter_add(&service->counters->refused_total, 1);
    /* Nothing was said that would have to arrive: it costs no descriptor for the time of a farewell. */
    stream_abort(stream);
}

static struct session *session_new(struct service *service, struct stream *client, const struct addr *peer)
{
    struct session *session = calloc(1, sizeof *session);
    struct loop *loop = service->setup.loop;

    if (!session)
        return NULL;
    session->service = service;
    session->client = client;
    session->peer = *peer;
    session->id = session_next_id();
    session->started_ms = loop_now_ms(loop);
    addr_text(peer, session->peer_text);
    timer_init(&session->handshake, loop, session_handshake_expired, session);
    timer_init(&session->idle, loop, session_idle_expired, session);
    LIST_INSERT_HEAD(&service->sessions, session, entry);
    service->session_count++;
    return session;
}

void session_begin(struct service *service, int fd, const struct addr *peer)
{
    struct err err;
    struct stream *client = stream_accepted(service->setup.loop, fd, &err);
    struct session *session;
    struct log_line line;

    if (!client)
        return;
    if (service->session_count >= service->session_max) {
        refuse(service, client, peer, REASON_TOO_MANY);
        return;
    }
    session = session_new(service, client, peer);
    if (!session) {
        refuse(service, client, peer, REASON_NO_MEMORY);
        return;
    }
    slot_fill(session);
    counter_add(&service->counters->sessions_total, 1);
    counter_set(&service->counters->sessions, service->session_count);
    session_log(session, &line, LOG_LEVEL_INFO, "session-begin");
    log_end(&line);
    if (session_protocol(session)->tls_first)
        session_start_tls(session);
    else
        session_open(session);
}
