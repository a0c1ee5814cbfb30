#include "mechanism.h"

#include "ckr.h"
#include "crypto.h"
#include "pss.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <string.h>

enum { DIGEST_INFO_PREFIX_LEN = 19, ECDSA_RAW_MAX = 132 };

/* What a token gets. */
struct input {
    CK_MECHANISM mechanism;
    CK_RSA_PKCS_PSS_PARAMS pss;
    uint8_t bytes[SIGN_SIGNATURE_MAX];
    size_t len;
};

struct pss_numbers {
    size_t hash_len;
    CK_MECHANISM_TYPE hash;
    CK_RSA_PKCS_MGF_TYPE mgf;
};

static const struct pss_numbers pss_numbers[] = {
    {32, CKM_SHA256, CKG_MGF1_SHA256},
    {48, CKM_SHA384, CKG_MGF1_SHA384},
    {64, CKM_SHA512, CKG_MGF1_SHA512},
};

/* RFC 8017 9.2 note 1: the DER in front of a hash; two bytes of it tell the hash and its length. */
static void pkcs1_input(const struct scheme *scheme, const uint8_t *hash, struct input *in)
{
    static const uint8_t prefix[DIGEST_INFO_PREFIX_LEN] = {0x30, 0x11, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                           0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                           0x00, 0x05, 0x00, 0x04, 0x00};
    size_t hash_len = scheme->hash_len;

    memcpy(in->bytes, prefix, sizeof prefix);
    in->bytes[1] = (uint8_t)(0x11 + hash_len);
    in->bytes[14] = hash_len == 32 ? 1 : hash_len == 48 ? 2 : 3;
    in->bytes[18] = (uint8_t)hash_len;
    memcpy(in->bytes + sizeof prefix, hash, hash_len);
    in->len = sizeof prefix + hash_len;
    in->mechanism.mechanism = CKM_RSA_PKCS;
}

static bool pss_raw_input(const struct signing_key *key, const struct scheme *scheme, const uint8_t *hash,
                          struct input *in)
{
    uint8_t salt[CRYPTO_HASH_MAX];

    in->len = (key->bits + 7) / 8;
    in->mechanism.mechanism = CKM_RSA_X_509;
    return key->bits && in->len <= sizeof in->bytes && RAND_bytes(salt, (int)scheme->hash_len) == 1 &&
           pss_encode(scheme, hash, salt, key->bits, in->bytes);
}

static void pss_input(const struct scheme *scheme, const uint8_t *hash, struct input *in)
{
    const struct pss_numbers *numbers = pss_numbers;

    while (numbers->hash_len != scheme->hash_len)
        numbers++;
    in->pss = (CK_RSA_PKCS_PSS_PARAMS){numbers->hash, numbers->mgf, scheme->hash_len};
    in->mechanism = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &in->pss, sizeof in->pss};
    memcpy(in->bytes, hash, scheme->hash_len);
    in->len = scheme->hash_len;
}

/* A hash longer than the curve's order is cut here: tokens disagree about who does it. */
static void ecdsa_input(const struct signing_key *key, const struct scheme *scheme, const uint8_t *hash,
                        struct input *in)
{
    size_t order_len = (key->bits + 7) / 8;

    in->len = order_len && order_len < scheme->hash_len ? order_len : scheme->hash_len;
    memcpy(in->bytes, hash, in->len);
    in->mechanism.mechanism = CKM_ECDSA;
}

/* RFC 8032 without context and prehash: no parameters, and the token hashes. */
static bool eddsa_input(const struct crypto_input *message, struct input *in)
{
    if (message->len > sizeof in->bytes)
        return false;
    memcpy(in->bytes, message->bytes, message->len);
    in->len = message->len;
    in->mechanism.mechanism = CKM_EDDSA;
    return true;
}

static bool make_input(const struct token *token, const struct signing_key *key, const struct scheme *scheme,
                       const struct crypto_input *message, struct input *in)
{
    in->mechanism = (CK_MECHANISM){0};
    if (scheme->padding == SCHEME_EDDSA)
        return eddsa_input(message, in);
    if (scheme->padding == SCHEME_PKCS1)
        pkcs1_input(scheme, message->bytes, in);
    else if (scheme->padding == SCHEME_ECDSA)
        ecdsa_input(key, scheme, message->bytes, in);
    else if (token_mechanisms(token)->rsa_pss)
        pss_input(scheme, message->bytes, in);
    else
        return pss_raw_input(key, scheme, message->bytes, in);
    return true;
}

static enum sign_status failed(const char *function, CK_RV code, struct signature *out)
{
    out->function = function;
    out->ckr = code;
    switch (ckr_meaning(code)) {
    case CKR_MEANS_NO_SCHEME:
        return SIGN_NO_SCHEME;
    case CKR_MEANS_REFUSED:
        return SIGN_FAILED;
    case CKR_MEANS_PIN:
        out->pin_refused = true;
        return SIGN_FAILED; /* "again" would let the next signer try the PIN */
    case CKR_MEANS_OK:
    case CKR_MEANS_ABSENT:
    case CKR_MEANS_FAULT:
        return SIGN_AGAIN;
    }
    return SIGN_AGAIN;
}

bool mechanism_ecdsa_der(const uint8_t *raw, size_t raw_len, struct signature *out)
{
    int half = (int)(raw_len / 2), len;
    unsigned char *at = out->bytes;
    ECDSA_SIG *pair;
    BIGNUM *r, *s;

    if (raw_len < 2 || raw_len % 2 || raw_len > ECDSA_RAW_MAX)
        return false;
    pair = ECDSA_SIG_new();
    r = BN_bin2bn(raw, half, NULL);
    s = BN_bin2bn(raw + half, half, NULL);
    if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return false;
    }
    len = i2d_ECDSA_SIG(pair, &at);
    ECDSA_SIG_free(pair);
    out->len = len > 0 ? (size_t)len : 0;
    return len > 0;
}

static enum sign_status sign_init(struct token *token, const struct signing_key *key, struct input *in,
                                  struct signature *out)
{
    CK_RV code = token_calls(token)->C_SignInit(token_session(token), &in->mechanism, key->object);
    const char *warning = NULL;

    if (code != CKR_OK)
        return failed("C_SignInit", code, out);
    if (!key->always_authenticate)
        return SIGN_DONE;
    code = token_authenticate(token, &warning);
    if (warning) {
        out->function = warning;
        out->pin_refused = true;
        return SIGN_FAILED;
    }
    return code == CKR_OK ? SIGN_DONE : failed("C_Login(CKU_CONTEXT_SPECIFIC)", code, out);
}

/* A key that wants the PIN: one signer after the other, so that all of them try a wrong one once. */
static enum sign_status sign_init_in_turn(struct token *token, const struct signing_key *key,
                                          struct input *in, struct signature *out)
{
    enum sign_status status;

    if (!key->always_authenticate)
        return sign_init(token, key, in, out);
    if (!token_enter_login(token)) {
        out->function = "the logins of other signers took all of sign-timeout";
        out->late = true;
        return SIGN_AGAIN;
    }
    status = sign_init(token, key, in, out);
    token_leave_login(token, out->ckr);
    return status;
}

enum sign_status mechanism_sign(struct token *token, const struct signing_key *key,
                                const struct scheme *scheme, const struct crypto_input *message,
                                struct signature *out)
{
    uint8_t raw[SIGN_SIGNATURE_MAX];
    CK_ULONG raw_len = sizeof raw;
    enum sign_status status;
    struct input in;
    CK_RV code;

    if (!make_input(token, key, scheme, message, &in))
        return failed("the padding", CKR_KEY_SIZE_RANGE, out);
    status = sign_init_in_turn(token, key, &in, out);
    if (status != SIGN_DONE)
        return status;
    code = token_calls(token)->C_Sign(token_session(token), in.bytes, in.len, raw, &raw_len);
    if (code != CKR_OK)
        return failed("C_Sign", code, out);
    if (scheme->padding == SCHEME_ECDSA)
        return mechanism_ecdsa_der(raw, raw_len, out) ? SIGN_DONE : failed("C_Sign", CKR_DATA_INVALID, out);
    if (raw_len > sizeof out->bytes)
        return failed("C_Sign", CKR_BUFFER_TOO_SMALL, out);
    memcpy(out->bytes, raw, raw_len);
    out->len = raw_len;
    return SIGN_DONE;
}
