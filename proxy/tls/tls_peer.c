#include "tls_peer.h"

#include "text.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* A session ticket holds the client's certificate and has to stay below 64 KB. */
enum { CLIENT_CHAIN_BYTES_MAX = 48 * 1024 };

/* ---- texts ---- */

char *tls_peer_subject(X509 *cert)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *data, *text = NULL;
    long len;

    if (!memory || X509_NAME_print_ex(memory, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0)
        goto free_memory;
    len = BIO_get_mem_data(memory, &data);
    text = strndup(len > 0 ? data : "", len > 0 ? (size_t)len : 0);
free_memory:
    BIO_free(memory);
    return text;
}

static char *hex_text(const uint8_t *data, size_t len)
{
    char *text = malloc(2 * len + 1);

    if (text)
        text_hex(data, len, text);
    return text;
}

static char *serial_text(X509 *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

    return hex_text(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

static char *fingerprint_text(X509 *cert)
{
    uint8_t hash[TLS_HASH_LEN];

    return tls_hash_of(cert, hash) ? hex_text(hash, sizeof hash) : NULL;
}

const char *tls_peer_reason(const struct tls_peer *peer)
{
    return peer->standing ? tls_trust_reason(peer->standing->code) : "";
}

void tls_peer_free(struct tls_peer *peer)
{
    free(peer->standing);
    free(peer->subject);
    free(peer->serial);
    free(peer->fingerprint);
    free(peer->partner);
    OPENSSL_free(peer->der);
    *peer = (struct tls_peer){0};
}

/* All that is told of a certificate, with a standing that is still to be filled. The trust it will be decided
 * by may be gone before this conversation: texts are its own. */
static bool begin(struct tls_peer *peer, X509 *cert)
{
    tls_peer_free(peer);
    peer->standing = calloc(1, sizeof *peer->standing);
    peer->subject = tls_peer_subject(cert);
    peer->serial = serial_text(cert);
    peer->fingerprint = fingerprint_text(cert);
    return peer->standing && peer->subject && peer->serial && peer->fingerprint;
}

static bool keep_partner(struct tls_peer *peer)
{
    peer->partner = strdup(peer->standing->partner);
    peer->standing->partner = "";
    return peer->partner;
}

/* ---- the full handshake ---- */

/* OpenSSL makes the alert out of the code, and would tell a partner that its own certificate has expired. */
static int code_for_alert(int code)
{
    return code == X509_V_ERR_CRL_HAS_EXPIRED || code == X509_V_ERR_CRL_NOT_YET_VALID
               ? X509_V_ERR_UNABLE_TO_GET_CRL
               : code;
}

/* In place of OpenSSL's own verification; also the place where a certificate that will be refused is known.
 */
static int verify(X509_STORE_CTX *store, void *arg)
{
    const struct tls_ctx *ctx = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_peer *peer = &((struct tls *)SSL_get_app_data(ssl))->peer;
    X509 *leaf = X509_STORE_CTX_get0_cert(store);

    X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
    if (!begin(peer, leaf))
        return 0;
    tls_trust_decide(ctx->trust, leaf, X509_STORE_CTX_get0_untrusted(store), peer->standing);
    if (!keep_partner(peer))
        return 0;
    X509_STORE_CTX_set_error(store, code_for_alert(peer->standing->code));
    return peer->standing->verdict == TLS_TRUSTED || !ctx->reject_in_handshake;
}

bool tls_peer_announce(SSL_CTX *ctx, const struct tls_trust *trust)
{
    const STACK_OF(X509_NAME) *names = tls_trust_names(trust);
    STACK_OF(X509_NAME) *copy = NULL;

    if (names) {
        copy = SSL_dup_CA_list(names);
        if (!copy)
            return false;
    }
    SSL_CTX_set_client_CA_list(ctx, copy);
    return true;
}

bool tls_peer_setup(SSL_CTX *ctx, const struct tls_policy *policy, struct tls_ctx *owner, struct err *err)
{
    int mode = SSL_VERIFY_PEER;

    SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_BYTES_MAX);
    if (policy->client_mode == TLS_CLIENT_NONE)
        return true; /* no CertificateRequest at all: some clients fail at the mere request */
    if (!policy->trust) {
        err_set(err, "client certificates are wanted, and nothing says which are trusted");
        return false;
    }
    if (policy->client_mode == TLS_CLIENT_REQUIRE && policy->reject_in_handshake)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify, owner);
    if (tls_peer_announce(ctx, policy->trust))
        return true;
    err_set(err, "out of memory");
    return false;
}

/* ---- tickets ---- */

/* Behind the verdict: code, notAfter, stamp, chained, issuers. Numbers have their first byte first. */
enum { PART_HEAD = 1 + 4 + 8 + TLS_STAMP_LEN + 1 + 1 };

static uint8_t *put(uint8_t *at, uint64_t number, unsigned len)
{
    while (len--)
        *at++ = (uint8_t)(number >> 8 * len);
    return at;
}

static uint64_t get(const uint8_t **at, unsigned len)
{
    uint64_t number = 0;

    while (len--)
        number = number << 8 | *(*at)++;
    return number;
}

static size_t part_write(const struct tls_standing *standing, uint8_t *out)
{
    uint8_t *at = put(out, standing->verdict, 1);
    size_t len = standing->issuer_count * sizeof *standing->issuers;

    at = put(at, (uint64_t)standing->code, 4);
    at = put(at, (uint64_t)standing->not_after, 8);
    memcpy(at, standing->stamp, TLS_STAMP_LEN);
    at = put(at + TLS_STAMP_LEN, standing->chained, 1);
    at = put(at, standing->issuer_count, 1);
    memcpy(at, standing->issuers, len);
    return PART_HEAD + len;
}

static bool part_read(struct tls_standing *out, const uint8_t *part, size_t len)
{
    const uint8_t *at = part + 1;

    if (len < PART_HEAD || (part[0] != TLS_TRUSTED && part[0] != TLS_UNTRUSTED))
        return false;
    *out =
        (struct tls_standing){.verdict = part[0] == TLS_TRUSTED ? TLS_TRUSTED : TLS_UNTRUSTED, .partner = ""};
    out->code = (int)get(&at, 4);
    out->not_after = (int64_t)get(&at, 8);
    memcpy(out->stamp, at, TLS_STAMP_LEN);
    at += TLS_STAMP_LEN;
    out->chained = get(&at, 1);
    out->issuer_count = (uint8_t)get(&at, 1);
    if (out->issuer_count > TLS_ISSUERS_MAX || len != PART_HEAD + out->issuer_count * sizeof *out->issuers)
        return false;
    memcpy(out->issuers, at, len - PART_HEAD);
    for (size_t i = 0; i < out->issuer_count; i++)
        if (out->issuers[i].serial_len > TLS_SERIAL_MAX)
            return false;
    return true;
}

size_t tls_peer_ticket_write(const struct tls *tls, uint8_t out[TLS_PEER_TICKET_MAX])
{
    if (!tls->peer.standing)
        return (size_t)(put(out, TLS_NO_CERTIFICATE, 1) - out);
    return part_write(tls->peer.standing, out);
}

/* A client whose certificate was no good may come back with a session as long as nothing can have become
 * better: else a partner that has been put on file would have to wait for its tickets to run out. On a data
 * channel, which decides nothing, it may in any case. */
static bool untrusted_stands(const struct tls *tls, const struct tls_standing *then,
                             const struct tls_standing *now)
{
    if (tls->role == TLS_DATA)
        return true;
    return now->verdict == TLS_UNTRUSTED && !memcmp(then->stamp, now->stamp, sizeof now->stamp) &&
           then->code != X509_V_ERR_CERT_NOT_YET_VALID && then->code != X509_V_ERR_CRL_NOT_YET_VALID;
}

static bool stands(const struct tls *tls, X509 *leaf, const struct tls_standing *then)
{
    struct tls_standing now;

    if (!tls->ctx->trust)
        return false;
    tls_trust_decide_again(tls->ctx->trust, leaf, NULL, then, &now);
    return then->verdict == TLS_TRUSTED ? now.verdict == TLS_TRUSTED : untrusted_stands(tls, then, &now);
}

bool tls_peer_stands(const struct tls *tls)
{
    X509 *leaf = SSL_get0_peer_certificate(tls->ssl);

    return !leaf || (tls->peer.standing && stands(tls, leaf, tls->peer.standing));
}

bool tls_peer_ticket_stands(const struct tls *tls, SSL_SESSION *session, const uint8_t *part, size_t len)
{
    X509 *leaf = SSL_SESSION_get0_peer(session);
    struct tls_standing then;

    if (len == 1 && part[0] == TLS_NO_CERTIFICATE)
        return !leaf;
    return leaf && part_read(&then, part, len) && stands(tls, leaf, &then);
}

static bool take_ticket(struct tls *tls)
{
    X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
    struct tls_peer *peer = &tls->peer;
    struct tls_standing then;
    const uint8_t *part;
    size_t len;

    if (!leaf)
        return true;
    if (!tls->ctx->trust || !tickets_peer_part(SSL_get_session(tls->ssl), &part, &len) ||
        !part_read(&then, part, len) || !begin(peer, leaf))
        return false;
    tls_trust_decide_again(tls->ctx->trust, leaf, NULL, &then, peer->standing);
    return keep_partner(peer);
}

bool tls_peer_take(struct tls *tls)
{
    if (tls->peer_taken)
        return true;
    if (!SSL_is_server(tls->ssl) || !SSL_session_reused(tls->ssl)) {
        tls->peer_taken = true; /* verify has done it, if there was a certificate */
        return true;
    }
    tls->peer_taken = take_ticket(tls);
    return tls->peer_taken;
}
