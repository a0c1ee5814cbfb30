#include "service.h"

#include "conf.h"
#include "counters.h"
#include "inventory.h"
#include "listener.h"
#include "log.h"
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
        .server_names = names,
        .server_name_count = listener->server_name_count,
        .strict_server_name = listener->strict_server_name,
        .notice = service_notice,
        .notice_owner = service,
    };

    return tls_ctx_new(&policy, err);
}

struct service *service_new(const struct service_setup *setup, struct err *err)
{
    struct service *service = calloc(1, sizeof *service);
    const char **names;
    uint32_t workers = setup->conf->workers ? setup->conf->workers : 1;

    if (!service) {
        err_set(err, "out of memory");
        return NULL;
    }
    service->setup = *setup;
    names = server_names(setup->listener);
    if (names)
        service->tls = service_tls(service, names, err);
    else
        err_set(err, "out of memory");
    free(names);
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

struct service_offer {
    const struct inventory_key *keys;
    size_t count;
};

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
        return true;
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

static void service_each(struct service *service, void (*each)(struct session *session))
{
    struct session *session, *next;

    for (session = LIST_FIRST(&service->sessions); session; session = next) {
        next = LIST_NEXT(session, entry);
        each(session);
    }
}

void service_retire(struct service *service)
{
    service->retiring = true;
    service_close_sockets(service);
    service_each(service, session_retire);
}

void service_drain(struct service *service)
{
    service->draining = true;
    service_close_sockets(service);
    service_each(service, session_drain);
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
