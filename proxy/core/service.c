#include "service.h"

#include "arrival.h"
#include "backends.h"
#include "conf.h"
#include "counters.h"
#include "inventory.h"
#include "listener.h"
#include "log.h"
#include "outbound.h"
#include "policy.h"
#include "protocol.h"
#include "session_private.h"
#include "sign_client.h"
#include "tls_ctx.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct service_socket {
    SLIST_ENTRY(service_socket) entry;
    struct listener *listener;
};

static enum tls_client_mode client_mode(enum conf_client_certificate mode)
{
    switch (mode) {
    case CONF_CLIENT_REQUEST:
        return TLS_CLIENT_REQUEST;
    case CONF_CLIENT_REQUIRE:
        return TLS_CLIENT_REQUIRE;
    case CONF_CLIENT_NONE:
        break;
    }
    return TLS_CLIENT_NONE;
}

/* Is a bad certificate the end of the handshake? In request mode `bad-certificate` says whether it is refused
 * at all; `reject-at` says where. */
static bool rejects_in_handshake(const struct conf_listener *listener)
{
    return listener->reject_at == CONF_REJECT_HANDSHAKE &&
           (listener->client_certificate == CONF_CLIENT_REQUIRE ||
            listener->bad_certificate == CONF_BAD_FAIL);
}

static void service_notice(void *owner, const struct err *what)
{
    const struct service *service = owner;
    struct log_line line;

    log_begin(&line, LOG_LEVEL_WARNING, "ocsp-stale");
    log_text(&line, "listener", service->setup.listener->alias);
    log_text(&line, "detail", what->text);
    log_end(&line);
}

/* One array that lives for one call; NULL without memory. */
static const char **server_names(const struct conf_listener *listener)
{
    const char **names = calloc(listener->server_name_count + 1, sizeof *names);

    for (size_t i = 0; names && i < listener->server_name_count; i++)
        names[i] = listener->server_names[i].name;
    return names;
}

static struct tls_ctx *service_tls(struct service *service, const char *const *names, struct err *err)
{
    const struct service_setup *setup = &service->setup;
    const struct conf_listener *listener = setup->listener;
    const struct tls_policy policy = {
        .name = listener->alias,
        .versions = listener->tls_versions,
        .ciphers = listener->ciphers,
        .ciphersuites = listener->ciphersuites,
        .groups = listener->groups,
        .alpn = setup->protocol->alpn,
        .client_mode = client_mode(listener->client_certificate),
        .reject_in_handshake = rejects_in_handshake(listener),
        .trust = service_trust(service),
        .trust_name =
            listener->truststore == CONF_NONE ? "" : setup->conf->truststores[listener->truststore].alias,
        .session_lifetime_ms = listener->session_lifetime_ms,
        .ticket_secret = setup->ticket_secret,
        .tickets = setup->protocol->tickets,
        .data_channels = setup->protocol->data_channels,
        .server_names = names,
        .server_name_count = listener->server_name_count,
        .strict_server_name = listener->strict_server_name,
        .notice = service_notice,
        .notice_owner = service,
    };

    return tls_ctx_new(&policy, err);
}

/* No TLS towards its clients. */
static bool is_plain(const struct conf_listener *listener)
{
    return listener->keystore == CONF_NONE;
}

/* TLS towards its clients and towards its backends, as far as there is any. */
static bool service_secure(struct service *service, struct err *err)
{
    const struct service_setup *setup = &service->setup;
    const struct outbound_setup outbound = {setup->conf, setup->listener, setup->outbound_signer,
                                            setup->policy};
    const char **names = server_names(setup->listener);

    if (!names)
        err_set(err, "out of memory");
    else if (!is_plain(setup->listener))
        service->tls = service_tls(service, names, err);
    free(names);
    if (!names || (!service->tls && !is_plain(setup->listener)))
        return false;
    if (setup->listener->backend_tls.set)
        service->outbound = outbound_new(&outbound, err);
    return service->outbound || !setup->listener->backend_tls.set;
}

struct service *service_new(const struct service_setup *setup, struct err *err)
{
    struct service *service = calloc(1, sizeof *service);

    if (!service) {
        err_set(err, "out of memory");
        return NULL;
    }
    service->setup = *setup;
    (void)service_set_policy(service, setup->policy);
    if (!service_secure(service, err)) {
        tls_ctx_unref(service->tls);
        policy_unref(service->policy);
        free(service);
        return NULL;
    }
    LIST_INIT(&service->sessions);
    LIST_INIT(&service->arrivals);
    SLIST_INIT(&service->sockets);
    service->counters = &setup->counters->listeners[setup->index];
    return service;
}

static void service_close_sockets(struct service *service)
{
    struct service_socket *socket;

    while ((socket = SLIST_FIRST(&service->sockets))) {
        SLIST_REMOVE_HEAD(&service->sockets, entry);
        listener_free(socket->listener);
        free(socket);
    }
}

void service_close(struct service *service)
{
    service_close_sockets(service);
    arrival_end_all(service);
}

void service_free(struct service *service)
{
    if (!service)
        return;
    service_close(service);
    tls_ctx_unref(service->tls);
    outbound_free(service->outbound);
    policy_unref(service->policy);
    free(service);
}

/* --- the policy --- */

static void service_each(struct service *service, void (*each)(struct session *session))
{
    struct session *session, *next;

    for (session = LIST_FIRST(&service->sessions); session; session = next) {
        next = LIST_NEXT(session, entry);
        each(session);
    }
}

struct tls_trust *service_trust(const struct service *service)
{
    const struct conf *conf = service->setup.conf;
    int truststore = service->setup.listener->truststore;

    return policy_trust(service->policy, truststore == CONF_NONE ? "" : conf->truststores[truststore].alias);
}

/* Who is never asked otherwise. */
static void recheck_session(struct session *session)
{
    struct err why;

    if (session->state && !session_recheck(session, &why))
        session_stop(session, REASON_REFUSED, why.text);
}

bool service_set_policy(struct service *service, struct policy *policy)
{
    const struct conf_listener *rules = policy_listener(policy, service->setup.listener->alias);
    struct policy *before = service->policy;
    struct err why;
    bool taken;

    service->policy = policy_ref(policy);
    /* A listener that the new configuration has no more drains by its own rules. */
    service->rules = rules ? rules : service->setup.listener;
    taken = !service->tls || tls_ctx_set_trust(service->tls, service_trust(service));
    if (service->outbound && !outbound_set_policy(service->outbound, policy, &why))
        taken = false;
    if (before && service->setup.protocol->never_asks)
        service_each(service, recheck_session);
    policy_unref(before);
    return taken;
}

enum { SECRETS_MAX = TLS_TICKET_SECRETS_MAX };

bool service_set_secrets(struct service *service, const struct service_secrets *secrets)
{
    const struct conf_ticket_secrets *own = &service->rules->ticket_secrets;
    uint8_t made[SECRETS_MAX][TLS_TICKET_SECRET_LEN];
    size_t count = 0;
    bool taken;

    if (!service->tls)
        return true;
    if (!own->count)
        return tls_ctx_set_ticket_secrets(service->tls, secrets->items, secrets->count);
    for (size_t i = 0; i < own->count && count < SECRETS_MAX; i++)
        count += tls_ticket_secret(own->items[i].data, own->items[i].len, made[count]);
    taken = tls_ctx_set_ticket_secrets(service->tls, (const uint8_t(*)[TLS_TICKET_SECRET_LEN])made, count);
    explicit_bzero(made, sizeof made);
    return taken;
}

static const struct inventory_key *find_wanted(const struct inventory_key *keys, size_t count,
                                               uint32_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].wanted == wanted)
            return &keys[i];
    return NULL;
}

struct service_offer {
    const struct inventory_key *keys;
    size_t count;
};

static void tell_expiry(struct service *service, const char *alias, int64_t not_after)
{
    if (service->setup.counters && not_after > 0)
        counters_certificate(service->setup.counters, (uint32_t)service->setup.index, alias,
                             (uint64_t)not_after);
}

/* Always true, so that a caller may return it. */
static bool service_tell_expiry(struct service *service, const char *server_name, const struct conf_key *key)
{
    tell_expiry(service, key->alias, tls_ctx_expiry(service->tls, server_name));
    return true;
}

static bool service_add_key(struct service *service, const struct service_offer *offer,
                            const char *server_name, const struct conf_key *wanted, struct err *err)
{
    const struct inventory_key *key = find_wanted(offer->keys, offer->count, wanted->wanted);
    const struct tls_key_use use = {
        .server_name = server_name,
        .ocsp = wanted->ocsp_der,
        .ocsp_len = wanted->ocsp_der_len,
    };

    if (!key)
        err_set(err, "key \"%s\" is not among those that the keystore offers", wanted->alias);
    else if (tls_ctx_add_key(service->tls, key, &use, sign_client_signer(service->setup.signer), err))
        return service_tell_expiry(service, server_name, wanted);
    else
        err_context(err, "key \"%s\"", wanted->alias);
    if (server_name[0])
        err_context(err, "server name \"%s\"", server_name);
    return false;
}

static bool service_add_names(struct service *service, const struct service_offer *offer, struct err *err)
{
    const struct conf_listener *listener = service->setup.listener;

    for (size_t i = 0; i < listener->server_name_count; i++) {
        const struct conf_server_name *name = &listener->server_names[i];

        for (size_t j = 0; j < name->key_count; j++)
            if (!service_add_key(service, offer, name->name, &name->keys[j], err))
                return false;
    }
    return true;
}

bool service_set_keys(struct service *service, const struct inventory_key *keys, size_t count,
                      struct err *err)
{
    const struct conf_listener *listener = service->setup.listener;
    const struct service_offer offer = {keys, count};

    tls_ctx_clear_keys(service->tls);
    for (size_t i = 0; i < listener->key_count; i++)
        if (!service_add_key(service, &offer, "", &listener->keys[i], err))
            return false;
    return service_add_names(service, &offer, err);
}

bool service_set_outbound_keys(struct service *service, const struct inventory_key *keys, size_t count,
                               struct err *err)
{
    const struct conf_backend_tls *rules = &service->setup.listener->backend_tls;

    if (!outbound_set_keys(service->outbound, keys, count, err))
        return false;
    for (size_t i = 0; i < rules->key_count; i++)
        tell_expiry(service, rules->keys[i].alias, outbound_expiry(service->outbound, i));
    return true;
}

static void service_accepted(void *owner, int fd, const struct addr *peer)
{
    session_begin(owner, fd, peer);
}

bool service_listen(struct service *service, int fd, struct err *err)
{
    struct service_socket *socket = calloc(1, sizeof *socket);

    if (!socket) {
        err_set(err, "out of memory");
        (void)close(fd);
        return false;
    }
    socket->listener = listener_new(service->setup.loop, fd, service_accepted, service, err);
    if (!socket->listener) {
        free(socket);
        return false;
    }
    SLIST_INSERT_HEAD(&service->sockets, socket, entry);
    return true;
}

bool service_kick(struct service *service, uint64_t session)
{
    struct session *one;

    LIST_FOREACH(one, &service->sessions, entry)
    {
        if (one->id != session)
            continue;
        session_stop(one, REASON_KICKED, NULL);
        return true;
    }
    return false;
}

void service_retire(struct service *service)
{
    service->retiring = true;
    service_close_sockets(service);
    backends_rest(service->setup.backends);
    service_each(service, session_retire);
}

void service_drain(struct service *service)
{
    service->draining = true;
    service_close(service);
    backends_rest(service->setup.backends);
    service_each(service, session_drain);
}

void service_stop(struct service *service, enum session_reason reason)
{
    struct session *session;

    service_close(service);
    while ((session = LIST_FIRST(&service->sessions)))
        session_stop(session, reason, NULL);
}

size_t service_sessions(const struct service *service)
{
    return service->session_count + service->arrival_count;
}
