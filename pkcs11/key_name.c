#include "key_name.h"

#include <string.h>

static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;

static void want(struct key_name *name, CK_ATTRIBUTE_TYPE type, void *value, size_t len)
{
    name->wanted[name->count++] = (CK_ATTRIBUTE){type, value, len};
}

/* type= may be left out or be private; a URI that was copied from the certificate says cert. */
static bool class_fits(P11KitUri *uri)
{
    const CK_ATTRIBUTE *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);

    return !type || (type->ulValueLen == sizeof private_class &&
                     memcmp(type->pValue, &private_class, sizeof private_class) == 0);
}

static const char *uri_fault(const char *text, P11KitUri *uri)
{
    int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);

    if (result != P11_KIT_URI_OK)
        return p11_kit_uri_message(result);
    if (p11_kit_uri_any_unrecognized(uri))
        return "it has an attribute that RFC 7512 does not know, so it matches nothing";
    if (p11_kit_uri_get_pin_value(uri) || p11_kit_uri_get_pin_source(uri))
        return "a PIN must not stand in a key's URI: use the keystore's pin-file";
    if (!class_fits(uri))
        return "it names something else than a private key: write type=private or leave type out";
    return NULL;
}

static bool uri_parse(const char *text, struct key_name *out, struct err *err)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_LABEL, CKA_ID};
    const char *fault;

    out->uri = p11_kit_uri_new();
    fault = uri_fault(text, out->uri);
    if (fault) {
        err_set(err, "this pkcs11: URI cannot be used: %.200s", fault);
        key_name_free(out);
        return false;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const CK_ATTRIBUTE *found = p11_kit_uri_get_attribute(out->uri, types[i]);

        if (found)
            want(out, found->type, found->pValue, found->ulValueLen);
    }
    return true;
}

bool key_name_parse(const char *text, struct key_name *out, struct err *err)
{
    *out = (struct key_name){0};
    want(out, CKA_CLASS, &private_class, sizeof private_class);
    if (strncmp(text, "pkcs11:", 7) == 0)
        return uri_parse(text, out, err);
    if (!*text) {
        err_set(err, "it is empty: write a label or a pkcs11: URI");
        return false;
    }
    /* The token compares; it does not write. */
    CK_ATTRIBUTE label = {CKA_LABEL, NULL, strlen(text)};
    memcpy(&label.pValue, &text, sizeof text);
    out->wanted[out->count++] = label;
    return true;
}

int key_name_shown(const char *text)
{
    return (int)strcspn(text, strncmp(text, "pkcs11:", 7) == 0 ? "?" : "");
}

void key_name_free(struct key_name *name)
{
    p11_kit_uri_free(name->uri);
    name->uri = NULL;
}
