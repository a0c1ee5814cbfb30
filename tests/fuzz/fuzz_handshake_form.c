/* Whatever bytes come: a signer signs them as one form at most, and only at that form's lengths. */
#include "handshake_form.h"
#include "sign_message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool tls12_len(size_t len)
{
    static const size_t points[] = {65, 97, 133, 32, 56};

    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        if (len == 68 + points[i])
            return true;
    return false;
}

/* What one form signs no other does; a client's handshake begins with its hello and its version. */
static void must_be_one_form(const uint8_t *data, size_t size)
{
    unsigned fits = 0;

    for (uint32_t form = 1; form <= 4; form++)
        fits += handshake_form_check(form, data, size) == FORM_OK;
    must(fits <= 1);
    if (handshake_form_check(SIGN_FORM_TLS12_CLIENT, data, size) == FORM_OK)
        must(size > 201 && data[0] == 1 && data[4] == 3 && data[5] == 3);
    if (handshake_form_check(SIGN_FORM_TLS13_CLIENT, data, size) == FORM_OK)
        must((size == 130 || size == 146) && data[73] == 'c');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum form_verdict tls13 = handshake_form_check(SIGN_FORM_TLS13_SERVER, data, size);
    enum form_verdict tls12 = handshake_form_check(SIGN_FORM_TLS12_SERVER, data, size);

    must(tls13 != FORM_OK || tls12 != FORM_OK);
    must(tls13 != FORM_OK || size == 130 || size == 146);
    must(tls13 != FORM_OK || (data[0] == ' ' && data[64] == 'T' && data[97] == 0));
    must(tls12 != FORM_OK || tls12_len(size));
    must_be_one_form(data, size);
    if (size >= 4) {
        uint32_t form = (uint32_t)data[0] << 8 | data[1], scheme = (uint32_t)data[2] << 8 | data[3];
        const struct scheme *found = scheme_find(scheme);

        must(form >= 1 && form <= 4 ? true : handshake_form_check(form, data, size) == FORM_UNKNOWN);
        must(!found || found->value == scheme);
        must(!handshake_form_allows(form, found, SCHEME_KEY_ED25519) || found->value == 0x0807);
        must(!handshake_form_allows(form, found, SCHEME_KEY_P256) || found->padding == SCHEME_ECDSA);
    }
    return 0;
}
