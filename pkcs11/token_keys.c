#include "token_keys.h"

#include "buf.h"
#include "key_name.h"
#include "mechanism.h"
#include "objects.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 12, LIST_BYTES_MAX = 300, RSA_NUMBER_BYTES_MAX = 2048 };

struct token_keys {
    struct key_source source;
    struct token *token;
};

/* "label" (pkcs11:id=%01), ... for an error that says what there is. */
static void list_keys(struct token *token, const struct objects *found, struct buf *out)
{
    for (size_t i = 0; i < found->count && i < SHOWN_MAX; i++) {
        uint8_t id[SIGNING_KEY_ID_MAX];
        char label[OBJECT_LABEL_MAX + 1], id_text[3 * SIGNING_KEY_ID_MAX + 1];

        object_label(token, found->handles[i], label);
        object_id_text(id, object_bytes(token, found->handles[i], CKA_ID, id, sizeof id), id_text,
                       sizeof id_text);
        (void)buf_printf(out, "%s\"%s\" (pkcs11:id=%s)", i ? ", " : "", label, id_text);
    }
    if (found->count > SHOWN_MAX)
        (void)buf_add_text(out, ", ...");
}

static enum outcome no_such_key(struct token *token, struct err *err)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE all = {CKA_CLASS, &class, sizeof class};
    struct objects found;
    struct buf list;
    enum outcome outcome = objects_find(token, &all, 1, &found, err);

    if (outcome != OUTCOME_OK)
        return outcome;
    buf_init(&list, LIST_BYTES_MAX);
    list_keys(token, &found, &list);
    if (found.count)
        err_set(err, "no such private key on token \"%s\"; there are: %.*s", token_label(token),
                (int)buf_len(&list), (const char *)buf_data(&list));
    else
        err_set(err, "no such private key on token \"%s\": it has none, or hides them before a login",
                token_label(token));
    buf_free(&list);
    return OUTCOME_CONFIGURATION;
}

static enum outcome several_keys(struct token *token, const struct objects *found, struct err *err)
{
    struct buf list;

    buf_init(&list, LIST_BYTES_MAX);
    list_keys(token, found, &list);
    err_set(err, "%zu private keys of token \"%s\" fit, so none is taken; name one by its id: %.*s",
            found->count, token_label(token), (int)buf_len(&list), (const char *)buf_data(&list));
    buf_free(&list);
    return OUTCOME_CONFIGURATION;
}

static BIGNUM *read_number(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    uint8_t bytes[RSA_NUMBER_BYTES_MAX];
    size_t len = object_bytes(token, object, type, bytes, sizeof bytes);

    return len ? BN_bin2bn(bytes, (int)len, NULL) : NULL;
}

/* NULL when the token does not show the numbers with the private key. */
static EVP_PKEY *read_rsa_public(struct token *token, CK_OBJECT_HANDLE object)
{
    BIGNUM *n = read_number(token, object, CKA_MODULUS);
    BIGNUM *e = read_number(token, object, CKA_PUBLIC_EXPONENT);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    if (n && e && builder && context && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) &&
        (params = OSSL_PARAM_BLD_to_param(builder)) != NULL && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return key;
}

/* CKA_EC_POINT is an OCTET STRING in DER; some tokens leave the DER away. */
static size_t bare_point(const uint8_t *value, size_t len, uint8_t out[SIGNING_KEY_POINT_MAX])
{
    size_t head = len > 2 && value[0] == 4 && value[1] == len - 2                       ? 2
                  : len > 3 && value[0] == 4 && value[1] == 0x81 && value[2] == len - 3 ? 3
                                                                                        : 0;

    if (len - head > SIGNING_KEY_POINT_MAX)
        return 0;
    memcpy(out, value + head, len - head);
    return len - head;
}

/* What the token believes the public half to be. It may be wrong or missing; nothing depends on it but
 * the words when the key's proof fails. */
static void read_point(struct token *token, struct signing_key *key)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted[2] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, key->id, key->id_len}};
    uint8_t value[SIGNING_KEY_POINT_MAX + 3];
    struct objects found;
    struct err err;

    if (!key->id_len || objects_find(token, wanted, 2, &found, &err) != OUTCOME_OK || found.count != 1)
        return;
    key->point_len = bare_point(
        value, object_bytes(token, found.handles[0], CKA_EC_POINT, value, sizeof value), key->point);
}

static uint32_t paddings_of(const struct token *token, enum signing_key_type type)
{
    const struct token_mechanisms *can = token_mechanisms(token);

    if (type == SIGNING_KEY_EC)
        return can->ecdsa ? 1u << SCHEME_ECDSA : 0;
    if (type == SIGNING_KEY_ED25519)
        return can->eddsa ? 1u << SCHEME_EDDSA : 0;
    return (can->rsa_pkcs ? 1u << SCHEME_PKCS1 : 0) | (can->rsa_pss || can->rsa_raw ? 1u << SCHEME_PSS : 0);
}

static bool type_of(CK_KEY_TYPE type, enum signing_key_type *out)
{
    static const struct {
        CK_KEY_TYPE theirs;
        enum signing_key_type ours;
    } types[] = {{CKK_RSA, SIGNING_KEY_RSA}, {CKK_EC, SIGNING_KEY_EC}, {CKK_EC_EDWARDS, SIGNING_KEY_ED25519}};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].theirs == type) {
            *out = types[i].ours;
            return true;
        }
    return false;
}

/* What a key must be to be used here; NULL when it is. */
static const char *key_fault(struct token *token, const struct signing_key *key)
{
    static const char *const missing[] = {[SIGNING_KEY_RSA] = "the token offers no CKM_RSA_... for signing",
                                          [SIGNING_KEY_EC] = "the token does not offer CKM_ECDSA for signing",
                                          [SIGNING_KEY_ED25519] =
                                              "the token does not offer CKM_EDDSA for signing"};

    if (!key->paddings)
        return missing[key->type];
    if (!object_flag(token, key->object, CKA_SIGN, true))
        return "the token does not let it sign (CKA_SIGN is false)";
    if (key->always_authenticate && !token_pin_is_locked(token))
        return "it wants the PIN for each signature (CKA_ALWAYS_AUTHENTICATE), and the system gives the "
               "signer no locked memory to keep it in: raise LimitMEMLOCK (ulimit -l)";
    return NULL;
}

enum outcome token_keys_describe(struct token *token, CK_OBJECT_HANDLE object, struct signing_key *out,
                                 struct err *err)
{
    CK_KEY_TYPE type = CKK_VENDOR_DEFINED;
    const char *fault = "it is neither an RSA nor an EC nor an Ed25519 key: p11gate signs with these";

    (void)object_bytes(token, object, CKA_KEY_TYPE, &type, sizeof type);
    out->object = object;
    if (type_of(type, &out->type)) {
        out->paddings = paddings_of(token, out->type);
        out->always_authenticate = object_flag(token, object, CKA_ALWAYS_AUTHENTICATE, false);
        fault = key_fault(token, out);
    }
    if (fault) {
        err_set(err, "%s", fault);
        return OUTCOME_CONFIGURATION;
    }
    out->id_len = object_bytes(token, object, CKA_ID, out->id, sizeof out->id);
    if (out->type == SIGNING_KEY_RSA)
        out->token_public = read_rsa_public(token, object);
    else
        read_point(token, out);
    return OUTCOME_OK;
}

static enum outcome find_key(struct key_source *source, const char *text, struct signing_key *out,
                             struct err *err)
{
    struct token *token = ((struct token_keys *)source)->token;
    struct objects found = {0};
    struct key_name name;
    enum outcome outcome = OUTCOME_OK;

    if (!key_name_parse(text, &name, err))
        return OUTCOME_CONFIGURATION;
    /* A URI of another token is a key that is not here. */
    if (!name.uri || token_matches(token, name.uri))
        outcome = objects_find(token, name.wanted, name.count, &found, err);
    key_name_free(&name);
    if (outcome != OUTCOME_OK)
        return outcome;
    if (found.count > 1)
        return several_keys(token, &found, err);
    return found.count ? token_keys_describe(token, found.handles[0], out, err) : no_such_key(token, err);
}

/* Those with this attribute; type CKA_CLASS: all. */
static enum outcome add_certificates(struct token *token, CK_ATTRIBUTE_TYPE type, void *value, size_t len,
                                     struct certificates *out, struct err *err)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE wanted[2] = {{CKA_CLASS, &class, sizeof class}, {type, value, len}};
    struct objects found;
    enum outcome outcome = objects_find(token, wanted, type == CKA_CLASS ? 1 : 2, &found, err);

    for (size_t i = 0; outcome == OUTCOME_OK && i < found.count; i++) {
        size_t der_len = 0;
        uint8_t *der = object_value(token, found.handles[i], CKA_VALUE, &der_len);

        if (der)
            (void)certificates_add_der(out, der, der_len);
        free(der);
    }
    return outcome;
}

/* The token searches by CKA_SUBJECT, so that a chain is found among thousands. */
static enum outcome add_issuers_of(struct token *token, const X509 *certificate, struct certificates *out,
                                   struct err *err)
{
    unsigned char *name = NULL;
    int len = i2d_X509_NAME(X509_get_issuer_name(certificate), &name);
    enum outcome outcome = OUTCOME_OK;

    if (len > 0)
        outcome = add_certificates(token, CKA_SUBJECT, name, (size_t)len, out, err);
    OPENSSL_free(name);
    return outcome;
}

static enum outcome add_issuers(struct token *token, struct certificates *out, struct err *err)
{
    size_t own = out->count;
    enum outcome outcome = OUTCOME_OK;

    for (size_t i = 0; outcome == OUTCOME_OK && i < out->count; i++)
        outcome = add_issuers_of(token, out->items[i], out, err);
    if (outcome != OUTCOME_OK || out->count > own)
        return outcome;
    /* A token may hold certificates without their subject. */
    return add_certificates(token, CKA_CLASS, NULL, 0, out, err);
}

static enum outcome token_certificates(struct key_source *source, const char *name,
                                       const struct signing_key *key, struct certificates *out,
                                       struct err *err)
{
    struct token *token = ((struct token_keys *)source)->token;
    char id_text[3 * SIGNING_KEY_ID_MAX + 1];
    uint8_t id[SIGNING_KEY_ID_MAX];
    enum outcome outcome;

    (void)name;
    if (!key->id_len) {
        err_set(err,
                "it has no CKA_ID, so its certificate cannot be found on the token: set certificate-file");
        return OUTCOME_CONFIGURATION;
    }
    memcpy(id, key->id, key->id_len);
    outcome = add_certificates(token, CKA_ID, id, key->id_len, out, err);
    out->candidates = out->count;
    if (outcome == OUTCOME_OK && out->count)
        return add_issuers(token, out, err);
    if (outcome != OUTCOME_OK)
        return outcome;
    object_id_text(key->id, key->id_len, id_text, sizeof id_text);
    err_set(err,
            "token \"%s\" has no certificate with the key's id (%s): write one there with this id, or set "
            "certificate-file",
            token_label(token), id_text);
    return OUTCOME_CONFIGURATION;
}

static enum sign_status token_sign(struct key_source *source, const struct signing_key *key,
                                   const struct scheme *scheme, const struct crypto_input *in,
                                   struct signature *out)
{
    return mechanism_sign(((struct token_keys *)source)->token, key, scheme, in, out);
}

static enum outcome probe(struct key_source *source, struct err *err)
{
    return token_probe(((struct token_keys *)source)->token, err);
}

static const struct key_source_ops token_ops = {find_key, token_certificates, token_sign, probe};

struct key_source *token_keys_new(struct token *token)
{
    struct token_keys *keys = calloc(1, sizeof *keys);

    if (!keys)
        return NULL;
    keys->source.ops = &token_ops;
    keys->source.label = token_label(token);
    keys->token = token;
    return &keys->source;
}
