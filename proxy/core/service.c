#include "service.h"

#include "conf.h"
#include "counters.h"
#include "inventory.h"
#include "listener.h"
#include "protocol.h"
#include "rates.h"
#include "session_private.h"
#include "sign_client.h"
#include "tls_ctx.h"

#include <stdlib.h>
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

/* Is a bad certificate the end of the handshake? In request mode `bad-certificate` says so, in require mode
 * `reject-at` does. */
static bool rejects_in_handshake(const struct conf_listener *listener)
{
    if (listener->client_certificate == CONF_CLIENT_REQUIRE)
        return listener->reject_at == CONF_REJECT_HANDSHAKE;
    return listener->bad_certificate == CONF_BAD_FAIL;
}

static struct tls_ctx *service_tls(const struct service_setup *setup, struct err *err)
{
    const struct conf_listener *listener = setup->listener;
    const struct conf_truststore *trust =
        listener->truststore == CONF_NONE ? NULL : &setup->conf->truststores[listener->truststore];
    const struct tls_policy policy = {
        .name = listener->alias,
        .versions = listener->tls_versions,
        .ciphers = listener->ciphers,
        .ciphersuites = listener->ciphersuites,
        .groups = listener->groups,
        .alpn = setup->protocol->alpn,
        .client_mode = client_mode(listener->client_certificate),
        .reject_in_handshake = rejects_in_handshake(listener),
        .ca_pem = trust ? trust->ca_pem : NULL,
        .ca_pem_len = trust ? trust->ca_pem_len : 0,
        .verify_depth = trust ? trust->verify_depth : 0,
        .announce = trust && trust->announce,
        .session_lifetime_ms = listener->session_lifetime_ms,
        .ticket_secret = setup->ticket_secret,
        .tickets = setup->protocol->tickets,
    };

    return tls_ctx_new(&policy, err);
}

struct service *service_new(const struct service_setup *setup, struct err *err)
{
    struct service *service = calloc(1, sizeof *service);
    uint32_t workers = setup->conf->workers ? setup->conf->workers : 1;

    if (!service) {
        err_set(err, "out of memory");
        return NULL;
    }
    service->setup = *setup;
    service->tls = service_tls(setup, err);
    if (!service->tls) {
        free(service);
        return NULL;
    }
    if (setup->listener->handshakes_per_second_per_ip) {
        /* Clients spread over the workers, so each has its share of the rate, and a whole second's burst. */
        uint32_t rate = setup->listener->handshakes_per_second_per_ip;

        service->rates = rates_new((rate + workers - 1) / workers, rate);
    }
    LIST_INIT(&service->sessions);
    SLIST_INIT(&service->sockets);
    service->counters = &setup->counters->listeners[setup->index];
    service->session_max = (setup->listener->max_sessions + workers - 1) / workers;
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

void service_free(struct service *service)
{
    if (!service)
        return;
    service_close_sockets(service);
    tls_ctx_unref(service->tls);
    rates_free(service->rates);
    free(service);
}

static const struct inventory_key *find_wanted(const struct inventory_key *keys, size_t count,
                                               uint32_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (keys[i].wanted == wanted)
            return &keys[i];
    return NULL;
}

bool service_set_keys(struct service *service, const struct inventory_key *keys, size_t count,
                      struct err *err)
{
    const struct conf_listener *listener = service->setup.listener;

    tls_ctx_clear_keys(service->tls);
    for (size_t i = 0; i < listener->key_count; i++) {
        const struct inventory_key *key = find_wanted(keys, count, listener->keys[i].wanted);

        if (!key) {
            err_set(err, "key \"%s\" is not among those that the keystore offers", listener->keys[i].alias);
            return false;
        }
        if (!tls_ctx_add_key(service->tls, key, sign_client_signer(service->setup.signer), err)) {
            err_context(err, "key \"%s\"", listener->keys[i].alias);
            return false;
        }
    }
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

void service_drain(struct service *service)
{
    struct session *session, *next;

    service->draining = true;
    service_close_sockets(service);
    for (session = LIST_FIRST(&service->sessions); session; session = next) {
        next = LIST_NEXT(session, entry);
        session_drain(session);
    }
}

void service_stop(struct service *service, enum session_reason reason)
{
    struct session *session;

    service_close_sockets(service);
    while ((session = LIST_FIRST(&service->sessions)))
        session_stop(session, reason, NULL);
}

size_t service_sessions(const struct service *service)
{
    return service->session_count;
}
