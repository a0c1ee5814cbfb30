/*
 * A PKCS#11 module that passes every call to another module (SoftHSM2) and misbehaves on the way as
 * a control file says: see README.md.
 */
#include "fake_control.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST fake;

/* Waits, hangs, or returns from the function that uses it with the code that the file asks for. */
#define BEFORE(function)                                                                                     \
    do {                                                                                                     \
        CK_RV code_ = fake_control_before(function);                                                         \
        fake_control_crash(function);                                                                        \
        if (code_ != CKR_OK)                                                                                 \
            return code_;                                                                                    \
    } while (0)

/* Further down the call goes to a session: is it still one? */
#define WITH_SESSION()                                                                                       \
    do {                                                                                                     \
        CK_RV code_ = session_state();                                                                       \
        if (code_ != CKR_OK)                                                                                 \
            return code_;                                                                                    \
    } while (0)

static CK_RV session_state(void)
{
    if (fake_control_absent() || fake_control_token_changed())
        return CKR_DEVICE_REMOVED;
    return fake_control_session_lost() ? CKR_SESSION_HANDLE_INVALID : CKR_OK;
}

/* SoftHSM2 reads its configuration now: this is the moment to put another token there. */
static CK_RV fake_Initialize(void *args)
{
    const char *token;

    if (!fake_control_open())
        return CKR_GENERAL_ERROR;
    BEFORE("C_Initialize");
    token = fake_control_token();
    if (token && setenv("SOFTHSM2_CONF", token, 1) != 0)
        return CKR_HOST_MEMORY;
    return real->C_Initialize(args);
}

static CK_RV fake_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *count)
{
    BEFORE("C_GetSlotList");
    if (!fake_control_absent())
        return real->C_GetSlotList(present, slots, count);
    *count = 0;
    return CKR_OK;
}

static CK_RV fake_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV code;

    BEFORE("C_GetSlotInfo");
    code = real->C_GetSlotInfo(slot, info);
    if (code == CKR_OK && fake_control_absent())
        info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    return code;
}

static CK_RV fake_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV code;

    BEFORE("C_GetTokenInfo");
    if (fake_control_absent())
        return CKR_TOKEN_NOT_PRESENT;
    code = real->C_GetTokenInfo(slot, info);
    if (code == CKR_OK)
        info->flags = fake_control_token_flags(info->flags);
    return code;
}

static CK_RV fake_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    BEFORE("C_GetMechanismInfo");
    if (fake_control_hides(type))
        return CKR_MECHANISM_INVALID;
    return real->C_GetMechanismInfo(slot, type, info);
}

static CK_RV fake_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *owner, CK_NOTIFY notify,
                              CK_SESSION_HANDLE *session)
{
    CK_RV code;

    BEFORE("C_OpenSession");
    if (fake_control_absent())
        return CKR_TOKEN_NOT_PRESENT;
    if (!fake_control_take_session())
        return CKR_SESSION_COUNT;
    code = real->C_OpenSession(slot, flags, owner, notify, session);
    if (code == CKR_OK)
        fake_control_session_opened();
    else
        fake_control_give_session();
    return code;
}

static CK_RV fake_CloseSession(CK_SESSION_HANDLE session)
{
    fake_control_give_session();
    return real->C_CloseSession(session);
}

static CK_RV fake_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    BEFORE("C_GetSessionInfo");
    if (fake_control_absent())
        return CKR_SESSION_HANDLE_INVALID;
    WITH_SESSION();
    return real->C_GetSessionInfo(session, info);
}

static CK_RV fake_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    BEFORE("C_Login");
    WITH_SESSION();
    return real->C_Login(session, user, pin, len);
}

static CK_RV fake_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    BEFORE("C_FindObjectsInit");
    WITH_SESSION();
    return real->C_FindObjectsInit(session, wanted, count);
}

static CK_RV fake_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    BEFORE("C_GetAttributeValue");
    return real->C_GetAttributeValue(session, object, attributes, count);
}

static CK_RV fake_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    BEFORE("C_SignInit");
    WITH_SESSION();
    if (fake_control_hides(mechanism->mechanism))
        return CKR_MECHANISM_INVALID;
    return real->C_SignInit(session, mechanism, key);
}

/* A failed C_Sign ends the operation, so the real one is ended too. */
static CK_RV sign_now(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CK_RV asked = fake_control_before("C_Sign"), code;

    fake_control_crash("C_Sign");
    code = real->C_Sign(session, data, len, out, out_len);
    if (asked != CKR_OK)
        return asked;
    WITH_SESSION();
    if (code == CKR_OK && out && *out_len && fake_control_corrupts("C_Sign"))
        out[*out_len / 2] ^= 1;
    return code;
}

static CK_RV fake_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out,
                       CK_ULONG *out_len)
{
    CK_RV code;

    fake_control_enter();
    code = sign_now(session, data, len, out, out_len);
    fake_control_leave();
    return code;
}

static void override(void)
{
    fake = *real;
    fake.C_Initialize = fake_Initialize;
    fake.C_GetSlotList = fake_GetSlotList;
    fake.C_GetSlotInfo = fake_GetSlotInfo;
    fake.C_GetTokenInfo = fake_GetTokenInfo;
    fake.C_GetMechanismInfo = fake_GetMechanismInfo;
    fake.C_OpenSession = fake_OpenSession;
    fake.C_CloseSession = fake_CloseSession;
    fake.C_GetSessionInfo = fake_GetSessionInfo;
    fake.C_Login = fake_Login;
    fake.C_FindObjectsInit = fake_FindObjectsInit;
    fake.C_GetAttributeValue = fake_GetAttributeValue;
    fake.C_SignInit = fake_SignInit;
    fake.C_Sign = fake_Sign;
    fake.C_GetFunctionList = C_GetFunctionList;
}

static CK_RV load_real(void)
{
    const char *path = getenv("P11GATE_FAKE_MODULE");
    void *library = dlopen(path ? path : "/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    CK_C_GetFunctionList get_list;

    if (!symbol) {
        (void)fprintf(stderr, "fake token: %s\n", dlerror());
        return CKR_GENERAL_ERROR;
    }
    memcpy(&get_list, &symbol, sizeof get_list);
    return get_list(&real);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    CK_RV code = real ? CKR_OK : load_real();

    if (code != CKR_OK)
        return code;
    override();
    *list = &fake;
    return CKR_OK;
}
