/* The keys of a context: certificates of the inventory with remote private keys. */
#include "tls_cause.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#define ECDSA_SCHEMES "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"
#define PSS_SCHEMES   ":RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512"
#define PKCS1_SCHEMES ":RSA+SHA256:RSA+SHA384:RSA+SHA512"

static void key_free(struct tls_key *key)
{
    X509_free(key->leaf);
    sk_X509_pop_free(key->chain, X509_free);
    EVP_PKEY_free(key->key);
    *key = (struct tls_key){0};
}

static X509 *certificate_read(const uint8_t *der, size_t len)
{
    X509 *certificate = X509_new_ex(remote_key_library(), REMOTE_PROPERTIES);
    const uint8_t *end = der;

    if (certificate && len <= INT32_MAX && d2i_X509(&certificate, &end, (long)len) && end == der + len)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool chain_read(struct tls_key *out, const struct inventory_key *key, struct err *err)
{
    out->chain = sk_X509_new_null();
    if (!out->chain || !key->chain_len || key->chain_len > INVENTORY_CHAIN_MAX) {
        err_set(err, "the key has no certificate");
        return false;
    }
    for (size_t i = 0; i < key->chain_len; i++) {
        X509 *certificate = certificate_read(key->chain[i].der, key->chain[i].len);

        if (!certificate || (i && !sk_X509_push(out->chain, certificate))) {
            X509_free(certificate);
            err_set(err, "certificate number %zu of the chain cannot be read", i + 1);
            return false;
        }
        if (!i)
            out->leaf = certificate;
    }
    return true;
}

/* The key's name is the hash of the certificate's SubjectPublicKeyInfo (T5). */
static bool name_fits(X509 *leaf, const uint8_t name[SIGN_KEY_NAME_LEN])
{
    uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
    size_t hash_len = 0;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
    bool fits;

    fits = len > 0 && EVP_Q_digest(remote_key_library(), "SHA256", NULL, der, (size_t)len, hash, &hash_len) &&
           hash_len == SIGN_KEY_NAME_LEN && !memcmp(hash, name, SIGN_KEY_NAME_LEN);
    OPENSSL_free(der);
    return fits;
}

static bool curve_fits(EVP_PKEY *public)
{
    char curve[32];
    size_t len;

    return EVP_PKEY_get_group_name(public, curve, sizeof curve, &len) &&
           (!strcmp(curve, "prime256v1") || !strcmp(curve, "secp384r1"));
}

static bool kind_fits(struct tls_key *out, EVP_PKEY *public, struct err *err)
{
    out->rsa = EVP_PKEY_is_a(public, "RSA");
    if (out->rsa && (out->schemes & (INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS)))
        return true;
    if (EVP_PKEY_is_a(public, "EC") && (out->schemes & INVENTORY_ECDSA) && curve_fits(public))
        return true;
    err_set(err, "the key is not RSA or EC (P-256, P-384), or the token cannot sign with it");
    return false;
}

/* What OpenSSL would only say in the first handshake: a weak key, a signature that is too old. */
static bool openssl_takes(const struct tls_ctx *ctx, const struct tls_key *key, struct err *err)
{
    SSL *ssl = SSL_new(ctx->ssl_ctx);
    bool taken;

    ERR_clear_error();
    taken = ssl && SSL_use_cert_and_key(ssl, key->leaf, key->key, key->chain, 1) > 0;
    if (!taken)
        (void)tls_cause(ssl, err);
    SSL_free(ssl);
    return taken;
}

static bool key_make(const struct tls_ctx *ctx, struct tls_key *out, const struct inventory_key *key,
                     struct err *err)
{
    EVP_PKEY *public;

    if (!chain_read(out, key, err))
        return false;
    if (!name_fits(out->leaf, key->name)) {
        err_set(err, "the certificate does not belong to the key: their public keys differ");
        return false;
    }
    public = X509_get0_pubkey(out->leaf);
    if (!public) {
        err_set(err, "the certificate's public key cannot be read");
        return false;
    }
    if (!kind_fits(out, public, err))
        return false;
    out->key = remote_key_new(public, key->name, out->signer, err);
    return out->key && openssl_takes(ctx, out, err);
}

static bool place_free(const struct tls_ctx *ctx, const struct tls_key *key, struct err *err)
{
    for (size_t i = 0; i < ctx->key_count; i++) {
        if (ctx->keys[i].rsa == key->rsa) {
            err_set(err, "a second %s key: one RSA and one EC key are possible", key->rsa ? "RSA" : "EC");
            return false;
        }
        if (ctx->keys[i].signer != key->signer) {
            err_set(err, "the keys of a listener must come from one keystore");
            return false;
        }
    }
    return true;
}

bool tls_ctx_add_key(struct tls_ctx *ctx, const struct inventory_key *key, struct remote_signer *signer,
                     struct err *err)
{
    struct tls_key made = {.signer = signer, .schemes = key->schemes};

    ERR_clear_error();
    if (!key_make(ctx, &made, key, err) || !place_free(ctx, &made, err)) {
        key_free(&made);
        ERR_clear_error();
        return false;
    }
    ctx->keys[ctx->key_count++] = made;
    return true;
}

void tls_ctx_clear_keys(struct tls_ctx *ctx)
{
    while (ctx->key_count)
        key_free(&ctx->keys[--ctx->key_count]);
}

bool tls_ctx_has_key(const struct tls_ctx *ctx)
{
    return ctx->key_count > 0;
}

static const struct tls_key *rsa_key(const struct tls_ctx *ctx)
{
    for (size_t i = 0; i < ctx->key_count; i++)
        if (ctx->keys[i].rsa)
            return &ctx->keys[i];
    return NULL;
}

bool tls_keys_setup(SSL_CTX *ctx)
{
    char schemes[] = ECDSA_SCHEMES PSS_SCHEMES PKCS1_SCHEMES;

    return SSL_CTX_set1_sigalgs_list(ctx, schemes);
}

SSL *tls_keys_conversation(const struct tls_ctx *ctx)
{
    SSL *ssl = SSL_new(ctx->ssl_ctx);
    const struct tls_key *rsa = rsa_key(ctx);
    char without_pss[] = ECDSA_SCHEMES PKCS1_SCHEMES, without_pkcs1[] = ECDSA_SCHEMES PSS_SCHEMES;
    bool done = ssl != NULL;

    if (ssl && rsa && !(rsa->schemes & INVENTORY_RSA_PSS)) /* T6 */
        done = SSL_set1_sigalgs_list(ssl, without_pss) && SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    else if (ssl && rsa && !(rsa->schemes & INVENTORY_RSA_PKCS1))
        done = SSL_set1_sigalgs_list(ssl, without_pkcs1);
    if (done)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

bool tls_keys_use(const struct tls_ctx *ctx, SSL *ssl)
{
    for (size_t i = 0; i < ctx->key_count; i++) {
        const struct tls_key *key = &ctx->keys[i];

        if (SSL_use_cert_and_key(ssl, key->leaf, key->key, key->chain, 1) <= 0)
            return false;
    }
    return true;
}
