#include "token_private.h"

#include "ckr.h"
#include "key_name.h"
#include "module.h"
#include "text.h"

#include <libp11.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS_MAX = 5 };

struct token *token_new(const struct signer_start *start)
{
    struct token *token = calloc(1, sizeof *token);

    if (token) {
        token->start = start;
        token->gate = LOGIN_GATE_NONE;
    }
    return token;
}

enum outcome token_failed(const char *function, CK_RV code, struct err *err)
{
    err_set(err, "%s: %s", function, ckr_name(code));
    if (code == CKR_SESSION_COUNT)
        return OUTCOME_FULL;
    return ckr_meaning(code) == CKR_MEANS_ABSENT ? OUTCOME_ABSENT : OUTCOME_FAULTY;
}

enum outcome token_load(struct token *token, struct err *err)
{
    enum outcome outcome = module_load(token->start->module, token->start->init_args, &token->module, err);

    if (outcome == OUTCOME_OK)
        token->calls = module_calls(token->module);
    return outcome;
}

static bool slot_matches(struct token *token, CK_SLOT_ID slot_id, P11KitUri *uri)
{
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
    CK_TOKEN_INFO token_info;
    CK_SLOT_INFO slot_info;
    CK_INFO info;

    if (p11_kit_uri_any_unrecognized(uri) || (wanted != (CK_SLOT_ID)-1 && wanted != slot_id))
        return false;
    return token->calls->C_GetInfo(&info) == CKR_OK && p11_kit_uri_match_module_info(uri, &info) == 1 &&
           token->calls->C_GetSlotInfo(slot_id, &slot_info) == CKR_OK &&
           p11_kit_uri_match_slot_info(uri, &slot_info) == 1 &&
           token->calls->C_GetTokenInfo(slot_id, &token_info) == CKR_OK &&
           p11_kit_uri_match_token_info(uri, &token_info) == 1;
}

bool token_matches(struct token *token, P11KitUri *uri)
{
    return slot_matches(token, token->slot_id, uri);
}

/* The keystore's URI; the caller's, NULL with err when it cannot be one. */
static P11KitUri *token_uri(const char *text, struct err *err)
{
    P11KitUri *uri = p11_kit_uri_new();
    int result = p11_kit_uri_parse(*text ? text : "pkcs11:", P11_KIT_URI_FOR_ANY, uri);
    int shown = key_name_shown(text);

    if (result != P11_KIT_URI_OK)
        err_set(err, "token = \"%.*s\" is not a pkcs11: URI: %.128s", shown, text,
                p11_kit_uri_message(result));
    else if (p11_kit_uri_any_unrecognized(uri))
        err_set(err,
                "token = \"%.*s\" has an attribute that no token can have; RFC 7512 lists them: token, "
                "manufacturer, serial, model, slot-id, ...",
                shown, text);
    else if (p11_kit_uri_get_pin_value(uri) || p11_kit_uri_get_pin_source(uri))
        err_set(err, "a PIN must not stand in the token's URI: use pin-file");
    else
        return uri;
    p11_kit_uri_free(uri);
    return NULL;
}

static void list_others(struct module *module, struct buf *out)
{
    unsigned shown = 0;

    for (unsigned i = 0; i < module_slot_count(module) && shown < OTHERS_MAX; i++) {
        const PKCS11_TOKEN *other = module_slot(module, i)->token;

        if (other && other->initialized)
            (void)buf_printf(out, "%s\"%s\"", shown++ ? ", " : "", other->label ? other->label : "");
    }
}

static enum outcome token_absent(struct token *token, struct err *err)
{
    struct buf others;

    buf_init(&others, 256);
    list_others(token->module, &others);
    if (buf_len(&others))
        err_set(err, "no token here fits \"%.128s\"; there are: %.*s", token->start->token,
                (int)buf_len(&others), (const char *)buf_data(&others));
    else
        err_set(err, "the module shows no token that fits \"%.128s\"", token->start->token);
    buf_free(&others);
    return OUTCOME_ABSENT;
}

static enum outcome token_choose(struct token *token, P11KitUri *uri, struct err *err)
{
    unsigned matches = 0;

    for (unsigned i = 0; i < module_slot_count(token->module); i++) {
        PKCS11_SLOT *slot = module_slot(token->module, i);
        CK_SLOT_ID slot_id = PKCS11_get_slotid_from_slot(slot);

        if (!slot->token || !slot->token->initialized || !slot_matches(token, slot_id, uri))
            continue;
        token->slot = slot;
        token->slot_id = slot_id;
        matches++;
    }
    if (matches == 1)
        return OUTCOME_OK;
    if (matches == 0)
        return token_absent(token, err);
    err_set(err, "%u tokens fit \"%.128s\": add serial= or slot-id= to the URI, so that it names one",
            matches, token->start->token);
    return OUTCOME_CONFIGURATION;
}

static bool can_sign(struct token *token, CK_MECHANISM_TYPE mechanism)
{
    CK_MECHANISM_INFO info;
    CK_RV code = token->calls->C_GetMechanismInfo(token->slot_id, mechanism, &info);

    token_note(token, "C_GetMechanismInfo", code);
    return code == CKR_OK && (info.flags & CKF_SIGN);
}

static enum outcome token_session_open(struct token *token, struct err *err)
{
    CK_RV code = token->calls->C_OpenSession(token->slot_id, CKF_SERIAL_SESSION, NULL, NULL, &token->session);

    if (code != CKR_OK)
        return token_failed("C_OpenSession", code, err);
    (void)text_copy(token->label, sizeof token->label, token->slot->token->label);
    token->mechanisms.rsa_pkcs = can_sign(token, CKM_RSA_PKCS);
    token->mechanisms.rsa_pss = can_sign(token, CKM_RSA_PKCS_PSS);
    token->mechanisms.rsa_raw = can_sign(token, CKM_RSA_X_509);
    token->mechanisms.ecdsa = can_sign(token, CKM_ECDSA);
    token->mechanisms.eddsa = can_sign(token, CKM_EDDSA);
    return OUTCOME_OK;
}

enum outcome token_open(struct token *token, struct err *err)
{
    P11KitUri *uri = token_uri(token->start->token, err);
    enum outcome outcome;

    if (!uri)
        return OUTCOME_CONFIGURATION;
    outcome = module_find_slots(token->module, err);
    if (outcome == OUTCOME_OK)
        outcome = token_choose(token, uri, err);
    p11_kit_uri_free(uri);
    return outcome == OUTCOME_OK ? token_session_open(token, err) : outcome;
}

enum outcome token_find_slots(struct token *token, struct err *err)
{
    return module_find_slots(token->module, err);
}

unsigned token_slot_count(const struct token *token)
{
    return module_slot_count(token->module);
}

enum outcome token_open_slot(struct token *token, unsigned index, struct err *err)
{
    PKCS11_SLOT *slot = module_slot(token->module, index);
    CK_SLOT_ID slot_id = PKCS11_get_slotid_from_slot(slot);
    P11KitUri *uri = token_uri(token->start->token, err);
    bool fits;

    if (!uri)
        return OUTCOME_CONFIGURATION;
    fits = slot->token && slot->token->initialized && slot_matches(token, slot_id, uri);
    p11_kit_uri_free(uri);
    if (!fits)
        return OUTCOME_ABSENT;
    token->slot = slot;
    token->slot_id = slot_id;
    token->logged_in = false;
    return token_session_open(token, err);
}

bool token_needs_login(const struct token *token)
{
    return token->slot->token->loginRequired;
}

bool token_has_pin_pad(const struct token *token)
{
    return token->slot->token->secureLogin;
}

/* Modules answer a question for something that they do not have with many codes, but not with these. */
static bool token_is_gone(CK_RV code)
{
    return code == CKR_DEVICE_ERROR || code == CKR_DEVICE_REMOVED || code == CKR_DEVICE_MEMORY ||
           code == CKR_TOKEN_NOT_PRESENT || code == CKR_SESSION_CLOSED ||
           code == CKR_SESSION_HANDLE_INVALID || code == CKR_CRYPTOKI_NOT_INITIALIZED;
}

void token_note(struct token *token, const char *function, CK_RV code)
{
    if (!token_is_gone(code))
        return;
    token->noted_function = function;
    token->noted_code = code;
}

enum outcome token_probe(struct token *token, struct err *err)
{
    CK_SESSION_INFO session;
    CK_TOKEN_INFO info;
    CK_RV code;

    if (token->noted_function)
        return token_failed(token->noted_function, token->noted_code, err);
    code = token->calls->C_GetSessionInfo(token->session, &session);
    if (code != CKR_OK)
        return token_failed("C_GetSessionInfo", code, err);
    if (token->logged_in && session.state != CKS_RO_USER_FUNCTIONS && session.state != CKS_RW_USER_FUNCTIONS)
        return token_failed("C_GetSessionInfo", CKR_USER_NOT_LOGGED_IN, err);
    code = token->calls->C_GetTokenInfo(token->slot_id, &info);
    return code == CKR_OK ? OUTCOME_OK : token_failed("C_GetTokenInfo", code, err);
}

void token_close(struct token *token)
{
    (void)token->calls->C_CloseSession(token->session);
}

const char *token_label(const struct token *token)
{
    return token->label;
}

const struct token_mechanisms *token_mechanisms(const struct token *token)
{
    return &token->mechanisms;
}

CK_FUNCTION_LIST *token_calls(struct token *token)
{
    return token->calls;
}

CK_SLOT_ID token_slot(const struct token *token)
{
    return token->slot_id;
}

CK_SESSION_HANDLE token_session(const struct token *token)
{
    return token->session;
}
