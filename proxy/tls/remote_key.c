/* The provider itself and its keys: public halves with a name and a signer. */
#include "remote_key.h"

#include "remote_provider.h"

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define PARAM_OWN "p11gate-key"

static OSSL_LIB_CTX *library;

OSSL_LIB_CTX *remote_key_library(void)
{
    return library;
}

static void *key_new(void *provider)
{
    (void)provider;
    return calloc(1, sizeof(struct remote_key));
}

static void key_free(void *data)
{
    struct remote_key *key = data;

    if (!key)
        return;
    EVP_PKEY_free(key->public);
    free(key);
}

static int key_has(const void *data, int selection)
{
    const struct remote_key *key = data;

    if (!key || !key->public)
        return 0;
    return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || key->signer;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct remote_key *one = a, *other = b;

    (void)selection; /* the public half says it all: the name is its hash */
    if (!one->public || !other->public)
        return 0;
    return EVP_PKEY_eq(one->public, other->public) == 1;
}

/* What remote_key_new hands over inside one process: a struct remote_key. */
static bool key_take_own(struct remote_key *key, const OSSL_PARAM *own)
{
    struct remote_key given;

    if (own->data_size != sizeof given)
        return false;
    memcpy(&given, own->data, sizeof given);
    if (!EVP_PKEY_up_ref(given.public))
        return false;
    *key = given;
    return true;
}

/* A plain public key, which OpenSSL brings when it compares a key with a certificate. */
static bool key_take_plain(struct remote_key *key, const char *type, const OSSL_PARAM params[])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(library, type, "provider=default");
    OSSL_PARAM *borrowed = (OSSL_PARAM *)(uintptr_t)params; /* fromdata only reads, but is not const */
    bool done;

    done = ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
           EVP_PKEY_fromdata(ctx, &key->public, EVP_PKEY_PUBLIC_KEY, borrowed) > 0;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool key_import(struct remote_key *key, const char *type, const OSSL_PARAM params[])
{
    const OSSL_PARAM *own = OSSL_PARAM_locate_const(params, PARAM_OWN);

    if (key->public || OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) ||
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D))
        return false;
    return own ? key_take_own(key, own) : key_take_plain(key, type, params);
}

static int rsa_import(void *key, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    return key_import(key, "RSA", params);
}

static int ec_import(void *key, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    return key_import(key, "EC", params);
}

static int ed25519_import(void *key, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    return key_import(key, "ED25519", params);
}

/* Must fail when the private half is asked for, or OpenSSL would sign with the default provider. */
static int key_export(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const struct remote_key *key = data;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || !key->public)
        return 0;
    return EVP_PKEY_export(key->public, selection, callback, arg);
}

static int key_get_params(void *data, OSSL_PARAM params[])
{
    const struct remote_key *key = data;

    return key->public && EVP_PKEY_get_params(key->public, params);
}

static const OSSL_PARAM *rsa_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
                                       OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0), OSSL_PARAM_END};

    return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static const OSSL_PARAM *ec_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                       OSSL_PARAM_END};

    return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static const OSSL_PARAM *ed25519_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                       OSSL_PARAM_END};

    return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? types : NULL;
}

static const OSSL_PARAM *key_gettable(void *provider)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
                                        OSSL_PARAM_END};

    (void)provider;
    return params;
}

static const char *rsa_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *ed25519_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

#define FUNCTION(f) ((void (*)(void))(f))

/* The three kinds differ in what OpenSSL calls their numbers, and in their operation. */
#define KEY_FUNCTIONS(kind)                                                                                  \
    {OSSL_FUNC_KEYMGMT_NEW, FUNCTION(key_new)}, {OSSL_FUNC_KEYMGMT_FREE, FUNCTION(key_free)},                \
        {OSSL_FUNC_KEYMGMT_HAS, FUNCTION(key_has)}, {OSSL_FUNC_KEYMGMT_MATCH, FUNCTION(key_match)},          \
        {OSSL_FUNC_KEYMGMT_IMPORT, FUNCTION(kind##_import)},                                                 \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FUNCTION(kind##_types)},                                            \
        {OSSL_FUNC_KEYMGMT_EXPORT, FUNCTION(key_export)},                                                    \
        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, FUNCTION(kind##_types)},                                            \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, FUNCTION(key_get_params)},                                            \
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FUNCTION(key_gettable)},                                         \
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FUNCTION(kind##_operation)}, {0, NULL},

static const OSSL_DISPATCH rsa_keys[] = {KEY_FUNCTIONS(rsa)};
static const OSSL_DISPATCH ec_keys[] = {KEY_FUNCTIONS(ec)};
static const OSSL_DISPATCH ed25519_keys[] = {KEY_FUNCTIONS(ed25519)};

static const OSSL_ALGORITHM *provider_query(void *provider, int operation, int *no_cache)
{
    static const char properties[] = "provider=" REMOTE_PROVIDER;
    static const OSSL_ALGORITHM keys[] = {
        {"RSA:rsaEncryption", properties, rsa_keys, NULL},
        {"EC:id-ecPublicKey", properties, ec_keys, NULL},
        {"ED25519", properties, ed25519_keys, NULL},
        {NULL, NULL, NULL, NULL},
    };
    static const OSSL_ALGORITHM signatures[] = {
        {"RSA:rsaEncryption", properties, remote_sign_rsa, NULL},
        {"ECDSA", properties, remote_sign_ecdsa, NULL},
        {"ED25519", properties, remote_sign_ed25519, NULL},
        {NULL, NULL, NULL, NULL},
    };

    (void)provider;
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keys;
    return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, FUNCTION(provider_query)},
        {0, NULL},
    };

    (void)handle;
    (void)in;
    *out = functions;
    *context = &library; /* unused, but must not be NULL */
    return 1;
}

bool remote_key_setup(struct err *err)
{
    OSSL_LIB_CTX *made;

    if (library)
        return true;
    /* What the machine's openssl.cnf says about ciphers, providers or engines is not for us. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    made = OSSL_LIB_CTX_new();
    if (!made || !OSSL_PROVIDER_add_builtin(made, REMOTE_PROVIDER, provider_init) ||
        !OSSL_PROVIDER_load(made, "default") || !OSSL_PROVIDER_load(made, REMOTE_PROVIDER)) {
        err_set(err, "OpenSSL has no library context or provider for us");
        goto free_library;
    }
    /* No limit here: how many handshakes may be paused is decided by admission. */
    if (!ASYNC_is_capable() || !ASYNC_init_thread(0, 0)) {
        err_set(err, "this OpenSSL cannot pause a handshake (ASYNC)");
        goto free_library;
    }
    library = made;
    return true;
free_library:
    OSSL_LIB_CTX_free(made);
    ERR_clear_error();
    return false;
}

EVP_PKEY *remote_key_new(EVP_PKEY *public, const uint8_t name[SIGN_KEY_NAME_LEN],
                         struct remote_signer *signer, struct err *err)
{
    const char *type = EVP_PKEY_get0_type_name(public); /* "RSA", "EC", "ED25519" */
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(library, type, "provider=" REMOTE_PROVIDER);
    struct remote_key own = {.public = public, .signer = signer};
    OSSL_PARAM params[] = {OSSL_PARAM_octet_string(PARAM_OWN, &own, sizeof own), OSSL_PARAM_END};
    EVP_PKEY *key = NULL;

    memcpy(own.name, name, sizeof own.name);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        err_set(err, "OpenSSL does not take the public key");
    EVP_PKEY_CTX_free(ctx);
    return key;
}
