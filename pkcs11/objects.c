#include "objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 64 * 1024 };

static CK_RV find_all(struct token *token, struct objects *out)
{
    CK_FUNCTION_LIST *calls = token_calls(token);
    CK_RV code = CKR_OK;
    CK_ULONG got = 1;

    while (out->count < OBJECTS_MAX && got && code == CKR_OK) {
        got = 0;
        code = calls->C_FindObjects(token_session(token), out->handles + out->count, OBJECTS_MAX - out->count,
                                    &got);
        if (code == CKR_OK && got <= OBJECTS_MAX - out->count)
            out->count += got;
    }
    return code;
}

enum outcome objects_find(struct token *token, CK_ATTRIBUTE *wanted, size_t wanted_count, struct objects *out,
                          struct err *err)
{
    CK_FUNCTION_LIST *calls = token_calls(token);
    CK_RV code = calls->C_FindObjectsInit(token_session(token), wanted, wanted_count);

    out->count = 0;
    if (code != CKR_OK)
        return token_failed("C_FindObjectsInit", code, err);
    code = find_all(token, out);
    (void)calls->C_FindObjectsFinal(token_session(token));
    return code == CKR_OK ? OUTCOME_OK : token_failed("C_FindObjects", code, err);
}

/* False: the object has no such attribute, hides it, or it is longer; or the token is gone. */
static bool read_attribute(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute)
{
    CK_RV code = token_calls(token)->C_GetAttributeValue(token_session(token), object, attribute, 1);

    token_note(token, "C_GetAttributeValue", code);
    return code == CKR_OK;
}

size_t object_bytes(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
                    size_t max)
{
    CK_ATTRIBUTE attribute = {type, out, max};

    return read_attribute(token, object, &attribute) && attribute.ulValueLen <= max ? attribute.ulValueLen
                                                                                    : 0;
}

uint8_t *object_value(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *len)
{
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    uint8_t *value;

    if (!read_attribute(token, object, &attribute) || !attribute.ulValueLen ||
        attribute.ulValueLen > VALUE_BYTES_MAX)
        return NULL;
    value = malloc(attribute.ulValueLen);
    if (!value)
        return NULL;
    *len = object_bytes(token, object, type, value, attribute.ulValueLen);
    if (*len)
        return value;
    free(value);
    return NULL;
}

bool object_flag(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
    CK_BBOOL flag = CK_FALSE;

    return object_bytes(token, object, type, &flag, sizeof flag) == sizeof flag ? flag != CK_FALSE
                                                                                : otherwise;
}

void object_label(struct token *token, CK_OBJECT_HANDLE object, char out[OBJECT_LABEL_MAX + 1])
{
    out[object_bytes(token, object, CKA_LABEL, out, OBJECT_LABEL_MAX)] = 0;
}

static void uri_take(struct token *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, P11KitUri *uri)
{
    uint8_t value[OBJECT_LABEL_MAX];
    CK_ATTRIBUTE attribute = {type, value, object_bytes(token, object, type, value, sizeof value)};

    if (attribute.ulValueLen)
        (void)p11_kit_uri_set_attribute(uri, &attribute);
}

bool object_uri(struct token *token, CK_OBJECT_HANDLE object, char *out, size_t max)
{
    static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS, CKA_ID, CKA_LABEL};
    P11KitUri *uri = p11_kit_uri_new();
    CK_TOKEN_INFO *named = p11_kit_uri_get_token_info(uri), info;
    P11KitUriType kind = object ? P11_KIT_URI_FOR_OBJECT_ON_TOKEN : P11_KIT_URI_FOR_TOKEN;
    char *text = NULL;

    /* Model and manufacturer would make it longer and no more exact. */
    if (token_calls(token)->C_GetTokenInfo(token_slot(token), &info) == CKR_OK) {
        memcpy(named->label, info.label, sizeof named->label);
        memcpy(named->serialNumber, info.serialNumber, sizeof named->serialNumber);
    }
    for (size_t i = 0; object && i < sizeof types / sizeof types[0]; i++)
        uri_take(token, object, types[i], uri);
    if (p11_kit_uri_format(uri, kind, &text) != P11_KIT_URI_OK || strlen(text) >= max) {
        free(text);
        p11_kit_uri_free(uri);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    free(text);
    p11_kit_uri_free(uri);
    return true;
}

void object_id_text(const uint8_t *id, size_t len, char *out, size_t max)
{
    size_t at = 0;

    out[0] = 0;
    for (size_t i = 0; i < len && at + 4 <= max; i++, at += 3)
        (void)snprintf(out + at, max - at, "%%%02x", id[i]);
}
