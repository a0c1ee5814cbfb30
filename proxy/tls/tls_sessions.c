#include "tls_sessions.h"

#include "tls_private.h"

#include <time.h>

/* OpenSSL asks with the id that a client has sent. What it gets is its own: the copy is used up. */
static SSL_SESSION *look_up(SSL *ssl, const unsigned char *id, int id_len, int *keep_reference)
{
    struct tls *tls = SSL_get_app_data(ssl);
    SSL_SESSION *session = tls->control_session;
    unsigned len = 0;
    const unsigned char *wanted = session ? SSL_SESSION_get_id(session, &len) : NULL;

    *keep_reference = 0;
    if (!wanted || id_len < 0 || len != (unsigned)id_len || CRYPTO_memcmp(wanted, id, len) != 0)
        return NULL;
    tls->control_session = NULL;
    return session;
}

void tls_sessions_setup(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL |
                                            SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_get_cb(ctx, look_up);
}

/* A copy, because OpenSSL spoils the session of a connection that ends badly; and as young as can be, for its
 * control connection is alive. */
bool tls_sessions_copy(const struct tls *control, SSL_SESSION **out)
{
    const SSL_SESSION *session = SSL_get_session(control->ssl);
    unsigned len = 0;

    *out = NULL;
    if (session)
        (void)SSL_SESSION_get_id(session, &len);
    if (!len || SSL_version(control->ssl) != TLS1_2_VERSION || !tls_peer_stands(control))
        return true;
    *out = SSL_SESSION_dup(session);
    if (*out)
        (void)SSL_SESSION_set_time(*out, (long)time(NULL));
    return *out && tickets_describe(control, *out);
}
