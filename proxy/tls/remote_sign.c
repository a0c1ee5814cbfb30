/* The sign operation: hands the bytes to the key's signer and pauses the fibre until the answer comes. */
#include "clock.h"
#include "remote_provider.h"
#include "text.h"

#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

void tls_wake(struct tls *tls); /* tls.h would bring tls_ctx.h with it */

/* The hash as TLS numbers it, RFC 5246 7.4.1.4.1; the names are OpenSSL's. */
static const struct {
    const char *names[3];
    uint32_t number;
} hashes[] = {
    {{"SHA256", "SHA2-256", "SHA-256"}, 4},
    {{"SHA384", "SHA2-384", "SHA-384"}, 5},
    {{"SHA512", "SHA2-512", "SHA-512"}, 6},
};

enum sign_kind { SIGN_RSA, SIGN_ECDSA, SIGN_ED25519 };

enum { SCHEME_ED25519 = 0x0807 };

struct sign_operation {
    enum sign_kind kind;
    bool pss;
    uint32_t hash;
    const struct remote_key *key; /* borrowed: OpenSSL keeps the EVP_PKEY while the operation lives */
};

static struct remote_pause *current; /* the worker has one thread */

void remote_pause_set(struct remote_pause *pause)
{
    current = pause;
}

void remote_signature_done(struct remote_signature *signature)
{
    signature->done = true;
    if (signature->tls)
        tls_wake(signature->tls);
}

static void *operation_new(enum sign_kind kind)
{
    struct sign_operation *operation = calloc(1, sizeof *operation);

    if (operation)
        operation->kind = kind;
    return operation;
}

static void *rsa_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return operation_new(SIGN_RSA);
}

static void *ecdsa_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return operation_new(SIGN_ECDSA);
}

static void *ed25519_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return operation_new(SIGN_ED25519);
}

/* Padding as a number or a word: OpenSSL sends either, by the call that was used. */
static bool take_padding(struct sign_operation *operation, const OSSL_PARAM *param)
{
    int number = 0;

    if (param->data_type == OSSL_PARAM_UTF8_STRING)
        number =
            text_same_n(param->data, param->data_size, OSSL_PKEY_RSA_PAD_MODE_PSS) ? RSA_PKCS1_PSS_PADDING
            : text_same_n(param->data, param->data_size, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) ? RSA_PKCS1_PADDING
                                                                                         : 0;
    else if (!OSSL_PARAM_get_int(param, &number))
        return false;
    operation->pss = number == RSA_PKCS1_PSS_PADDING;
    return number == RSA_PKCS1_PSS_PADDING || number == RSA_PKCS1_PADDING;
}

/* TLS knows one salt only: as long as the hash. */
static bool salt_is_the_hash(const OSSL_PARAM *param)
{
    int number;

    if (param->data_type == OSSL_PARAM_UTF8_STRING)
        return text_same_n(param->data, param->data_size, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST);
    return OSSL_PARAM_get_int(param, &number) && number == RSA_PSS_SALTLEN_DIGEST;
}

static int set_params(void *data, const OSSL_PARAM params[])
{
    struct sign_operation *operation = data;
    const OSSL_PARAM *param;

    if (!params)
        return 1;
    param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (param && (operation->kind != SIGN_RSA || !take_padding(operation, param)))
        return 0;
    param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    return !param || (operation->kind == SIGN_RSA && salt_is_the_hash(param));
}

static const OSSL_PARAM *settable(void *operation, void *provider)
{
    static const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                                        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                                        OSSL_PARAM_END};

    (void)operation;
    (void)provider;
    return params;
}

static uint32_t hash_number(const char *name)
{
    for (size_t i = 0; name && i < sizeof hashes / sizeof hashes[0]; i++)
        for (size_t j = 0; j < sizeof hashes[i].names / sizeof hashes[i].names[0]; j++)
            if (text_same(name, hashes[i].names[j]))
                return hashes[i].number;
    return 0;
}

/* Ed25519 hashes by itself: none may be named. */
static bool take_hash(struct sign_operation *operation, const char *name)
{
    if (operation->kind == SIGN_ED25519)
        return !name;
    operation->hash = hash_number(name);
    return operation->hash;
}

/* Also called only to ask whether a hash is possible: a hash that no signer knows is refused here. */
static int sign_init(void *data, const char *hash, void *key, const OSSL_PARAM params[])
{
    struct sign_operation *operation = data;

    if (!take_hash(operation, hash))
        return 0;
    if (key)
        operation->key = key;
    return operation->key && set_params(operation, params);
}

/* SignatureScheme, RFC 8446 4.2.3; under TLS 1.2 the same number is hash and algorithm. */
static uint32_t scheme_number(const struct sign_operation *operation)
{
    if (operation->kind == SIGN_ED25519)
        return SCHEME_ED25519;
    if (operation->pss)
        return 0x0800 + operation->hash;
    return operation->hash << 8 | (operation->kind == SIGN_RSA ? 1 : 3);
}

/* Until the answer is there or nobody waits for it. A stray resume only goes round once more. */
static bool pause_until_done(struct remote_pause *pause, struct remote_signature *signature)
{
    while (!signature->done && !pause->ending)
        if (!ASYNC_pause_job())
            break;
    return signature->done;
}

/* Pauses until it is this handshake's turn; false: there is none for it, or it ends. */
static bool pause_until_admitted(struct remote_pause *pause, struct err *err)
{
    while (pause->admit && !pause->ending) {
        switch (pause->admit(pause->tls, err)) {
        case REMOTE_GO:
            return true;
        case REMOTE_REFUSE:
            return false;
        case REMOTE_WAIT:
            break;
        }
        if (!ASYNC_pause_job())
            return false;
    }
    return !pause->ending;
}

static bool sign_remotely(struct remote_pause *pause, struct remote_signer *signer,
                          struct remote_signature *signature)
{
    if (!pause_until_admitted(pause, &signature->err))
        return false;
    signature->form = pause->form;
    pause->submitted = true;
    signer->ops->submit(signer, signature);
    if (!pause_until_done(pause, signature)) {
        signer->ops->cancel(signer, signature);
        err_set(&signature->err, "the handshake ended before its signature came");
        return false;
    }
    pause->answered_ms = clock_monotonic_ms();
    return !signature->failed;
}

static void request_fill(struct remote_signature *signature, const struct sign_operation *operation,
                         const struct remote_pause *pause)
{
    signature->tls = pause->tls;
    memcpy(signature->key, operation->key->name, sizeof signature->key);
    signature->scheme = scheme_number(operation);
}

static bool answer_take(const struct remote_signature *signature, uint8_t *out, size_t *out_len, size_t size)
{
    if (!signature->signature_len || signature->signature_len > size ||
        signature->signature_len > sizeof signature->signature)
        return false;
    memcpy(out, signature->signature, signature->signature_len);
    *out_len = signature->signature_len;
    return true;
}

/* A TLS 1.2 client signs its whole handshake, certificates and CA names of the other side with it. */
static int too_long(struct remote_pause *pause, size_t len)
{
    err_set(pause->err, "the handshake has %zu bytes to be signed, more than %d", len, SIGN_BYTES_MAX);
    pause->failed = true;
    return 0;
}

static int sign(void *data, unsigned char *out, size_t *out_len, size_t size, const unsigned char *bytes,
                size_t len)
{
    const struct sign_operation *operation = data;
    struct remote_pause *pause = current;
    struct remote_signature signature = {.bytes = bytes, .bytes_len = len};
    int max = operation->key ? EVP_PKEY_get_size(operation->key->public) : 0;

    if (max <= 0 || !operation->key->signer)
        return 0;
    if (!out) {
        *out_len = (size_t)max;
        return 1;
    }
    if (!pause || !ASYNC_get_current_job())
        return 0;
    if (len > SIGN_BYTES_MAX)
        return too_long(pause, len);
    request_fill(&signature, operation, pause);
    if (sign_remotely(pause, operation->key->signer, &signature) &&
        answer_take(&signature, out, out_len, size))
        return 1;
    if (!signature.err.text[0])
        err_set(&signature.err, "the signer's answer is not a signature of this key");
    *pause->err = signature.err;
    pause->failed = true;
    return 0;
}

#define FUNCTION(f) ((void (*)(void))(f))

const OSSL_DISPATCH remote_sign_rsa[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FUNCTION(rsa_new)},
    {OSSL_FUNC_SIGNATURE_FREECTX, FUNCTION(free)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FUNCTION(sign_init)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FUNCTION(sign)},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FUNCTION(set_params)},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FUNCTION(settable)},
    {0, NULL},
};

const OSSL_DISPATCH remote_sign_ecdsa[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FUNCTION(ecdsa_new)},
    {OSSL_FUNC_SIGNATURE_FREECTX, FUNCTION(free)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FUNCTION(sign_init)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FUNCTION(sign)},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FUNCTION(set_params)},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FUNCTION(settable)},
    {0, NULL},
};

const OSSL_DISPATCH remote_sign_ed25519[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FUNCTION(ed25519_new)},
    {OSSL_FUNC_SIGNATURE_FREECTX, FUNCTION(free)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FUNCTION(sign_init)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FUNCTION(sign)},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FUNCTION(set_params)},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FUNCTION(settable)},
    {0, NULL},
};
