#include "crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { RSA_BITS_MIN = 1024, RSA_BITS_MAX = SIGN_SIGNATURE_MAX * 8 };

static EVP_MD *hashes[3];

static EVP_MD **hash_slot(size_t hash_len)
{
    return &hashes[hash_len == 32 ? 0 : hash_len == 48 ? 1 : 2];
}

bool crypto_setup(struct err *err)
{
    const struct scheme *scheme;

    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1) {
        err_set(err, "OpenSSL does not start");
        return false;
    }
    for (size_t i = 0; (scheme = scheme_at(i)) != NULL; i++) {
        EVP_MD **hash = hash_slot(scheme->hash_len);

        if (!scheme->hash)
            continue;
        if (!*hash)
            *hash = EVP_MD_fetch(NULL, scheme->hash, NULL);
        if (!*hash) {
            crypto_err(err, scheme->hash);
            return false;
        }
    }
    return true;
}

bool crypto_hash(const struct scheme *scheme, const uint8_t *bytes, size_t len, uint8_t out[CRYPTO_HASH_MAX])
{
    unsigned out_len = 0;

    return EVP_Digest(bytes, len, out, &out_len, *hash_slot(scheme->hash_len), NULL) == 1 &&
           out_len == scheme->hash_len;
}

bool crypto_input(const struct scheme *scheme, const uint8_t *message, size_t len, struct crypto_input *out)
{
    out->bytes = scheme->hash ? out->hash : message;
    out->len = scheme->hash ? scheme->hash_len : len;
    return !scheme->hash || crypto_hash(scheme, message, len, out->hash);
}

static bool context_pads(EVP_PKEY_CTX *context, const struct scheme *scheme)
{
    if (EVP_PKEY_CTX_set_signature_md(context, *hash_slot(scheme->hash_len)) != 1)
        return false;
    if (scheme->padding == SCHEME_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    if (scheme->padding == SCHEME_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    return true;
}

/* A context that signs or verifies a hash as the scheme says; NULL on failure. */
static EVP_PKEY_CTX *context_new(EVP_PKEY *key, const struct scheme *scheme, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

    if (context && init(context) == 1 && context_pads(context, scheme))
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

/* Ed25519 has no separate hash, so OpenSSL takes the message in one piece. */
static bool verify_message(EVP_PKEY *key, const struct crypto_input *in, const uint8_t *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, len, in->bytes, in->len) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

static bool verify_hash(EVP_PKEY *key, const struct scheme *scheme, const struct crypto_input *in,
                        const uint8_t *signature, size_t len)
{
    EVP_PKEY_CTX *context = context_new(key, scheme, EVP_PKEY_verify_init);
    bool good = context && EVP_PKEY_verify(context, signature, len, in->bytes, in->len) == 1;

    EVP_PKEY_CTX_free(context);
    return good;
}

bool crypto_verify(EVP_PKEY *key, const struct scheme *scheme, const struct crypto_input *in,
                   const uint8_t *signature, size_t len)
{
    bool good =
        scheme->hash ? verify_hash(key, scheme, in, signature, len) : verify_message(key, in, signature, len);

    ERR_clear_error();
    return good;
}

static bool sign_message(EVP_PKEY *key, const struct crypto_input *in, uint8_t *out, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, out, len, in->bytes, in->len) == 1;

    EVP_MD_CTX_free(context);
    return done;
}

static bool sign_hash(EVP_PKEY *key, const struct scheme *scheme, const struct crypto_input *in, uint8_t *out,
                      size_t *len)
{
    EVP_PKEY_CTX *context = context_new(key, scheme, EVP_PKEY_sign_init);
    bool done = context && EVP_PKEY_sign(context, out, len, in->bytes, in->len) == 1;

    EVP_PKEY_CTX_free(context);
    return done;
}

bool crypto_sign(EVP_PKEY *key, const struct scheme *scheme, const struct crypto_input *in, uint8_t *out,
                 size_t *len)
{
    bool done = scheme->hash ? sign_hash(key, scheme, in, out, len) : sign_message(key, in, out, len);

    ERR_clear_error();
    return done;
}

bool crypto_key_name(EVP_PKEY *key, uint8_t out[SIGN_KEY_NAME_LEN])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool done = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return done;
}

static bool ec_kind(EVP_PKEY *key, enum scheme_key *out, struct err *err)
{
    char group[32] = "unnamed";

    (void)EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
    if (strcmp(group, "prime256v1") == 0)
        *out = SCHEME_KEY_P256;
    else if (strcmp(group, "secp384r1") == 0)
        *out = SCHEME_KEY_P384;
    else if (strcmp(group, "secp521r1") == 0)
        *out = SCHEME_KEY_P521;
    else {
        err_set(err, "its curve is %.32s: p11gate signs with P-256, P-384 and P-521", group);
        return false;
    }
    return true;
}

bool crypto_key_kind(EVP_PKEY *key, enum scheme_key *out, struct err *err)
{
    int bits = EVP_PKEY_get_bits(key);

    if (EVP_PKEY_is_a(key, "EC"))
        return ec_kind(key, out, err);
    if (EVP_PKEY_is_a(key, "ED25519")) {
        *out = SCHEME_KEY_ED25519;
        return true;
    }
    if (!EVP_PKEY_is_a(key, "RSA")) {
        err_set(err, "it is a key of type %.32s: p11gate signs with RSA, EC and Ed25519 keys",
                EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
        return false;
    }
    *out = SCHEME_KEY_RSA;
    if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
        return true;
    err_set(err, "it has %d bits: p11gate signs with RSA keys of %d to %d bits", bits, (int)RSA_BITS_MIN,
            (int)RSA_BITS_MAX);
    return false;
}

size_t crypto_point(EVP_PKEY *key, uint8_t *out, size_t max)
{
    size_t len = max;
    int done = EVP_PKEY_is_a(key, "ED25519") ? EVP_PKEY_get_raw_public_key(key, out, &len)
               : EVP_PKEY_is_a(key, "EC")
                   ? EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out, max, &len)
                   : 0;

    ERR_clear_error();
    return done == 1 ? len : 0;
}

/* The names that certificates and configurations use. */
static const char *curve_name(const char *group)
{
    return strcmp(group, "prime256v1") == 0  ? "P-256"
           : strcmp(group, "secp384r1") == 0 ? "P-384"
           : strcmp(group, "secp521r1") == 0 ? "P-521"
                                             : group;
}

const char *crypto_curve_text(const uint8_t *params, size_t len)
{
    const unsigned char *at = params;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)len);
    const char *name = object ? OBJ_nid2sn(OBJ_obj2nid(object)) : NULL;

    ASN1_OBJECT_free(object);
    ERR_clear_error();
    return name ? curve_name(name) : "EC";
}

void crypto_kind_text(EVP_PKEY *key, char *out, size_t size)
{
    char group[32] = "EC, unnamed curve";

    if (EVP_PKEY_is_a(key, "RSA"))
        (void)snprintf(out, size, "RSA %d", EVP_PKEY_get_bits(key));
    else if (EVP_PKEY_is_a(key, "ED25519"))
        (void)snprintf(out, size, "Ed25519");
    else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) >= 0)
        (void)snprintf(out, size, "%s", curve_name(group));
    else
        (void)snprintf(out, size, "a key of another type");
    ERR_clear_error();
}

void crypto_err(struct err *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    err_set(err, "%.256s: %.128s", what, reason ? reason : "no cause is known");
    ERR_clear_error();
}
