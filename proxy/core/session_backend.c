/* The connection to the server behind: which one, what it is told first, and who learns how it went. */
#include "backends.h"
#include "conf.h"
#include "outbound.h"
#include "proxy_header.h"
#include "resolve.h"
#include "session_private.h"
#include "stream.h"
#include "stream_dial.h"
#include "tls.h"
#include "tls_facts.h"

#include <stdlib.h>

/* So many connect-timeouts a session waits at most before it hears that there is no backend. */
enum { SESSION_CONNECTS_MAX = 3 };

/* What the dialler's hooks know; lives as long as the dialling. */
struct session_dial {
    struct session *session;
    size_t count;
    struct backend *whose[STREAM_DIAL_ADDRESSES_MAX]; /* each address's */
};

const char *session_backend_text(const struct session *session)
{
    return session->backend ? backend_text(session->backend) : NULL;
}

size_t session_resolve(const struct session *session, const char *host, struct addr *out, size_t max)
{
    const struct resolver *resolver = session->service->setup.resolver;

    return resolver ? resolver_get(resolver, host, out, max) : 0;
}

void session_choose_backend(struct session *session, struct backend *backend)
{
    if (backend)
        backend_take(backend);
    if (session->backend)
        backend_leave(session->backend);
    session->backend = backend;
}

/* --- the PROXY header --- */

/* H9: what the certificate is worth is what is thought of it now, not what was in its handshake. */
static bool write_with_tls(struct session *session, struct buf *out, const struct addr *local)
{
    const struct identity *who = session_identity(session);
    struct tls *tls = stream_tls(session->client);
    struct proxy_header_tls told = {.resumed = who->resumed};
    char common_name[256];
    struct tls_facts facts;

    if (!tls || !who->secure)
        return proxy_header_write_v2(out, &session->peer, local, NULL);
    tls_facts(tls, &facts);
    told.version = facts.version;
    told.cipher = facts.cipher;
    told.sni = facts.sni;
    told.alpn = facts.alpn;
    told.presented = who->verdict != TLS_NO_CERTIFICATE;
    told.verified = who->verdict == TLS_TRUSTED;
    if (proxy_header_common_name(facts.subject, common_name, sizeof common_name))
        told.common_name = common_name;
    (void)session_certificate(session, &told.certificate, &told.certificate_len);
    return proxy_header_write_v2(out, &session->peer, local, &told);
}

static bool write_header(struct session *session, struct buf *out)
{
    struct addr local;

    stream_local(session->client, &local);
    switch (session_conf(session)->send_proxy) {
    case CONF_PROXY_V1:
        return proxy_header_write_v1(out, &session->peer, &local);
    case CONF_PROXY_V2:
        return proxy_header_write_v2(out, &session->peer, &local, NULL);
    case CONF_PROXY_V2_TLS:
        return write_with_tls(session, out, &local);
    case CONF_PROXY_NONE:
        break;
    }
    return true;
}

/* --- the dialler's hooks --- */

/* Troubles of our own say nothing about the backend. */
static void dial_tried(void *owner, size_t index, enum stream_dial_outcome outcome, const struct err *why)
{
    struct session_dial *dial = owner;
    struct backend *backend = dial->whose[index];

    if (outcome == STREAM_DIAL_REACHED)
        backend_reached(backend, BACKEND_SESSION);
    else if (outcome == STREAM_DIAL_REFUSED || outcome == STREAM_DIAL_TIMED_OUT)
        backend_missed(backend, BACKEND_SESSION, why);
    session_choose_backend(dial->session, backend);
}

static struct tls *dial_tls(void *owner, size_t index, struct err *err)
{
    const struct session_dial *dial = owner;

    (void)index;
    return outbound_tls(dial->session->service->outbound, err);
}

static const struct stream_dial_hooks clear_hooks = {.tried = dial_tried, .over = free};
static const struct stream_dial_hooks tls_hooks = {.tried = dial_tried, .tls = dial_tls, .over = free};

/* --- which ones --- */

/* Every address of every backend, in the order in which they are to be tried. */
static bool fill(struct session_dial *dial, const struct conf_backends *list,
                 struct addr to[STREAM_DIAL_ADDRESSES_MAX], struct err *err)
{
    const struct session *session = dial->session;
    struct backend *order[BACKENDS_LIST_MAX];
    size_t count = backends_order(session->service->setup.backends, list, session_conf(session)->balance,
                                  &session->peer, order);

    for (size_t i = 0; i < count; i++) {
        size_t room = STREAM_DIAL_ADDRESSES_MAX - dial->count;
        size_t more = room ? backend_addresses(order[i], to + dial->count, room) : 0;

        while (more--)
            dial->whose[dial->count++] = order[i];
    }
    if (dial->count)
        return true;
    if (count)
        err_set(err, "the address of backend \"%s\" is not known", backend_text(order[0]));
    else
        err_set(err, "every backend is disabled");
    return false;
}

static struct stream *start(struct session_dial *dial, const struct addr *to, const struct buf *header,
                            const struct stream_user *user, void *owner, struct err *err)
{
    struct session *session = dial->session;
    const struct conf_listener *conf = session_conf(session);
    const struct stream_dial wanted = {
        .to = to,
        .count = dial->count,
        .timeout_ms = conf->connect_timeout_ms,
        .total_ms = conf->connect_timeout_ms * SESSION_CONNECTS_MAX,
        .handshake_timeout_ms = conf->handshake_timeout_ms,
        .prefix = buf_data(header),
        .prefix_len = buf_len(header),
        .hooks = session->service->outbound ? &tls_hooks : &clear_hooks,
        .hooks_owner = dial,
    };

    session_choose_backend(session, dial->whose[0]);
    return stream_dial(session_loop(session), &wanted, user, owner, err);
}

struct stream *session_connect_backend(struct session *session, const struct conf_backends *which,
                                       const struct stream_user *user, void *owner, struct err *err)
{
    struct session_dial *dial = calloc(1, sizeof *dial);
    struct addr to[STREAM_DIAL_ADDRESSES_MAX];
    struct stream *stream = NULL;
    struct buf header;

    buf_init(&header, PROXY_HEADER_WRITTEN_MAX);
    if (!dial || !write_header(session, &header)) {
        err_set(err, "out of memory");
        free(dial);
    } else {
        dial->session = session;
        if (fill(dial, which ? which : &session_conf(session)->backends, to, err))
            stream = start(dial, to, &header, user, owner, err);
        else
            free(dial);
    }
    buf_free(&header);
    return stream;
}

/* --- what they can do --- */

const char *session_backend_features(const struct session *session, const struct conf_backends *which,
                                     size_t *len)
{
    const struct conf_listener *conf = session_conf(session);
    struct backend *order[BACKENDS_LIST_MAX];
    size_t count = backends_order(session->service->setup.backends, which ? which : &conf->backends,
                                  conf->balance, &session->peer, order);
    const char *features = NULL;

    for (size_t i = 0; i < count && !features; i++)
        features = backend_features(order[i], len);
    return features;
}

void session_keep_backend_features(struct session *session, const char *reply, size_t len)
{
    if (session->backend)
        backend_keep_features(session->backend, reply, len);
}
