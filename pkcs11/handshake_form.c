#include "handshake_form.h"

#include "ecdhe_form.h"
#include "sign_message.h"
#include "transcript_form.h"

#include <string.h>

enum {
    SPACES_LEN = 64,
    RANDOMS_LEN = 64, /* client_random, server_random */
};

/* The zero byte that ends a text here belongs to the form; both are of one length. */
static const char server_context[] = "TLS 1.3, server CertificateVerify";
static const char client_context[] = "TLS 1.3, client CertificateVerify";

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

static bool is_tls13_server(const uint8_t *bytes, size_t len)
{
    return is_tls13(server_context, sizeof server_context, bytes, len);
}

static bool is_tls13_client(const uint8_t *bytes, size_t len)
{
    return is_tls13(client_context, sizeof client_context, bytes, len);
}

static bool is_tls12_server(const uint8_t *bytes, size_t len)
{
    return len > RANDOMS_LEN && ecdhe_params_len(bytes + RANDOMS_LEN, len - RANDOMS_LEN) == len - RANDOMS_LEN;
}

enum form_verdict handshake_form_check(uint32_t form, const uint8_t *bytes, size_t len)
{
    switch (form) {
    case SIGN_FORM_TLS13_SERVER:
        if (is_tls13_client(bytes, len))
            return FORM_CLIENT;
        return is_tls13_server(bytes, len) ? FORM_OK : FORM_MALFORMED;
    case SIGN_FORM_TLS12_SERVER:
        return is_tls12_server(bytes, len) ? FORM_OK : FORM_MALFORMED;
    case SIGN_FORM_TLS13_CLIENT:
        if (is_tls13_server(bytes, len))
            return FORM_SERVER;
        return is_tls13_client(bytes, len) ? FORM_OK : FORM_MALFORMED;
    case SIGN_FORM_TLS12_CLIENT:
        return transcript_is_client(bytes, len) ? FORM_OK : FORM_MALFORMED;
    default:
        return FORM_UNKNOWN;
    }
}

bool handshake_form_is_client(uint32_t form)
{
    return form == SIGN_FORM_TLS13_CLIENT || form == SIGN_FORM_TLS12_CLIENT;
}

bool handshake_form_allows(uint32_t form, const struct scheme *scheme, enum scheme_key key)
{
    if (!scheme || form < SIGN_FORM_TLS13_SERVER || form > SIGN_FORM_TLS12_CLIENT)
        return false;
    return scheme_fits(scheme, key, form == SIGN_FORM_TLS13_SERVER || form == SIGN_FORM_TLS13_CLIENT);
}

const char *form_verdict_text(enum form_verdict verdict)
{
    switch (verdict) {
    case FORM_OK:
        return "a handshake message of the stated form";
    case FORM_UNKNOWN:
        return "unknown form";
    case FORM_CLIENT:
        return "a client's handshake message, where a server's is stated";
    case FORM_SERVER:
        return "a server's handshake message, where a client's is stated";
    case FORM_MALFORMED:
        return "not a TLS handshake message of the stated form";
    }
    return "unknown verdict";
}
