#include "ckr.h"

#include <p11-kit/pkcs11.h>
#include <stddef.h>
#include <stdio.h>

struct ckr {
    unsigned long code;
    const char *name;
    enum ckr_meaning meaning;
};

#define CKR(name, meaning)                                                                                   \
    {                                                                                                        \
        name, #name, CKR_MEANS_##meaning                                                                     \
    }

static const struct ckr codes[] = {
    CKR(CKR_OK, OK),
    CKR(CKR_TOKEN_NOT_PRESENT, ABSENT),
    CKR(CKR_SLOT_ID_INVALID, ABSENT),
    CKR(CKR_TOKEN_NOT_RECOGNIZED, ABSENT),
    CKR(CKR_PIN_INCORRECT, PIN),
    CKR(CKR_PIN_INVALID, PIN),
    CKR(CKR_PIN_LEN_RANGE, PIN),
    CKR(CKR_PIN_EXPIRED, PIN),
    CKR(CKR_PIN_LOCKED, PIN),
    CKR(CKR_USER_PIN_NOT_INITIALIZED, PIN),
    CKR(CKR_MECHANISM_INVALID, NO_SCHEME),
    CKR(CKR_MECHANISM_PARAM_INVALID, NO_SCHEME),
    CKR(CKR_KEY_TYPE_INCONSISTENT, NO_SCHEME),
    CKR(CKR_KEY_FUNCTION_NOT_PERMITTED, NO_SCHEME),
    CKR(CKR_KEY_SIZE_RANGE, NO_SCHEME),
    CKR(CKR_DATA_INVALID, REFUSED),
    CKR(CKR_DATA_LEN_RANGE, REFUSED),
    CKR(CKR_FUNCTION_REJECTED, REFUSED),
    CKR(CKR_ACTION_PROHIBITED, REFUSED),
    CKR(CKR_ARGUMENTS_BAD, FAULT),
    CKR(CKR_ATTRIBUTE_SENSITIVE, FAULT),
    CKR(CKR_ATTRIBUTE_TYPE_INVALID, FAULT),
    CKR(CKR_ATTRIBUTE_VALUE_INVALID, FAULT),
    CKR(CKR_BUFFER_TOO_SMALL, FAULT),
    CKR(CKR_CANT_LOCK, FAULT),
    CKR(CKR_CRYPTOKI_ALREADY_INITIALIZED, FAULT),
    CKR(CKR_CRYPTOKI_NOT_INITIALIZED, FAULT),
    CKR(CKR_DEVICE_ERROR, FAULT),
    CKR(CKR_DEVICE_MEMORY, FAULT),
    CKR(CKR_DEVICE_REMOVED, FAULT),
    CKR(CKR_FUNCTION_CANCELED, FAULT),
    CKR(CKR_FUNCTION_FAILED, FAULT),
    CKR(CKR_FUNCTION_NOT_SUPPORTED, FAULT),
    CKR(CKR_GENERAL_ERROR, FAULT),
    CKR(CKR_HOST_MEMORY, FAULT),
    CKR(CKR_KEY_HANDLE_INVALID, FAULT),
    CKR(CKR_NEED_TO_CREATE_THREADS, FAULT),
    CKR(CKR_OBJECT_HANDLE_INVALID, FAULT),
    CKR(CKR_OPERATION_ACTIVE, FAULT),
    CKR(CKR_OPERATION_NOT_INITIALIZED, FAULT),
    CKR(CKR_SESSION_CLOSED, FAULT),
    CKR(CKR_SESSION_COUNT, FAULT),
    CKR(CKR_SESSION_HANDLE_INVALID, FAULT),
    CKR(CKR_USER_ALREADY_LOGGED_IN, FAULT),
    CKR(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, FAULT),
    CKR(CKR_USER_NOT_LOGGED_IN, FAULT),
    CKR(CKR_USER_TOO_MANY_TYPES, FAULT),
};

static const struct ckr *ckr_find(unsigned long code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

const char *ckr_name(unsigned long code)
{
    static char unknown[32];
    const struct ckr *found = ckr_find(code);

    if (found)
        return found->name;
    (void)snprintf(unknown, sizeof unknown, "CKR 0x%lx", code);
    return unknown;
}

enum ckr_meaning ckr_meaning(unsigned long code)
{
    const struct ckr *found = ckr_find(code);

    return found ? found->meaning : CKR_MEANS_FAULT;
}
