#include "tls_kit.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

EVP_PKEY *kit_key(enum kit_kind kind)
{
    static EVP_PKEY *keys[KIT_KINDS];
    static const char *const curves[KIT_KINDS] = {NULL, "P-256", "P-384", NULL};

    if (keys[kind])
        return keys[kind];
    if (curves[kind])
        keys[kind] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[kind]);
    else
        keys[kind] = kind == KIT_RSA ? EVP_RSA_gen(2048) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(keys[kind]);
    return keys[kind];
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_true(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static void add_comment(X509 *certificate, size_t len)
{
    char *text = malloc(len + 1);

    memset(text, 'x', len);
    text[len] = 0;
    add_extension(certificate, certificate, NID_netscape_comment, text);
    free(text);
}

/* Edwards curves hash by themselves. */
static const EVP_MD *signing_hash(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256();
}

struct kit_identity kit_identity(EVP_PKEY *key, const struct kit_wish *wish)
{
    static long serial = 0x4711;
    struct kit_identity made = {.key = key, .certificate = X509_new()};
    X509 *issuer = wish->issuer ? wish->issuer->certificate : made.certificate;
    X509_NAME *name = X509_get_subject_name(made.certificate);
    int len;

    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), wish->from_s ? wish->from_s : -86400L * 10);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish->valid_s ? wish->valid_s : 86400L * 100);
    assert_true(X509_set_pubkey(made.certificate, key));
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"p11gate tests", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)wish->name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer));
    add_extension(made.certificate, issuer, NID_basic_constraints,
                  wish->authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (wish->authority)
        add_extension(made.certificate, made.certificate, NID_subject_key_identifier, "hash");
    if (wish->server_only)
        add_extension(made.certificate, issuer, NID_ext_key_usage, "serverAuth");
    if (wish->usage)
        add_extension(made.certificate, issuer, NID_ext_key_usage, wish->usage);
    if (wish->names)
        add_extension(made.certificate, issuer, NID_subject_alt_name, wish->names);
    if (wish->key_usage)
        add_extension(made.certificate, issuer, NID_key_usage, wish->key_usage);
    if (wish->comment_len)
        add_comment(made.certificate, wish->comment_len);
    assert_true(X509_sign(made.certificate, wish->issuer ? wish->issuer->key : key,
                          signing_hash(wish->issuer ? wish->issuer->key : key)));
    len = i2d_X509(made.certificate, &made.der);
    assert_true(len > 0);
    made.der_len = (size_t)len;
    return made;
}

void kit_identity_free(struct kit_identity *identity)
{
    X509_free(identity->certificate);
    OPENSSL_free(identity->der);
}

void kit_show(SSL_CTX *ctx, const struct kit_identity *identity)
{
    assert_true(SSL_CTX_use_certificate(ctx, identity->certificate));
    assert_true(SSL_CTX_use_PrivateKey(ctx, identity->key));
}

char *kit_pem(const struct kit_identity *const *identities, size_t count)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *data, *text;
    long len;

    for (size_t i = 0; i < count; i++)
        assert_true(PEM_write_bio_X509(memory, identities[i]->certificate));
    len = BIO_get_mem_data(memory, &data);
    text = OPENSSL_strndup(data, (size_t)len);
    BIO_free(memory);
    return text;
}

void kit_name(EVP_PKEY *key, uint8_t name[SIGN_KEY_NAME_LEN])
{
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(key, &spki);

    assert_true(len > 0);
    SHA256(spki, (size_t)len, name);
    OPENSSL_free(spki);
}

const struct kit_identity *kit_server_identity(enum kit_kind kind)
{
    static struct kit_identity made[KIT_KINDS];
    struct kit_wish wish = {.name = "ftp.example.com"};

    if (!made[kind].certificate)
        made[kind] = kit_identity(kit_key(kind), &wish);
    return &made[kind];
}

struct inventory_key kit_inventory(enum kit_kind kind)
{
    static const uint32_t schemes[KIT_KINDS] = {INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS, INVENTORY_ECDSA,
                                                INVENTORY_ECDSA, INVENTORY_ED25519};
    const struct kit_identity *identity = kit_server_identity(kind);
    struct inventory_key key = {
        .schemes = schemes[kind],
        .chain_len = 1,
        .chain = {{identity->der, identity->der_len}},
    };

    kit_name(identity->key, key.name);
    return key;
}
