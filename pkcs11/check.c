#include "check.h"

#include "key_name.h"
#include "match.h"

#include <openssl/x509v3.h>
#include <string.h>

enum { KIND_BYTES = 48, SUBJECT_BYTES = 128 };

struct check {
    struct keyring *ring;
    struct problems *problems;
    struct buf *report;
    bool tls12, tls13; /* of the key that is looked at */
};

/* RFC 8017 9.1.1: the padding needs two hashes and two bytes. */
static bool has_room(const struct signing_key *key, const struct scheme *scheme)
{
    return scheme->padding != SCHEME_PSS || (key->bits + 6) / 8 >= 2 * scheme->hash_len + 2;
}

static bool is_for(const struct signing_key *key, const struct scheme *scheme)
{
    bool own_curve = scheme->padding != SCHEME_ECDSA || scheme->curve == key->kind;

    return scheme_fits(scheme, key->kind, false) && own_curve && has_room(key, scheme) &&
           (key->paddings & 1u << scheme->padding);
}

static enum outcome check_scheme(struct check *check, size_t index, const struct scheme *scheme,
                                 struct err *err)
{
    const struct signing_key *key = keyring_at(check->ring, index);
    bool tls13 = scheme_fits(scheme, key->kind, true);
    uint8_t message[MATCH_BYTES_MAX];
    size_t len = match_trial_message(match_trial_form(key, tls13), message);
    struct signature signature;

    if (keyring_sign(check->ring, key, scheme, message, len, true, &signature) == SIGN_DONE) {
        check->tls12 = true;
        check->tls13 = check->tls13 || tls13;
        (void)buf_printf(check->report, " %s", scheme->name);
        return OUTCOME_OK;
    }
    signature_fault(&signature, err);
    if (signature.pin_refused)
        return OUTCOME_PIN;
    problems_add(check->problems, keyring_where(check->ring, index), keyring_alias(check->ring, index),
                 "signing with %s failed: %s", scheme->name, err->text);
    return OUTCOME_OK;
}

static const char *versions_text(const struct check *check)
{
    if (check->tls13)
        return check->tls12 ? "TLS 1.2 and 1.3" : "TLS 1.3 only";
    return check->tls12 ? "TLS 1.2 only" : "no TLS";
}

static const char *missing_text(const struct signing_key *key)
{
    if (key->type != SIGNING_KEY_RSA)
        return "";
    if (!(key->paddings & 1u << SCHEME_PSS))
        return "; TLS 1.3 is missing: the token has neither CKM_RSA_PKCS_PSS nor CKM_RSA_X_509";
    if (!(key->paddings & 1u << SCHEME_PKCS1))
        return "; clients that know no RSA-PSS are left out: the token has no CKM_RSA_PKCS";
    return "";
}

/* The other side would refuse it, and only there it would be seen. */
static const char *purpose_text(const struct signing_key *key, X509 *certificate)
{
    if (X509_check_purpose(certificate, key->client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER, 0) ==
        1)
        return "";
    return key->client ? "; its certificate is not for TLS clients"
                       : "; its certificate is not for TLS servers";
}

static enum outcome check_key(struct check *check, size_t index, struct err *err)
{
    const struct signing_key *key = keyring_at(check->ring, index);
    const char *alias = keyring_alias(check->ring, index);
    char kind[KIND_BYTES], subject[SUBJECT_BYTES];
    enum outcome outcome = OUTCOME_OK;
    const struct scheme *scheme;

    crypto_kind_text(key->public_key, kind, sizeof kind);
    certificates_subject(keyring_certificate(check->ring, index), subject, sizeof subject);
    check->tls12 = check->tls13 = false;
    (void)buf_printf(check->report, "  %s \"%.*s\" (%s; %s):", key->client ? "client key" : "key",
                     key_name_shown(alias), alias, kind, subject);
    for (size_t i = 0; outcome == OUTCOME_OK && (scheme = scheme_at(i)) != NULL; i++)
        if (is_for(key, scheme))
            outcome = check_scheme(check, index, scheme, err);
    (void)buf_printf(check->report, "; %s%s%s\n", versions_text(check), missing_text(key),
                     purpose_text(key, keyring_certificate(check->ring, index)));
    return outcome;
}

/* Several listeners may want one key; one that is for servers and for clients is checked as both. */
static bool seen_before(const struct keyring *ring, size_t index)
{
    const struct signing_key *key = keyring_at(ring, index);

    for (size_t i = 0; i < index; i++)
        if (keyring_at(ring, i)->client == key->client &&
            memcmp(keyring_at(ring, i)->name, key->name, SIGN_KEY_NAME_LEN) == 0)
            return true;
    return false;
}

enum outcome check_keys(struct keyring *ring, struct problems *problems, struct buf *report, struct err *err)
{
    struct check check = {.ring = ring, .problems = problems, .report = report};
    enum outcome outcome = OUTCOME_OK;

    for (size_t i = 0; outcome == OUTCOME_OK && i < keyring_count(ring); i++)
        if (!seen_before(ring, i))
            outcome = check_key(&check, i, err);
    return outcome;
}
