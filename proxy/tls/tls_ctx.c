#include "tls_ctx.h"

#include "text.h"
#include "tls_algorithms.h"
#include "tls_cause.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool hash_field(EVP_MD_CTX *hash, const void *data, size_t len)
{
    uint64_t prefix = len;

    return EVP_DigestUpdate(hash, &prefix, sizeof prefix) && EVP_DigestUpdate(hash, data, len);
}

/* A session of one listener or trust setting never resumes in another (C5); by their names: a truststore with
 * other content is still the one, and tickets.c looks into it. */
static bool set_session_context(SSL_CTX *ctx, const struct tls_policy *policy)
{
    uint32_t rules[] = {(uint32_t)policy->client_mode, policy->reject_in_handshake};
    const char *trust_name = policy->trust_name ? policy->trust_name : "";
    EVP_MD *sha256 = EVP_MD_fetch(remote_key_library(), "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint8_t id[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    bool done;

    done = sha256 && hash && EVP_DigestInit_ex2(hash, sha256, NULL) &&
           hash_field(hash, policy->name, strlen(policy->name)) && hash_field(hash, rules, sizeof rules) &&
           hash_field(hash, trust_name, strlen(trust_name)) && EVP_DigestFinal_ex(hash, id, &len) &&
           SSL_CTX_set_session_id_context(ctx, id, len);
    EVP_MD_CTX_free(hash);
    EVP_MD_free(sha256);
    return done;
}

/* Ours or none at all: x-filezilla-ftp, for one, is never chosen (F18, H10). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    const struct tls_ctx *ctx = arg;
    size_t want = strlen(ctx->alpn);

    (void)ssl;
    for (unsigned i = 0; i < offered_len; i += offered[i] + 1U) {
        if (offered[i] != want || i + 1 + want > offered_len || memcmp(offered + i + 1, ctx->alpn, want) != 0)
            continue;
        *out = offered + i + 1;
        *out_len = offered[i];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* tls_hello.c has taken the name, or refused it; now it is recorded with the session. */
static int take_server_name(SSL *ssl, int *alert, void *arg)
{
    (void)ssl;
    (void)alert;
    (void)arg;
    return SSL_TLSEXT_ERR_OK;
}

static void set_behaviour(struct tls_ctx *ctx)
{
    SSL_CTX *ssl_ctx = ctx->ssl_ctx;

    SSL_CTX_set_options(ssl_ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_max_early_data(ssl_ctx, 0);
    SSL_CTX_set_recv_max_early_data(ssl_ctx, 0);
    SSL_CTX_set_client_hello_cb(ssl_ctx, tls_hello_take, NULL);
    SSL_CTX_set_cert_cb(ssl_ctx, tls_admission_ask, NULL);
    SSL_CTX_set_tlsext_status_cb(ssl_ctx, tls_ocsp_staple);
    SSL_CTX_set_tlsext_servername_callback(ssl_ctx, take_server_name);
    if (ctx->alpn[0])
        SSL_CTX_set_alpn_select_cb(ssl_ctx, choose_protocol, ctx);
}

static bool setup(struct tls_ctx *ctx, const struct tls_policy *policy, struct err *err)
{
    const struct tls_algorithms algorithms = {policy->versions, policy->ciphers, policy->ciphersuites,
                                              policy->groups};

    ctx->ssl_ctx =
        tls_algorithms_ctx(TLS_server_method(), SSL_CTRL_SET_CLIENT_SIGALGS_LIST, &algorithms, err);
    if (!ctx->ssl_ctx)
        return false;
    if (policy->alpn && !text_copy(ctx->alpn, sizeof ctx->alpn, policy->alpn)) {
        err_set(err, "the ALPN name is too long");
        return false;
    }
    ctx->reject_in_handshake = policy->reject_in_handshake;
    if (policy->client_mode != TLS_CLIENT_NONE && policy->trust)
        ctx->trust = tls_trust_ref(policy->trust);
    ctx->strict_server_name = policy->strict_server_name;
    ctx->notice = policy->notice;
    ctx->notice_owner = policy->notice_owner;
    set_behaviour(ctx);
    if (!tls_keys_setup(ctx->ssl_ctx) || !set_session_context(ctx->ssl_ctx, policy)) {
        (void)tls_cause(NULL, err);
        return false;
    }
    return tls_keys_make_sets(ctx, policy, err) && tickets_setup(ctx, policy, err) &&
           tls_peer_setup(ctx->ssl_ctx, policy, ctx, err);
}

struct tls_ctx *tls_ctx_new(const struct tls_policy *policy, struct err *err)
{
    struct tls_ctx *ctx = calloc(1, sizeof *ctx);

    if (!ctx) {
        err_set(err, "out of memory");
        return NULL;
    }
    ctx->references = 1;
    if (!setup(ctx, policy, err)) {
        tls_ctx_unref(ctx);
        ctx = NULL;
    }
    ERR_clear_error();
    return ctx;
}

bool tls_ctx_set_trust(struct tls_ctx *ctx, struct tls_trust *trust)
{
    if (!ctx->trust)
        return true; /* it asks for no certificates */
    if (!tls_peer_announce(ctx->ssl_ctx, trust))
        return false;
    tls_trust_ref(trust);
    tls_trust_unref(ctx->trust);
    ctx->trust = trust;
    return true;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
    ctx->references++;
    return ctx;
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
    if (!ctx || --ctx->references)
        return;
    tls_ctx_clear_keys(ctx);
    tls_trust_unref(ctx->trust);
    free(ctx->sets);
    SSL_CTX_free(ctx->ssl_ctx);
    ticket_keys_wipe(&ctx->ticket_keys);
    free(ctx);
}
