#include "scheme.h"

static const struct scheme schemes[] = {
    {"rsa_pkcs1_sha256", "SHA256", 32, 0x0401, SCHEME_PKCS1, SCHEME_KEY_RSA, false},
    {"rsa_pkcs1_sha384", "SHA384", 48, 0x0501, SCHEME_PKCS1, SCHEME_KEY_RSA, false},
    {"rsa_pkcs1_sha512", "SHA512", 64, 0x0601, SCHEME_PKCS1, SCHEME_KEY_RSA, false},
    {"rsa_pss_rsae_sha256", "SHA256", 32, 0x0804, SCHEME_PSS, SCHEME_KEY_RSA, true},
    {"rsa_pss_rsae_sha384", "SHA384", 48, 0x0805, SCHEME_PSS, SCHEME_KEY_RSA, true},
    {"rsa_pss_rsae_sha512", "SHA512", 64, 0x0806, SCHEME_PSS, SCHEME_KEY_RSA, true},
    {"ecdsa_secp256r1_sha256", "SHA256", 32, 0x0403, SCHEME_ECDSA, SCHEME_KEY_P256, true},
    {"ecdsa_secp384r1_sha384", "SHA384", 48, 0x0503, SCHEME_ECDSA, SCHEME_KEY_P384, true},
    {"ecdsa_secp521r1_sha512", "SHA512", 64, 0x0603, SCHEME_ECDSA, SCHEME_KEY_P521, true},
    {"ed25519", NULL, 0, 0x0807, SCHEME_EDDSA, SCHEME_KEY_ED25519, true},
};

enum { SCHEME_COUNT = sizeof schemes / sizeof schemes[0] };

const struct scheme *scheme_at(size_t index)
{
    return index < SCHEME_COUNT ? &schemes[index] : NULL;
}

const struct scheme *scheme_find(uint32_t value)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++)
        if (schemes[i].value == value)
            return &schemes[i];
    return NULL;
}

static bool padding_fits(enum scheme_padding padding, enum scheme_key key)
{
    if (key == SCHEME_KEY_RSA)
        return padding == SCHEME_PKCS1 || padding == SCHEME_PSS;
    return padding == (key == SCHEME_KEY_ED25519 ? SCHEME_EDDSA : SCHEME_ECDSA);
}

bool scheme_fits(const struct scheme *scheme, enum scheme_key key, bool tls13)
{
    if (!padding_fits(scheme->padding, key))
        return false;
    if (!tls13)
        return true; /* TLS 1.2 leaves hash and curve free of each other (RFC 8446 4.2.3) */
    return scheme->tls13 && scheme->curve == key;
}
