/* The keys of a context, a set for each server name: certificates of the inventory with remote private keys.
 */
#include "tls_cause.h"
#include "tls_private.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define EC_SCHEMES    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519"
#define PSS_SCHEMES   ":RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512"
#define PKCS1_SCHEMES ":RSA+SHA256:RSA+SHA384:RSA+SHA512"

/* SignatureScheme, RFC 8446 4.2.3: what a key that is not RSA has in TLS 1.3. */
enum { SCHEME_P256_SHA256 = 0x0403, SCHEME_P384_SHA384 = 0x0503, SCHEME_ED25519 = 0x0807 };

void tls_key_free(struct tls_key *key)
{
    X509_free(key->leaf);
    sk_X509_pop_free(key->chain, X509_free);
    EVP_PKEY_free(key->key);
    tls_ocsp_free(key->ocsp);
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

/* The curves that have a scheme in TLS 1.3, by OpenSSL's names; 0: another one. */
static uint16_t curve_scheme(EVP_PKEY *public)
{
    char curve[32];
    size_t len;

    if (!EVP_PKEY_get_group_name(public, curve, sizeof curve, &len))
        return 0;
    if (!strcmp(curve, "prime256v1"))
        return SCHEME_P256_SHA256;
    return strcmp(curve, "secp384r1") ? 0 : SCHEME_P384_SHA384;
}

static bool kind_fits(struct tls_key *out, EVP_PKEY *public, struct err *err)
{
    static const uint32_t schemes[TLS_KEY_KINDS] = {INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS, INVENTORY_ECDSA,
                                                    INVENTORY_ED25519};

    if (EVP_PKEY_is_a(public, "EC")) {
        out->kind = TLS_KEY_EC;
        out->tls13_scheme = curve_scheme(public);
    } else if (EVP_PKEY_is_a(public, "ED25519")) {
        out->kind = TLS_KEY_ED25519;
        out->tls13_scheme = SCHEME_ED25519;
    }
    if ((out->schemes & schemes[out->kind]) && (out->tls13_scheme || EVP_PKEY_is_a(public, "RSA")))
        return true;
    err_set(err, "the key is not RSA, EC (P-256, P-384) or Ed25519, or the token cannot sign with it");
    return false;
}

/* What OpenSSL would only say in the first handshake: a weak key, a signature that is too old. */
static bool openssl_takes(SSL_CTX *ssl_ctx, const struct tls_key *key, struct err *err)
{
    SSL *ssl = SSL_new(ssl_ctx);
    bool taken;

    ERR_clear_error();
    taken = ssl && SSL_use_cert_and_key(ssl, key->leaf, key->key, key->chain, 1) > 0;
    if (!taken)
        (void)tls_cause(ssl, err);
    SSL_free(ssl);
    return taken;
}

static bool version_fits(SSL_CTX *ssl_ctx, const struct tls_key *key, struct err *err)
{
    if (key->kind != TLS_KEY_RSA || (key->schemes & INVENTORY_RSA_PSS) ||
        SSL_CTX_get_min_proto_version(ssl_ctx) != TLS1_3_VERSION)
        return true;
    err_set(err, "the listener's only version, TLS 1.3, needs RSA-PSS, which the token cannot sign");
    return false;
}

static bool ocsp_take(struct tls_key *out, const struct tls_key_use *use, struct err *err)
{
    X509 *issuer = sk_X509_num(out->chain) > 0 ? sk_X509_value(out->chain, 0) : NULL;

    if (!use->ocsp_len)
        return true;
    out->ocsp = tls_ocsp_new(use->ocsp, use->ocsp_len, out->leaf, issuer, err);
    return out->ocsp;
}

bool tls_key_make(SSL_CTX *ssl_ctx, struct tls_key *out, const struct inventory_key *key, struct err *err)
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
    if (!kind_fits(out, public, err) || !version_fits(ssl_ctx, out, err))
        return false;
    out->key = remote_key_new(public, key->name, out->signer, err);
    return out->key && openssl_takes(ssl_ctx, out, err);
}

static bool place_free(const struct tls_ctx *ctx, const struct tls_key_set *set, const struct tls_key *key,
                       struct err *err)
{
    static const char *const names[TLS_KEY_KINDS] = {"RSA", "EC", "Ed25519"};

    for (size_t i = 0; i < set->key_count; i++) {
        if (set->keys[i].kind != key->kind)
            continue;
        err_set(err, "a second %s key: one RSA, one EC and one Ed25519 key are possible", names[key->kind]);
        return false;
    }
    for (size_t i = 0; i < ctx->set_count; i++) {
        if (!ctx->sets[i].key_count || ctx->sets[i].keys[0].signer == key->signer)
            continue;
        err_set(err, "the keys of a listener must come from one keystore");
        return false;
    }
    return true;
}

/* The set of exactly this name. */
static struct tls_key_set *set_of(const struct tls_ctx *ctx, const char *server_name, struct err *err)
{
    char name[SERVER_NAME_LEN];

    if (server_name_fold(server_name, name))
        for (size_t i = 0; i < ctx->set_count; i++)
            if (!strcmp(ctx->sets[i].name, name))
                return &ctx->sets[i];
    err_set(err, "\"%s\" is not a server name of the listener", server_name);
    return NULL;
}

/* Says which responses have gone stale and were not told of yet. */
void tls_keys_tell_stale(struct tls_ctx *ctx)
{
    struct err what;

    for (size_t i = 0; ctx->notice && i < ctx->set_count; i++)
        for (size_t j = 0; j < ctx->sets[i].key_count; j++)
            if (ctx->sets[i].keys[j].ocsp && tls_ocsp_tell(ctx->sets[i].keys[j].ocsp, &what))
                ctx->notice(ctx->notice_owner, &what);
}

bool tls_ctx_add_key(struct tls_ctx *ctx, const struct inventory_key *key, const struct tls_key_use *use,
                     struct remote_signer *signer, struct err *err)
{
    static const struct tls_key_use plain = {.server_name = ""};
    struct tls_key made = {.signer = signer, .schemes = key->schemes};
    struct tls_key_set *set;

    if (!use)
        use = &plain;
    set = set_of(ctx, use->server_name, err);
    if (!set)
        return false;
    ERR_clear_error();
    if (!tls_key_make(ctx->ssl_ctx, &made, key, err) || !ocsp_take(&made, use, err) ||
        !place_free(ctx, set, &made, err)) {
        tls_key_free(&made);
        ERR_clear_error();
        return false;
    }
    set->keys[set->key_count++] = made;
    tls_keys_tell_stale(ctx);
    return true;
}

int64_t tls_ctx_expiry(const struct tls_ctx *ctx, const char *server_name)
{
    struct err ignored;
    const struct tls_key_set *set = set_of(ctx, server_name, &ignored);
    struct tm end;

    if (!set || !set->key_count ||
        ASN1_TIME_to_tm(X509_get0_notAfter(set->keys[set->key_count - 1].leaf), &end) != 1)
        return 0;
    return (int64_t)timegm(&end);
}

void tls_ctx_clear_keys(struct tls_ctx *ctx)
{
    for (size_t i = 0; i < ctx->set_count; i++)
        while (ctx->sets[i].key_count)
            tls_key_free(&ctx->sets[i].keys[--ctx->sets[i].key_count]);
}

bool tls_ctx_has_key(const struct tls_ctx *ctx)
{
    return ctx->sets[0].key_count > 0;
}

/* ---- by name ---- */

bool tls_keys_make_sets(struct tls_ctx *ctx, const struct tls_policy *policy, struct err *err)
{
    ctx->sets = calloc(1 + policy->server_name_count, sizeof *ctx->sets);
    if (!ctx->sets) {
        err_set(err, "out of memory");
        return false;
    }
    ctx->set_count = 1;
    for (size_t i = 0; i < policy->server_name_count; i++) {
        struct tls_key_set *set = &ctx->sets[ctx->set_count];

        if (!server_name_fold(policy->server_names[i], set->name) || !set->name[0]) {
            err_set(err, "server name \"%s\": empty or too long", policy->server_names[i]);
            return false;
        }
        if (tls_keys_named(ctx, set->name) && !strcmp(tls_keys_named(ctx, set->name)->name, set->name)) {
            err_set(err, "server name \"%s\": a second time", policy->server_names[i]);
            return false;
        }
        ctx->set_count++;
    }
    return true;
}

struct tls_key_set *tls_keys_named(const struct tls_ctx *ctx, const char *name)
{
    struct tls_key_set *found = NULL;

    for (size_t i = 1; i < ctx->set_count; i++) {
        if (!server_name_fits(ctx->sets[i].name, name))
            continue;
        found = &ctx->sets[i];
        if (!server_name_is_wildcard(found->name))
            break;
    }
    return found;
}

struct tls_key_set *tls_keys_for(const struct tls_ctx *ctx, const char *name)
{
    struct tls_key_set *named = name ? tls_keys_named(ctx, name) : NULL;

    return named ? named : &ctx->sets[0];
}

/* ---- in a conversation ---- */

bool tls_keys_setup(SSL_CTX *ctx)
{
    char schemes[] = EC_SCHEMES PSS_SCHEMES PKCS1_SCHEMES;

    return SSL_CTX_set1_sigalgs_list(ctx, schemes);
}

static const struct tls_key *rsa_key(const struct tls_key_set *set)
{
    for (size_t i = 0; i < set->key_count; i++)
        if (set->keys[i].kind == TLS_KEY_RSA)
            return &set->keys[i];
    return NULL;
}

/* Is there a key besides the RSA key that signs for this client in TLS 1.3? */
static bool other_key_signs(const struct tls_key_set *set, SSL *ssl)
{
    const unsigned char *offered;
    size_t len;

    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_signature_algorithms, &offered, &len))
        return false;
    for (size_t i = 0; i < set->key_count; i++)
        for (size_t at = 2; at + 1 < len; at += 2) /* behind the list's length */
            if (set->keys[i].tls13_scheme &&
                set->keys[i].tls13_scheme == (offered[at] << 8 | offered[at + 1]))
                return true;
    return false;
}

/* RSA without PSS is for TLS 1.2 (T6): TLS 1.3 is left to the clients that take another key. */
bool tls_keys_limit(const struct tls *tls)
{
    const struct tls_key_set *set = tls_keys_for(tls->ctx, tls->server_name);
    const struct tls_key *rsa = rsa_key(set);
    char without_pss[] = EC_SCHEMES PKCS1_SCHEMES, without_pkcs1[] = EC_SCHEMES PSS_SCHEMES;

    if (rsa && !(rsa->schemes & INVENTORY_RSA_PSS))
        return SSL_set1_sigalgs_list(tls->ssl, without_pss) &&
               (other_key_signs(set, tls->ssl) || SSL_set_max_proto_version(tls->ssl, TLS1_2_VERSION));
    if (rsa && !(rsa->schemes & INVENTORY_RSA_PKCS1))
        return SSL_set1_sigalgs_list(tls->ssl, without_pkcs1);
    return true;
}

bool tls_keys_use(const struct tls_key_set *set, SSL *ssl)
{
    for (size_t i = 0; i < set->key_count; i++) {
        const struct tls_key *key = &set->keys[i];

        if (SSL_use_cert_and_key(ssl, key->leaf, key->key, key->chain, 1) <= 0)
            return false;
    }
    return true;
}
