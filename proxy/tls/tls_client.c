#include "tls_client.h"

#include "tls_algorithms.h"
#include "tls_cause.h"
#include "tls_client_private.h"
#include "tls_trust_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What our keys may sign with, by what their token can do. */
#define EC_SCHEMES    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519"
#define PSS_SCHEMES   ":RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512"
#define PKCS1_SCHEMES ":RSA+SHA256:RSA+SHA384:RSA+SHA512"

/* ---- the context ---- */

/* OpenSSL's cert_cb: the partner asks for a certificate, and says what he can verify. */
static int choose_key(SSL *ssl, void *unused);

static bool setup(struct tls_client_ctx *ctx, const struct tls_client_policy *policy, struct err *err)
{
    const struct tls_algorithms algorithms = {policy->versions, policy->ciphers, policy->ciphersuites,
                                              policy->groups};

    ctx->ssl_ctx = tls_algorithms_ctx(TLS_client_method(), SSL_CTRL_SET_SIGALGS_LIST, &algorithms, err);
    if (!ctx->ssl_ctx)
        return false;
    SSL_CTX_set_session_cache_mode(ctx->ssl_ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx->ssl_ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx->ssl_ctx, tls_client_verify, NULL);
    SSL_CTX_set_cert_cb(ctx->ssl_ctx, choose_key, NULL);
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx->ssl_ctx),
                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return true;
}

struct tls_client_ctx *tls_client_ctx_new(const struct tls_client_policy *policy, struct err *err)
{
    struct tls_client_ctx *ctx = calloc(1, sizeof *ctx);

    if (!ctx) {
        err_set(err, "out of memory");
        return NULL;
    }
    ctx->references = 1;
    if (!setup(ctx, policy, err)) {
        tls_client_ctx_unref(ctx);
        ctx = NULL;
    }
    ERR_clear_error();
    return ctx;
}

struct tls_client_ctx *tls_client_ctx_ref(struct tls_client_ctx *ctx)
{
    ctx->references++;
    return ctx;
}

void tls_client_ctx_unref(struct tls_client_ctx *ctx)
{
    if (!ctx || --ctx->references)
        return;
    tls_client_ctx_clear_keys(ctx);
    SSL_CTX_free(ctx->ssl_ctx);
    tls_authorities_unref(ctx->authorities);
    free(ctx);
}

/* ---- whom it trusts ---- */

/* A worker has many ways out, and most of them trust the same bytes: they are read once. */
bool tls_client_ctx_set_trust(struct tls_client_ctx *ctx, const struct tls_client_trust *trust,
                              struct err *err)
{
    const struct tls_trust_setup setup = {
        .ca_pem = trust->ca_pem ? trust->ca_pem : "", /* nobody is an error, here */
        .ca_pem_len = trust->ca_pem_len,
        .crl_pem = trust->crl_pem_len ? trust->crl_pem : NULL,
        .crl_pem_len = trust->crl_pem_len,
        .crl_fail = trust->crl_fail,
    };
    struct tls_authorities *authorities;

    ERR_clear_error();
    authorities = tls_authorities_get(&setup, err);
    ERR_clear_error();
    if (!authorities)
        return false;
    if (!X509_STORE_up_ref(authorities->store)) {
        tls_authorities_unref(authorities);
        err_set(err, "out of memory");
        return false;
    }
    SSL_CTX_set_cert_store(ctx->ssl_ctx, authorities->store);
    tls_authorities_unref(ctx->authorities);
    ctx->authorities = authorities;
    ctx->crl_fail = trust->crl_fail;
    ctx->verify_depth = trust->verify_depth;
    return true;
}

/* ---- its keys ---- */

bool tls_client_ctx_add_key(struct tls_client_ctx *ctx, const struct inventory_key *key,
                            struct remote_signer *signer, struct err *err)
{
    struct tls_key made = {.signer = signer, .schemes = key->schemes};
    bool taken = true;

    if (!key->client) {
        err_set(err, "the key is for servers");
        return false;
    }
    ERR_clear_error();
    if (!tls_key_make(ctx->ssl_ctx, &made, key, err))
        taken = false;
    for (size_t i = 0; taken && i < ctx->key_count; i++)
        if (ctx->keys[i].kind == made.kind) {
            err_set(err, "a second key of its kind: one RSA, one EC and one Ed25519 key are possible");
            taken = false;
        }
    if (taken)
        ctx->keys[ctx->key_count++] = made;
    else
        tls_key_free(&made);
    ERR_clear_error();
    return taken;
}

void tls_client_ctx_clear_keys(struct tls_client_ctx *ctx)
{
    while (ctx->key_count)
        tls_key_free(&ctx->keys[--ctx->key_count]);
}

bool tls_client_ctx_has_key(const struct tls_client_ctx *ctx)
{
    return ctx->key_count > 0;
}

int64_t tls_client_ctx_expiry(const struct tls_client_ctx *ctx, size_t index)
{
    struct tm end;

    if (index >= ctx->key_count || ASN1_TIME_to_tm(X509_get0_notAfter(ctx->keys[index].leaf), &end) != 1)
        return 0;
    return (int64_t)timegm(&end);
}

/* SignatureScheme, RFC 8446 4.2.3; in TLS 1.2 the same number is hash and algorithm. */
static bool key_signs(const struct tls_key *key, bool tls13, unsigned scheme)
{
    bool sha2 = scheme >> 8 >= 4 && scheme >> 8 <= 6;

    switch (key->kind) {
    case TLS_KEY_RSA:
        return ((key->schemes & INVENTORY_RSA_PSS) && scheme >= 0x0804 && scheme <= 0x0806) ||
               ((key->schemes & INVENTORY_RSA_PKCS1) && !tls13 && sha2 && (scheme & 0xff) == 1);
    case TLS_KEY_EC:
        return tls13 ? scheme == key->tls13_scheme : sha2 && (scheme & 0xff) == 3;
    case TLS_KEY_ED25519:
        return scheme == key->tls13_scheme;
    case TLS_KEY_KINDS:
        break;
    }
    return false;
}

/* Can the partner verify what this key signs? */
static bool key_fits(SSL *ssl, const struct tls_key *key)
{
    bool tls13 = SSL_version(ssl) == TLS1_3_VERSION;
    unsigned char low, high;

    for (int i = 0; SSL_get_sigalgs(ssl, i, NULL, NULL, NULL, &low, &high) > i; i++)
        if (key_signs(key, tls13, (unsigned)high << 8 | low))
            return true;
    return false;
}

static int choose_key(SSL *ssl, void *unused)
{
    struct tls *tls = SSL_get_app_data(ssl);

    (void)unused;
    for (size_t i = 0; i < tls->client->key_count; i++) {
        const struct tls_key *key = &tls->client->keys[i];

        if (!key_fits(ssl, key))
            continue;
        if (SSL_use_cert_and_key(ssl, key->leaf, key->key, key->chain, 1) > 0) {
            tls->signer = key->signer;
            return 1;
        }
        err_set(&tls->err, "OpenSSL does not take the certificate and its key");
        tls->cause_known = true;
        return 0;
    }
    return 1;
}

/* ---- a conversation ---- */

/* RSA without PSS is for TLS 1.2 (T6), and where it is the only key, so is the conversation. */
static bool limit_schemes(const struct tls_client_ctx *ctx, SSL *ssl)
{
    char all[] = EC_SCHEMES PSS_SCHEMES PKCS1_SCHEMES;
    char without_pss[] = EC_SCHEMES PKCS1_SCHEMES, without_pkcs1[] = EC_SCHEMES PSS_SCHEMES;
    const struct tls_key *rsa = NULL;

    for (size_t i = 0; i < ctx->key_count; i++)
        if (ctx->keys[i].kind == TLS_KEY_RSA)
            rsa = &ctx->keys[i];
    if (rsa && !(rsa->schemes & INVENTORY_RSA_PSS))
        return SSL_set1_client_sigalgs_list(ssl, without_pss) &&
               (ctx->key_count > 1 || SSL_set_max_proto_version(ssl, TLS1_2_VERSION));
    if (rsa && !(rsa->schemes & INVENTORY_RSA_PKCS1))
        return SSL_set1_client_sigalgs_list(ssl, without_pkcs1);
    return SSL_set1_client_sigalgs_list(ssl, all);
}

/* Whom we expect: an address is compared as one and never asked for by SNI (RFC 6066 3). A dot at the end of
 * a name is for resolvers only. */
static bool expect_name(struct tls *tls, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    size_t len = strlen(name);

    if (len && name[len - 1] == '.')
        len--;
    tls->server_name = strndup(name, len);
    if (!tls->server_name || !len)
        return false;
    if (X509_VERIFY_PARAM_set1_ip_asc(param, tls->server_name))
        return true;
    ERR_clear_error();
    return X509_VERIFY_PARAM_set1_host(param, tls->server_name, len) &&
           SSL_set_tlsext_host_name(tls->ssl, tls->server_name);
}

struct tls *tls_client_new(struct tls_client_ctx *ctx, const char *name, struct err *err)
{
    struct tls *tls = tls_open(ctx->ssl_ctx, err);

    if (!tls)
        return NULL;
    SSL_set_connect_state(tls->ssl);
    tls->client = tls_client_ctx_ref(ctx);
    tls->pause.admit = tls_admission_late;
    if (limit_schemes(ctx, tls->ssl) && expect_name(tls, name)) {
        ERR_clear_error();
        return tls;
    }
    ERR_clear_error();
    tls_free(tls);
    err_set(err, "\"%s\" is not a name that a partner can have", name);
    return NULL;
}
