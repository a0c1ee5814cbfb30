#include "tickets.h"

#include "remote_provider.h"
#include "tls_private.h"

#include <openssl/rand.h>
#include <string.h>

enum { APPDATA_VERSION = 1, WEEK_S = 7 * 24 * 3600 };

struct appdata {
    uint8_t version;
    uint8_t trusted; /* the client's certificate was good when the session began */
    uint8_t binding[TICKET_BINDING_LEN];
};

static bool session_appdata(SSL_SESSION *session, struct appdata *out)
{
    void *data = NULL;
    size_t len = 0;

    if (!SSL_SESSION_get0_ticket_appdata(session, &data, &len) || !data || len != sizeof *out)
        return false;
    memcpy(out, data, sizeof *out);
    return out->version == APPDATA_VERSION;
}

bool tickets_bind(SSL *ssl, struct ticket_binding *out)
{
    struct appdata old;

    if (out->set)
        return true;
    if (SSL_session_reused(ssl) && session_appdata(SSL_get_session(ssl), &old)) {
        memcpy(out->id, old.binding, sizeof out->id);
        out->set = true;
        return true;
    }
    out->set = RAND_bytes_ex(remote_key_library(), out->id, sizeof out->id, 0) == 1;
    return out->set;
}

/* A ticket is about to be made. */
static int ticket_write(SSL *ssl, void *arg)
{
    struct tls *tls = SSL_get_app_data(ssl);
    struct appdata data = {.version = APPDATA_VERSION};

    (void)arg;
    if (!tickets_bind(ssl, &tls->binding))
        return 0;
    data.trusted = SSL_get0_peer_certificate(ssl) && SSL_get_verify_result(ssl) == X509_V_OK;
    memcpy(data.binding, tls->binding.id, sizeof data.binding);
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &data, sizeof data);
}

/* Resumption must not keep a certificate alive that has run out since (C5). */
static bool has_run_out(SSL_SESSION *session, const struct appdata *data)
{
    X509 *peer = SSL_SESSION_get0_peer(session);

    return data->trusted && peer && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0;
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
    struct appdata data;

    if (!session_appdata(session, &data) || has_run_out(session, &data))
        return false;
    if (tls->role == TLS_MAIN)
        return is_of_the_name(tls, session);
    return tls->control.set && !CRYPTO_memcmp(data.binding, tls->control.id, sizeof data.binding);
}

/* A data channel sends no ticket (F16): in TLS 1.2 that is what IGNORE and USE without RENEW say, in TLS 1.3
 * their number is 0. For the others: TLS 1.3 clients use a ticket once: there a resumption brings a new one;
 * in TLS 1.2 renewing costs more than it gives. */
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
    if (main && SSL_version(ssl) == TLS1_3_VERSION)
        return SSL_TICKET_RETURN_USE_RENEW;
    return SSL_TICKET_RETURN_USE;
}

bool tickets_setup(SSL_CTX *ctx, const struct tls_policy *policy, struct err *err)
{
    uint8_t secret[TLS_TICKET_SECRET_LEN];
    uint64_t lifetime_s = policy->session_lifetime_ms / 1000;
    long done;

    if (lifetime_s > WEEK_S)
        lifetime_s = WEEK_S; /* RFC 8446 4.6.1 */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, lifetime_s ? (long)lifetime_s : 1);
    SSL_CTX_set_num_tickets(ctx, policy->tickets);
    memcpy(secret, policy->ticket_secret, sizeof secret);
    done = SSL_CTX_set_tlsext_ticket_keys(ctx, secret, sizeof secret);
    OPENSSL_cleanse(secret, sizeof secret);
    if (!done || !SSL_CTX_set_session_ticket_cb(ctx, ticket_write, ticket_read, NULL)) {
        err_set(err, "OpenSSL does not take the ticket secret");
        return false;
    }
    return true;
}
