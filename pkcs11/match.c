#include "match.h"

#include "crypto.h"

#include <openssl/rand.h>
#include <string.h>

enum { SPACES_LEN = 64, RANDOMS_LEN = 64, HASH_LEN = 32, X25519_LEN = 32 };

/* The shortest handshake that a TLS 1.2 client signs (transcript_form.h): what is fixed of each message, and
 * how many random bytes stand behind. */
static const struct {
    uint8_t fixed[12], fixed_len, random_len;
} transcript[] = {
    {{1, 0, 0, 43, 3, 3}, 6, 32},                       /* ClientHello: version, random */
    {{0, 0, 2, 0xc0, 0x2f, 1, 0, 0, 0}, 9, 0},          /* no session id, one suite, no extensions */
    {{2, 0, 0, 38, 3, 3}, 6, 32},                       /* ServerHello */
    {{0, 0xc0, 0x2f, 0}, 4, 0},                         /* the same */
    {{11, 0, 0, 7, 0, 0, 4, 0, 0, 1}, 10, 1},           /* Certificate: one, of one byte */
    {{12, 0, 0, 41, 3, 0x00, 0x1d, X25519_LEN}, 8, 32}, /* ServerKeyExchange: its point */
    {{8, 4, 0, 1}, 4, 1},                               /* and a signature of one byte */
    {{13, 0, 0, 8, 1, 1, 0, 2, 8, 4, 0, 0}, 12, 0},     /* CertificateRequest */
    {{14, 0, 0, 0}, 4, 0},                              /* ServerHelloDone */
    {{11, 0, 0, 7, 0, 0, 4, 0, 0, 1}, 10, 1},           /* Certificate */
    {{16, 0, 0, 33, X25519_LEN}, 5, 32},                /* ClientKeyExchange: its point */
};

/* What the trial is made of: a message, and the key's signature of it. */
struct trial {
    const struct scheme *scheme;
    uint8_t message[MATCH_BYTES_MAX];
    struct crypto_input in;
    struct signature signature;
};

static size_t trial_tls13(const char *context, uint8_t *out)
{
    size_t context_len = strlen(context) + 1; /* the zero byte belongs to it */

    memset(out, ' ', SPACES_LEN);
    memcpy(out + SPACES_LEN, context, context_len);
    return SPACES_LEN + context_len + HASH_LEN;
}

static size_t trial_transcript(uint8_t *out)
{
    size_t len = 0;

    for (size_t i = 0; i < sizeof transcript / sizeof transcript[0]; i++) {
        memcpy(out + len, transcript[i].fixed, transcript[i].fixed_len);
        len += (size_t)transcript[i].fixed_len + transcript[i].random_len;
    }
    return len;
}

size_t match_trial_message(enum sign_form form, uint8_t out[MATCH_BYTES_MAX])
{
    static const uint8_t params[] = {3, 0x00, 0x1d, X25519_LEN};

    (void)RAND_bytes(out, MATCH_BYTES_MAX);
    switch (form) {
    case SIGN_FORM_TLS13_SERVER:
        return trial_tls13("TLS 1.3, server CertificateVerify", out);
    case SIGN_FORM_TLS13_CLIENT:
        return trial_tls13("TLS 1.3, client CertificateVerify", out);
    case SIGN_FORM_TLS12_CLIENT:
        return trial_transcript(out);
    case SIGN_FORM_TLS12_SERVER:
        break;
    }
    memcpy(out + RANDOMS_LEN, params, sizeof params);
    return RANDOMS_LEN + sizeof params + X25519_LEN;
}

enum sign_form match_trial_form(const struct signing_key *key, bool tls13)
{
    if (key->client)
        return tls13 ? SIGN_FORM_TLS13_CLIENT : SIGN_FORM_TLS12_CLIENT;
    return tls13 ? SIGN_FORM_TLS13_SERVER : SIGN_FORM_TLS12_SERVER;
}

static enum outcome trial_failed(const struct trial *trial, enum sign_status status, struct err *err)
{
    signature_fault(&trial->signature, err);
    err_context(err, "a trial signature failed");
    if (trial->signature.pin_refused)
        return OUTCOME_PIN;
    return status == SIGN_AGAIN ? OUTCOME_FAULTY : OUTCOME_CONFIGURATION;
}

/* None of these needs the size of the key, which is not known before the certificate is. */
static const struct scheme *trial_scheme(const struct signing_key *key)
{
    if (key->type == SIGNING_KEY_RSA)
        return scheme_find(key->paddings & 1u << SCHEME_PKCS1 ? 0x0401 : 0x0804);
    return scheme_find(key->type == SIGNING_KEY_EC ? 0x0403 : 0x0807);
}

static enum outcome trial_sign(struct key_source *source, const struct signing_key *key, struct trial *trial,
                               struct err *err)
{
    enum sign_form form = match_trial_form(key, key->type != SIGNING_KEY_RSA);
    size_t len = match_trial_message(form, trial->message);
    enum sign_status status = SIGN_AGAIN;

    trial->signature = (struct signature){0};
    trial->scheme = trial_scheme(key);
    if (crypto_input(trial->scheme, trial->message, len, &trial->in))
        status = key_source_sign(source, key, trial->scheme, &trial->in, &trial->signature);
    return status == SIGN_DONE ? OUTCOME_OK : trial_failed(trial, status, err);
}

static bool belongs(const struct signing_key *key, const struct trial *trial, X509 *certificate)
{
    EVP_PKEY *public_key = X509_get0_pubkey(certificate);

    if (!public_key || !EVP_PKEY_is_a(public_key, signing_key_type_name(key->type)))
        return false;
    if (key->token_public)
        return EVP_PKEY_eq(public_key, key->token_public) == 1;
    return crypto_verify(public_key, trial->scheme, &trial->in, trial->signature.bytes, trial->signature.len);
}

/* Does the token say that this certificate is the key's, although its signature says no? */
static bool token_believes(const struct signing_key *key, X509 *certificate)
{
    EVP_PKEY *public_key = X509_get0_pubkey(certificate);
    uint8_t point[SIGNING_KEY_POINT_MAX];
    size_t len = public_key ? crypto_point(public_key, point, sizeof point) : 0;

    return len && len == key->point_len && memcmp(point, key->point, len) == 0;
}

static enum outcome none_fits(const struct signing_key *key, const struct certificates *certificates,
                              struct err *err)
{
    char subject[128];

    for (size_t i = 0; i < certificates->candidates; i++)
        if (token_believes(key, certificates->items[i])) {
            err_set(err, "a trial signature does not verify with the key's own public half");
            return OUTCOME_FAULTY;
        }
    certificates_subject(certificates->items[0], subject, sizeof subject);
    err_set(
        err,
        "the private key (%s) and the certificate (%s) do not belong together: get a certificate for this "
        "key, or name the key that the certificate was made for",
        signing_key_type_name(key->type), subject);
    return OUTCOME_CONFIGURATION;
}

enum outcome match_certificate(struct key_source *source, const struct signing_key *key,
                               const struct certificates *certificates, X509 **own, struct err *err)
{
    struct trial trial;
    enum outcome outcome = OUTCOME_OK;
    size_t matches = 0;

    if (!key->token_public)
        outcome = trial_sign(source, key, &trial, err);
    if (outcome != OUTCOME_OK)
        return outcome;
    for (size_t i = 0; i < certificates->candidates; i++) {
        if (!belongs(key, &trial, certificates->items[i]))
            continue;
        *own = certificates->items[i];
        matches++;
    }
    if (matches == 1)
        return OUTCOME_OK;
    if (!matches)
        return none_fits(key, certificates, err);
    err_set(err, "%zu certificates fit the key, so none is taken: leave one, or name it as certificate-file",
            matches);
    return OUTCOME_CONFIGURATION;
}
