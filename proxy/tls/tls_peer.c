#include "tls_peer.h"

#include "text.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* A session ticket holds the client's certificate and has to stay below 64 KB. */
enum { CLIENT_CHAIN_BYTES_MAX = 48 * 1024 };

/* The verdict is what X509_verify_cert found first; it stays in the store's context, from where OpenSSL takes
 * it into the session, whether or not the handshake goes on. */
static int verify(X509_STORE_CTX *store, void *arg)
{
    const struct tls_ctx *ctx = arg;

    if (X509_verify_cert(store) > 0)
        return 1;
    if (X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    if (ctx->reject_in_handshake)
        return 0;
    ERR_clear_error(); /* what is left there would pass for a failure of the handshake */
    return 1;
}

static bool add_authority(SSL_CTX *ctx, X509 *authority, bool announce)
{
    if (!X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority))
        return false;
    return !announce || SSL_CTX_add_client_CA(ctx, authority);
}

/* 1: added, 0: the end, -1: not readable. */
static int read_authority(SSL_CTX *ctx, BIO *pem, bool announce)
{
    X509 *authority = X509_new_ex(remote_key_library(), REMOTE_PROPERTIES);
    int done = -1;

    ERR_clear_error();
    if (!authority)
        return -1;
    if (PEM_read_bio_X509(pem, &authority, NULL, NULL))
        done = add_authority(ctx, authority, announce) ? 1 : -1;
    else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        done = 0;
    X509_free(authority);
    ERR_clear_error();
    return done;
}

static unsigned count_of(const struct tls_policy *policy, const char *line)
{
    const char *at = policy->ca_pem, *end = at + policy->ca_pem_len;
    unsigned count = 0;

    while ((at = memmem(at, (size_t)(end - at), line, strlen(line)))) {
        at += strlen(line);
        count++;
    }
    return count;
}

/* OpenSSL takes a file that ends inside a certificate for one that ends before it. */
static bool is_cut(const struct tls_policy *policy)
{
    return policy->ca_pem && count_of(policy, "-----BEGIN ") != count_of(policy, "-----END ");
}

static bool read_truststore(SSL_CTX *ctx, const struct tls_policy *policy, struct err *err)
{
    BIO *pem = NULL;
    unsigned count = 0;
    int done = 0;

    if (policy->ca_pem && policy->ca_pem_len <= INT32_MAX)
        pem = BIO_new_mem_buf(policy->ca_pem, (int)policy->ca_pem_len);
    while (pem && (done = read_authority(ctx, pem, policy->announce)) > 0)
        count++;
    BIO_free(pem);
    if (!done && is_cut(policy))
        done = -1;
    if (done < 0)
        err_set(err, "certificate number %u of the truststore cannot be read", count + 1);
    else if (!count)
        err_set(err, "the truststore has no certificate");
    return done == 0 && count > 0;
}

bool tls_peer_setup(SSL_CTX *ctx, const struct tls_policy *policy, struct tls_ctx *owner, struct err *err)
{
    int mode = SSL_VERIFY_PEER;

    SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_BYTES_MAX);
    if (policy->client_mode == TLS_CLIENT_NONE)
        return true; /* no CertificateRequest at all: some clients fail at the mere request */
    if (!read_truststore(ctx, policy, err))
        return false;
    if (policy->client_mode == TLS_CLIENT_REQUIRE && policy->reject_in_handshake)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ctx, mode, NULL);
    SSL_CTX_set_verify_depth(ctx, (int)policy->verify_depth);
    SSL_CTX_set_cert_verify_callback(ctx, verify, owner);
    /* Whoever stands in the truststore is trusted, an intermediate too. OpenSSL adds the purpose sslclient.
     */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return true;
}

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
    uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
    int len = i2d_X509(cert, &der);
    size_t hash_len = 0;
    char *text = NULL;

    if (len > 0 && EVP_Q_digest(remote_key_library(), "SHA256", NULL, der, (size_t)len, hash, &hash_len))
        text = hex_text(hash, hash_len);
    OPENSSL_free(der);
    return text;
}

bool tls_peer_read(SSL *ssl, struct tls_peer *out)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    long result = SSL_get_verify_result(ssl);

    out->reason = "";
    if (!cert)
        return true;
    out->verdict = result == X509_V_OK ? TLS_TRUSTED : TLS_UNTRUSTED;
    if (result != X509_V_OK)
        out->reason = X509_verify_cert_error_string(result);
    out->subject = tls_peer_subject(cert);
    out->serial = serial_text(cert);
    out->fingerprint = fingerprint_text(cert);
    return out->subject && out->serial && out->fingerprint;
}

void tls_peer_free(struct tls_peer *peer)
{
    free(peer->subject);
    free(peer->serial);
    free(peer->fingerprint);
    *peer = (struct tls_peer){0};
}
