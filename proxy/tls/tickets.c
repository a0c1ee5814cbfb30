#include "tickets.h"

#include "remote_provider.h"
#include "tls_private.h"
#include "tls_sessions.h"

#include <openssl/rand.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { APPDATA_VERSION = 2, WEEK_S = 7 * 24 * 3600 };

struct appdata {
    uint8_t version;
    uint8_t binding[TICKET_BINDING_LEN];
    uint8_t peer[TLS_PEER_TICKET_MAX]; /* as long as it is */
};

enum { APPDATA_HEAD = offsetof(struct appdata, peer) };

static const uint8_t *session_appdata(SSL_SESSION *session, size_t *len)
{
    void *data = NULL;

    *len = 0;
    if (!SSL_SESSION_get0_ticket_appdata(session, &data, len) || !data || *len <= APPDATA_HEAD ||
        ((const uint8_t *)data)[0] != APPDATA_VERSION)
        return NULL;
    return data;
}

/* NULL: it has none of ours. */
static const uint8_t *session_binding(SSL_SESSION *session)
{
    size_t len;
    const uint8_t *data = session_appdata(session, &len);

    return data ? data + offsetof(struct appdata, binding) : NULL;
}

bool tickets_peer_part(SSL_SESSION *session, const uint8_t **part, size_t *len)
{
    const uint8_t *data = session_appdata(session, len);

    if (!data)
        return false;
    *part = data + APPDATA_HEAD;
    *len -= APPDATA_HEAD;
    return true;
}

bool tickets_bind(SSL *ssl, struct ticket_binding *out)
{
    const uint8_t *old;

    if (out->set)
        return true;
    old = SSL_session_reused(ssl) ? session_binding(SSL_get_session(ssl)) : NULL;
    if (old) {
        memcpy(out->id, old, sizeof out->id);
        out->set = true;
        return true;
    }
    out->set = RAND_bytes_ex(remote_key_library(), out->id, sizeof out->id, 0) == 1;
    return out->set;
}

bool tickets_describe(const struct tls *tls, SSL_SESSION *session)
{
    struct appdata data = {.version = APPDATA_VERSION};
    size_t len = APPDATA_HEAD + tls_peer_ticket_write(tls, data.peer);

    memcpy(data.binding, tls->binding.id, sizeof data.binding);
    return SSL_SESSION_set1_ticket_appdata(session, &data, len);
}

/* OpenSSL knows what the hello has named, and only that. */
static bool remember_name(const struct tls *tls)
{
    return !tls->name_wanted || SSL_SESSION_set1_hostname(SSL_get_session(tls->ssl), tls->name_wanted);
}

/* A ticket is about to be made. */
static int ticket_write(SSL *ssl, void *arg)
{
    struct tls *tls = SSL_get_app_data(ssl);

    (void)arg;
    return tickets_bind(ssl, &tls->binding) && tls_peer_take(tls) && remember_name(tls) &&
           tickets_describe(tls, SSL_get_session(ssl));
}

/* Resumption must not keep a certificate alive that is not good any more (C5). */
static bool certificate_stands(const struct tls *tls, SSL_SESSION *session)
{
    const uint8_t *part;
    size_t len;

    return tickets_peer_part(session, &part, &len) && tls_peer_ticket_stands(tls, session, part, len);
}

/* A session of another name is not resumed (RFC 6066 3). */
static bool is_of_the_name(const struct tls *tls, const SSL_SESSION *session)
{
    char name[SERVER_NAME_LEN];

    return server_name_fold(SSL_SESSION_get0_hostname(session), name) &&
           !strcmp(name, tls->server_name ? tls->server_name : "");
}

static bool may_resume(const struct tls *tls, SSL_SESSION *session)
{
    const uint8_t *binding = session_binding(session);

    if (!binding || !certificate_stands(tls, session))
        return false;
    if (tls->role == TLS_MAIN)
        return is_of_the_name(tls, session);
    return tls->control.set && !CRYPTO_memcmp(binding, tls->control.id, sizeof tls->control.id);
}

/* A data channel sends no ticket (F16): in TLS 1.2 that is what IGNORE and USE without RENEW say, in TLS 1.3
 * their number is 0. Its ticket does not grow old: a transfer may begin as long as the control connection
 * lives. For the others: TLS 1.3 clients use a ticket once: there a resumption brings a new one; in TLS 1.2
 * renewing costs more than it gives, unless the secret is an old one. */
static SSL_TICKET_RETURN ticket_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                     size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
    const struct tls *tls = SSL_get_app_data(ssl);
    bool main = tls->role == TLS_MAIN;

    (void)name;
    (void)name_len;
    (void)arg;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return main ? SSL_TICKET_RETURN_IGNORE_RENEW : SSL_TICKET_RETURN_IGNORE;
    if (!may_resume(tls, session))
        return main ? SSL_TICKET_RETURN_IGNORE_RENEW : SSL_TICKET_RETURN_IGNORE;
    if (main && (SSL_version(ssl) == TLS1_3_VERSION || status == SSL_TICKET_SUCCESS_RENEW))
        return SSL_TICKET_RETURN_USE_RENEW;
    if (!main)
        (void)SSL_SESSION_set_time(session, (long)time(NULL));
    return SSL_TICKET_RETURN_USE;
}

bool tickets_setup(struct tls_ctx *ctx, const struct tls_policy *policy, struct err *err)
{
    SSL_CTX *ssl_ctx = ctx->ssl_ctx;
    uint8_t secret[1][TLS_TICKET_SECRET_LEN];
    uint64_t lifetime_s = policy->session_lifetime_ms / 1000;
    bool done;

    if (lifetime_s > WEEK_S)
        lifetime_s = WEEK_S; /* RFC 8446 4.6.1 */
    SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
    if (policy->data_channels)
        tls_sessions_setup(ssl_ctx);
    SSL_CTX_set_timeout(ssl_ctx, lifetime_s ? (long)lifetime_s : 1);
    SSL_CTX_set_num_tickets(ssl_ctx, policy->tickets);
    memcpy(secret, policy->ticket_secret, sizeof secret);
    done = ticket_keys_set(&ctx->ticket_keys, ssl_ctx, (const uint8_t(*)[TLS_TICKET_SECRET_LEN])secret, 1);
    OPENSSL_cleanse(secret, sizeof secret);
    if (!done || !SSL_CTX_set_session_ticket_cb(ssl_ctx, ticket_write, ticket_read, NULL)) {
        err_set(err, "OpenSSL does not take the ticket secret");
        return false;
    }
    return true;
}
