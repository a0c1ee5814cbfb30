#include "tls_facts.h"

#include "tls_private.h"

#include <stdlib.h>

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

void tls_facts(const struct tls *tls, struct tls_facts *out)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
    const struct tls_standing *standing = tls->peer.standing;
    bool resumed = SSL_session_reused(tls->ssl);
    const unsigned char *alpn;
    unsigned alpn_len;

    SSL_get0_alpn_selected(tls->ssl, &alpn, &alpn_len);
    *out = (struct tls_facts){
        .version = SSL_get_version(tls->ssl),
        .cipher = cipher ? SSL_CIPHER_get_name(cipher) : "",
        .sni = tls_name(tls),
        .alpn = alpn_len && tls->ctx ? tls->ctx->alpn : "", /* the only one that it chooses */
        .resumed = resumed,
        .bound = resumed && tls->role == TLS_DATA, /* tickets.c lets no other be resumed */
        .key_ms = tls->key_ms,
        .verdict = standing ? standing->verdict : TLS_NO_CERTIFICATE,
        .partner = text_or_empty(tls->peer.partner),
        .subject = text_or_empty(tls->peer.subject),
        .serial = text_or_empty(tls->peer.serial),
        .fingerprint = text_or_empty(tls->peer.fingerprint),
        .reason = tls_peer_reason(&tls->peer),
        .not_after = standing ? standing->not_after : 0,
    };
}

void tls_judge(const struct tls *tls, struct tls_trust *trust, struct tls_judgement *out)
{
    X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
    struct tls_standing now;

    *out = (struct tls_judgement){.verdict = TLS_NO_CERTIFICATE, .partner = "", .reason = ""};
    if (!leaf || !tls->peer.standing)
        return;
    if (!trust) {
        out->verdict = TLS_UNTRUSTED;
        out->reason = "nothing says which certificates are trusted";
        return;
    }
    tls_trust_decide_again(trust, leaf, SSL_get_peer_cert_chain(tls->ssl), tls->peer.standing, &now);
    *out = (struct tls_judgement){
        .verdict = now.verdict,
        .partner = now.partner,
        .reason = tls_trust_reason(now.code),
    };
}

bool tls_certificate(struct tls *tls, const uint8_t **der, size_t *len)
{
    const X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
    struct tls_peer *peer = &tls->peer;

    if (leaf && !peer->der) {
        int made = i2d_X509(leaf, &peer->der);

        peer->der_len = made > 0 ? (size_t)made : 0;
    }
    *der = peer->der;
    *len = peer->der_len;
    return peer->der;
}

bool tls_is_inside_record(const struct tls *tls)
{
    return SSL_has_pending(tls->ssl);
}

bool tls_chain_certificate(const struct tls *tls, size_t index, uint8_t **der, size_t *len)
{
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(tls->ssl);
    const X509 *certificate;
    int made;

    *der = NULL;
    *len = 0;
    if (!sent || index >= (size_t)sk_X509_num(sent))
        return false;
    certificate = sk_X509_value(sent, (int)index);
    made = i2d_X509(certificate, NULL);
    if (made > 0)
        *der = malloc((size_t)made);
    if (!*der)
        return false;
    *len = (size_t)i2d_X509(certificate, &(uint8_t *){*der});
    return true;
}
