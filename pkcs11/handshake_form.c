#include "handshake_form.h"

#include "sign_message.h"

#include <string.h>

enum {
    SPACES_LEN = 64,
    RANDOMS_LEN = 64, /* client_random, server_random */
    CURVE_TYPE_NAMED = 3,
    PARAMS_HEAD_LEN = 4, /* curve_type, named_curve, the point's length */
};

/* The zero byte that ends a text here belongs to the form. */
static const char server_context[] = "TLS 1.3, server CertificateVerify";
static const char client_context[] = "TLS 1.3, client CertificateVerify";

struct curve {
    uint16_t group;
    uint8_t point_len;
    bool uncompressed; /* begins with 4 */
};

static const struct curve curves[] = {
    {0x0017, 65, true},  /* secp256r1 */
    {0x0018, 97, true},  /* secp384r1 */
    {0x0019, 133, true}, /* secp521r1 */
    {0x001d, 32, false}, /* x25519 */
    {0x001e, 56, false}, /* x448 */
};

static bool is_tls13(const char *context, size_t context_len, const uint8_t *bytes, size_t len)
{
    size_t hash_at = SPACES_LEN + context_len;

    /* SHA-256 or SHA-384: TLS 1.3 has no cipher suite with another transcript hash. */
    if (len != hash_at + 32 && len != hash_at + 48)
        return false;
    for (size_t i = 0; i < SPACES_LEN; i++)
        if (bytes[i] != ' ')
            return false;
    return memcmp(bytes + SPACES_LEN, context, context_len) == 0;
}

static const struct curve *curve_find(uint16_t group)
{
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (curves[i].group == group)
            return &curves[i];
    return NULL;
}

static bool is_tls12_server(const uint8_t *bytes, size_t len)
{
    const uint8_t *params = bytes + RANDOMS_LEN;
    const struct curve *curve;

    if (len <= RANDOMS_LEN + PARAMS_HEAD_LEN || params[0] != CURVE_TYPE_NAMED)
        return false;
    curve = curve_find((uint16_t)(params[1] << 8 | params[2]));
    if (!curve || params[3] != curve->point_len)
        return false;
    if (len != RANDOMS_LEN + PARAMS_HEAD_LEN + (size_t)curve->point_len)
        return false;
    return !curve->uncompressed || params[PARAMS_HEAD_LEN] == 4;
}

enum form_verdict handshake_form_check(uint32_t form, const uint8_t *bytes, size_t len)
{
    if (form == SIGN_FORM_TLS13_CLIENT || form == SIGN_FORM_TLS12_CLIENT)
        return FORM_CLIENT;
    if (form == SIGN_FORM_TLS12_SERVER)
        return is_tls12_server(bytes, len) ? FORM_OK : FORM_MALFORMED;
    if (form != SIGN_FORM_TLS13_SERVER)
        return FORM_UNKNOWN;
    if (is_tls13(client_context, sizeof client_context, bytes, len))
        return FORM_CLIENT;
    return is_tls13(server_context, sizeof server_context, bytes, len) ? FORM_OK : FORM_MALFORMED;
}

bool handshake_form_allows(uint32_t form, const struct scheme *scheme, enum scheme_key key)
{
    if (!scheme || (form != SIGN_FORM_TLS13_SERVER && form != SIGN_FORM_TLS12_SERVER))
        return false;
    return scheme_fits(scheme, key, form == SIGN_FORM_TLS13_SERVER);
}

const char *form_verdict_text(enum form_verdict verdict)
{
    switch (verdict) {
    case FORM_OK:
        return "a server's handshake message";
    case FORM_UNKNOWN:
        return "unknown form";
    case FORM_CLIENT:
        return "a client's handshake message, and the key is for servers";
    case FORM_MALFORMED:
        return "not a TLS handshake message of the stated form";
    }
    return "unknown verdict";
}
