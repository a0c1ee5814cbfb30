#include "tls_cause.h"

#include "tls_private.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>

/* Where OpenSSL's own words do not tell an administrator what happened; what the peer did. */
static const struct {
    int reason;
    const char *text;
} sentences[] = {
    {SSL_R_NO_SHARED_CIPHER, "offered no common cipher suite"},
    {SSL_R_NO_CIPHERS_SPECIFIED, "offered no cipher suite"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "offered no common TLS version"},
    {SSL_R_VERSION_TOO_LOW, "offered no common TLS version"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "offered no common signature algorithm"},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "offered no common signature algorithm"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "offered no common key exchange group"},
    {SSL_R_NO_SHARED_GROUPS, "offered no common key exchange group"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "offered no application protocol (ALPN) of this listener"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "sent no certificate"},
    {SSL_R_HTTP_REQUEST, "speaks plain HTTP, not TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, "speaks plain HTTP, not TLS"},
    {SSL_R_WRONG_VERSION_NUMBER, "does not speak TLS"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, "sent a handshake message that is too long"},
};

/* The queue's first error of the TLS library says what happened; others around it say how. */
static unsigned long take_error(void)
{
    unsigned long first = 0, code;

    while ((code = ERR_get_error())) {
        if (!first || (ERR_GET_LIB(first) != ERR_LIB_SSL && ERR_GET_LIB(code) == ERR_LIB_SSL))
            first = code;
    }
    return first;
}

static const char *sentence(int reason)
{
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (sentences[i].reason == reason)
            return sentences[i].text;
    return NULL;
}

/* What was thought of a client's certificate is more than OpenSSL was told. */
static const char *refusal(SSL *ssl)
{
    const struct tls *tls = SSL_get_app_data(ssl);

    if (tls && SSL_is_server(ssl) && tls->peer.standing)
        return tls_peer_reason(&tls->peer);
    return X509_verify_cert_error_string(SSL_get_verify_result(ssl));
}

static void tls_library_cause(SSL *ssl, unsigned long code, const char *words, struct err *err)
{
    const char *who = ssl && !SSL_is_server(ssl) ? "partner" : "client";
    int reason = ERR_GET_REASON(code);

    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && ssl)
        err_set(err, "%s certificate refused: %s", who, refusal(ssl));
    else if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        err_set(err, "%s sent %s", who, words);
    else if (sentence(reason))
        err_set(err, "%s %s", who, sentence(reason));
    else
        err_set(err, "%s", words);
}

int tls_cause(SSL *ssl, struct err *err)
{
    unsigned long code = take_error();
    const char *words = code ? ERR_reason_error_string(code) : NULL;

    if (!words)
        words = "TLS ended without a reason";
    if (!code || ERR_GET_LIB(code) != ERR_LIB_SSL) {
        err_set(err, "%s", words);
        return 0;
    }
    tls_library_cause(ssl, code, words, err);
    return ERR_GET_REASON(code);
}
