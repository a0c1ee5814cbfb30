/* While TLS is being set up the core is the user of the client's stream. */
#include "clock.h"
#include "conf.h"
#include "counters.h"
#include "loop.h"
#include "protocol.h"
#include "quotas.h"
#include "session_private.h"
#include "sign_client.h"
#include "stream.h"
#include "text.h"
#include "tls.h"

void session_handshake_expired(void *owner)
{
    struct session *session = owner;

    counter_add(&session->service->counters->handshakes_failed, 1);
    session_end(session, REASON_HANDSHAKE_TIMEOUT, NULL);
}

/* What the client showed, where it was asked. */
static void session_count_certificate(const struct session *session)
{
    struct listener_counters *counters = session->service->counters;

    if (session_conf(session)->client_certificate == CONF_CLIENT_NONE)
        return;
    switch (session->identity.verdict) {
    case TLS_NO_CERTIFICATE:
        counter_add(&counters->certificates_none, 1);
        break;
    case TLS_TRUSTED:
        counter_add(&counters->certificates_trusted, 1);
        break;
    case TLS_UNTRUSTED:
        counter_add(&counters->certificates_untrusted, 1);
        break;
    }
}

static void session_secured(struct session *session)
{
    struct listener_counters *counters = session->service->counters;

    timer_stop(&session->handshake);
    identity_from_tls(&session->identity, stream_tls(session->client));
    (void)text_copy(session->first_partner, sizeof session->first_partner, session->identity.partner);
    counter_add(session->identity.resumed ? &counters->handshakes_resumed : &counters->handshakes_full, 1);
    session_count_certificate(session);
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
    identity_from_failed_tls(&session->identity, stream_tls(stream)); /* whose certificate it was */
    counter_add(&session->service->counters->handshakes_failed, 1);
    if (reason == REASON_CERTIFICATE_REFUSED)
        session_count_certificate(session);
    session_end(session, reason, stream_error(stream)->text);
}

static const struct stream_user handshake_user = {.data = handshake_data, .event = handshake_event};

/* handshakes-per-second-per-ip: asked for full handshakes only. */
static bool session_may_handshake(void *owner, struct err *err)
{
    struct session *session = owner;
    const struct service_setup *setup = &session->service->setup;
    uint64_t key = quotas_key(setup->quotas, LIMIT_HANDSHAKES, setup->listener->alias, &session->peer);

    if (quotas_take_rate(setup->quotas, LIMIT_HANDSHAKES, key, setup->listener->handshakes_per_second_per_ip,
                         clock_monotonic_ms()) == 0)
        return true;
    session->too_many = true;
    err_set(err, "more full handshakes than handshakes-per-second-per-ip allows");
    return false;
}

void session_start_tls(struct session *session, const char *name)
{
    struct err err;
    struct tls *tls = tls_new(session->service->tls, TLS_MAIN, NULL, &err);

    if (tls && !tls_set_name_wanted(tls, name)) {
        err_set(&err, "no memory for the name of the host");
        tls_free(tls);
        tls = NULL;
    }
    if (!tls) {
        session_end(session, REASON_NO_MEMORY, err.text);
        return;
    }
    tls_set_source(tls, addr_network(&session->peer));
    if (session->service->setup.listener->handshakes_per_second_per_ip)
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
