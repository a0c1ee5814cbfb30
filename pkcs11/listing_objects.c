#include "listing_objects.h"

#include "certificates.h"
#include "crypto.h"
#include "key_name.h"
#include "objects.h"
#include "token_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URI_BYTES = 1024, KIND_BYTES = 48, SUBJECT_BYTES = 160, DATE_BYTES = 32, EC_PARAMS_BYTES = 64 };

struct seen_certificate {
    CK_OBJECT_HANDLE object;
    X509 *certificate;
    bool has_key;
};

struct listing {
    struct token *token;
    size_t count;
    struct seen_certificate certificates[OBJECTS_MAX];
};

static enum outcome find_class(struct token *token, CK_OBJECT_CLASS class, struct objects *out,
                               struct err *err)
{
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    enum outcome outcome = objects_find(token, &wanted, 1, out, err);

    if (outcome == OUTCOME_OK && out->count == OBJECTS_MAX)
        printf("# there may be more: the first %d of a kind are shown\n", OBJECTS_MAX);
    return outcome;
}

static enum outcome read_certificates(struct listing *listing, struct err *err)
{
    struct objects found;
    enum outcome outcome = find_class(listing->token, CKO_CERTIFICATE, &found, err);

    for (size_t i = 0; outcome == OUTCOME_OK && i < found.count; i++) {
        size_t len = 0;
        uint8_t *der = object_value(listing->token, found.handles[i], CKA_VALUE, &len);
        const unsigned char *at = der;
        X509 *certificate = der ? d2i_X509(NULL, &at, (long)len) : NULL;

        free(der);
        if (certificate)
            listing->certificates[listing->count++] =
                (struct seen_certificate){found.handles[i], certificate, false};
    }
    return outcome;
}

static void print_certificate(struct listing *listing, const struct seen_certificate *seen, const char *what)
{
    char subject[SUBJECT_BYTES], uri[URI_BYTES] = "";
    struct tm until = {0};

    certificates_subject(seen->certificate, subject, sizeof subject);
    (void)ASN1_TIME_to_tm(X509_get0_notAfter(seen->certificate), &until);
    (void)object_uri(listing->token, seen->object, uri, sizeof uri);
    printf("# %s: %s, until %04d-%02d-%02d\n#     %s\n", what, subject, until.tm_year + 1900,
           until.tm_mon + 1, until.tm_mday, uri);
}

/* Without a signature, which a token may count or ask a person for: by what the token shows. */
static bool belongs(struct listing *listing, const struct signing_key *key,
                    const struct seen_certificate *seen)
{
    EVP_PKEY *public_key = X509_get0_pubkey(seen->certificate);
    uint8_t bytes[SIGNING_KEY_POINT_MAX];
    size_t len;

    if (!public_key || !EVP_PKEY_is_a(public_key, signing_key_type_name(key->type)))
        return false;
    if (key->token_public)
        return EVP_PKEY_eq(public_key, key->token_public) == 1;
    if (key->point_len) {
        len = crypto_point(public_key, bytes, sizeof bytes);
        return len == key->point_len && memcmp(bytes, key->point, len) == 0;
    }
    len = object_bytes(listing->token, seen->object, CKA_ID, bytes, SIGNING_KEY_ID_MAX);
    return len && len == key->id_len && memcmp(bytes, key->id, len) == 0;
}

static void print_certificates_of(struct listing *listing, const struct signing_key *key)
{
    bool proved = key->token_public || key->point_len;
    size_t shown = 0;

    for (size_t i = 0; i < listing->count; i++) {
        struct seen_certificate *seen = &listing->certificates[i];

        if (!belongs(listing, key, seen))
            continue;
        seen->has_key = true;
        print_certificate(listing, seen,
                          proved ? "  its certificate"
                                 : "  a certificate with its id (p11gate -t proves it)");
        shown++;
    }
    if (!shown)
        printf("#   no certificate on the token belongs to it: set certificate-file\n");
}

static void kind_text(struct token *token, const struct signing_key *key, char *out, size_t size)
{
    uint8_t params[EC_PARAMS_BYTES];
    size_t len;

    if (key->token_public) {
        crypto_kind_text(key->token_public, out, size);
        return;
    }
    len = object_bytes(token, key->object, CKA_EC_PARAMS, params, sizeof params);
    (void)snprintf(out, size, "%s",
                   key->type == SIGNING_KEY_RSA       ? "RSA"
                   : key->type == SIGNING_KEY_ED25519 ? "Ed25519"
                                                      : crypto_curve_text(params, len));
}

static const char *use_text(const struct signing_key *key)
{
    if (key->type != SIGNING_KEY_RSA || (key->paddings & 1u << SCHEME_PSS))
        return "TLS 1.2 and 1.3";
    return "TLS 1.2 only: the token has no RSA-PSS";
}

/* Two keys may have one label and one id; a URI that means both means none (P1). */
static size_t keys_named(struct token *token, const char *uri)
{
    struct objects found = {0};
    struct key_name name;
    struct err err;

    if (!key_name_parse(uri, &name, &err))
        return 0;
    if (objects_find(token, name.wanted, name.count, &found, &err) != OUTCOME_OK)
        found.count = 0;
    key_name_free(&name);
    return found.count;
}

static void print_uri(struct token *token, CK_OBJECT_HANDLE object)
{
    char uri[URI_BYTES];
    size_t named;

    if (!object_uri(token, object, uri, sizeof uri)) {
        printf("#   its label or id is too long for a URI\n");
        return;
    }
    printf("    key-alias = \"%s\";\n", uri);
    named = keys_named(token, uri);
    if (named != 1)
        printf("#   %zu keys have this id and label: give each an id of its own\n", named);
}

/* Fills key and kind; false with err when p11gate cannot use such a key. */
static bool describe(struct listing *listing, CK_OBJECT_HANDLE object, struct signing_key *key, char *kind,
                     struct err *err)
{
    if (token_keys_describe(listing->token, object, key, err) != OUTCOME_OK)
        return false;
    kind_text(listing->token, key, kind, KIND_BYTES);
    if (key->type != SIGNING_KEY_EC || strncmp(kind, "P-", 2) == 0)
        return true;
    err_set(err, "its curve is %s: p11gate signs with P-256, P-384 and P-521", kind);
    return false;
}

static void print_key(struct listing *listing, CK_OBJECT_HANDLE object)
{
    struct signing_key key = {0};
    char label[OBJECT_LABEL_MAX + 1], kind[KIND_BYTES];
    struct err err;

    object_label(listing->token, object, label);
    if (!describe(listing, object, &key, kind, &err)) {
        printf("\n# key \"%s\" cannot be used: %s\n", label, err.text);
        return;
    }
    printf("\n# key \"%s\", %s: %s%s\n", label, kind, use_text(&key),
           key.always_authenticate ? "; asks for the PIN for each signature" : "");
    print_uri(listing->token, object);
    print_certificates_of(listing, &key);
    EVP_PKEY_free(key.token_public);
}

static enum outcome print_keys(struct listing *listing, bool logged_in, struct err *err)
{
    struct objects found;
    enum outcome outcome = find_class(listing->token, CKO_PRIVATE_KEY, &found, err);

    for (size_t i = 0; outcome == OUTCOME_OK && i < found.count; i++)
        print_key(listing, found.handles[i]);
    if (outcome == OUTCOME_OK && !found.count)
        printf("\n# %s\n", logged_in ? "no private key is on it" : "private keys are hidden before a login");
    return outcome;
}

enum outcome listing_objects(struct token *token, bool logged_in, struct err *err)
{
    struct listing *listing = calloc(1, sizeof *listing);
    enum outcome outcome;

    if (!listing) {
        err_set(err, "out of memory");
        return OUTCOME_FAULTY;
    }
    listing->token = token;
    outcome = read_certificates(listing, err);
    if (outcome == OUTCOME_OK)
        outcome = print_keys(listing, logged_in, err);
    for (size_t i = 0; i < listing->count; i++) {
        if (outcome == OUTCOME_OK && !listing->certificates[i].has_key)
            print_certificate(listing, &listing->certificates[i],
                              logged_in ? "certificate of no key here" : "certificate");
        X509_free(listing->certificates[i].certificate);
    }
    free(listing);
    return outcome;
}
