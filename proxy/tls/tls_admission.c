/* A full handshake asks for a place at the signers before it costs anything. */
#include "clock.h"
#include "tls_private.h"

static int refuse(struct tls *tls, const char *why)
{
    if (why)
        err_set(&tls->err, "%s", why);
    tls->cause_known = true;
    return 0;
}

/* The place is given: the handshake goes on to its signature. */
static int begin(struct tls *tls)
{
    tls->admission = ADMISSION_GIVEN;
    tls->pause.form =
        SSL_version(tls->ssl) == TLS1_3_VERSION ? SIGN_FORM_TLS13_SERVER : SIGN_FORM_TLS12_SERVER;
    if (tls_keys_use(tls_keys_for(tls->ctx, tls->server_name), tls->ssl))
        return 1;
    return refuse(tls, "OpenSSL does not take the certificate and its key");
}

/* A hello without a usable key share is answered with a HelloRetryRequest, which needs no signature: the
 * place is for the second hello, or clients that never send one would hold them all. */
static bool is_to_retry(SSL *ssl)
{
    EVP_PKEY *share = NULL;

    if (SSL_version(ssl) != TLS1_3_VERSION)
        return false;
    if (!SSL_get_peer_tmp_key(ssl, &share))
        return true;
    EVP_PKEY_free(share);
    return false;
}

/* OpenSSL chooses the signature algorithm already: it has to see the certificates. */
static int retry(struct tls *tls, const struct tls_key_set *set)
{
    if (tls_keys_use(set, tls->ssl))
        return 1;
    return refuse(tls, "OpenSSL does not take the certificate and its key");
}

static bool gate_opens(struct tls *tls)
{
    bool (*may_begin)(void *, struct err *) = tls->may_begin;

    tls->may_begin = NULL;
    return !may_begin || may_begin(tls->gate_owner, &tls->err);
}

int tls_admission_ask(SSL *ssl, void *unused)
{
    struct tls *tls = SSL_get_app_data(ssl);
    const struct tls_key_set *set = tls_keys_for(tls->ctx, tls->server_name);

    (void)unused;
    if (tls->admission == ADMISSION_GIVEN)
        return 1;
    if (!set->key_count)
        return refuse(tls, "no key can sign: the listener's keystore has offered none");
    if (is_to_retry(ssl))
        return retry(tls, set);
    if (!gate_opens(tls))
        return refuse(tls, NULL);
    if (!tls->asked_ms)
        tls->asked_ms = clock_monotonic_ms();
    if (tls->admission == ADMISSION_NONE)
        tls->signer = set->keys[0].signer;
    switch (tls->signer->ops->admit(tls->signer, tls, &tls->err)) {
    case REMOTE_GO:
        return begin(tls);
    case REMOTE_WAIT:
        tls->admission = ADMISSION_WAITING;
        return -1;
    case REMOTE_REFUSE:
        break; /* a place that was promised before is left when the handshake ends */
    }
    return refuse(tls, NULL);
}

enum remote_admission tls_admission_late(struct tls *tls, struct err *err)
{
    enum remote_admission answer;

    if (tls->admission == ADMISSION_GIVEN)
        return REMOTE_GO;
    if (!tls->asked_ms)
        tls->asked_ms = clock_monotonic_ms();
    answer = tls->signer->ops->admit(tls->signer, tls, err);
    if (answer == REMOTE_REFUSE)
        return answer; /* a place that was promised before is left when the handshake ends */
    tls->admission = answer == REMOTE_GO ? ADMISSION_GIVEN : ADMISSION_WAITING;
    tls->pause.form =
        SSL_version(tls->ssl) == TLS1_3_VERSION ? SIGN_FORM_TLS13_CLIENT : SIGN_FORM_TLS12_CLIENT;
    return answer;
}

void tls_admission_end(struct tls *tls)
{
    if (tls->admission != ADMISSION_NONE && !tls->pause.submitted)
        tls->signer->ops->leave(tls->signer, tls);
    tls->admission = ADMISSION_NONE;
}
