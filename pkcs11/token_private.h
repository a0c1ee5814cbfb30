/* A token from the inside, for token.c and token_login.c only. */
#pragma once

#include "token.h"

#include <libp11.h>

enum { LABEL_LEN = 32 };

struct token {
    const struct signer_start *start;
    struct module *module;
    CK_FUNCTION_LIST *calls;
    PKCS11_SLOT *slot; /* borrowed from the module */
    CK_SLOT_ID slot_id;
    CK_SESSION_HANDLE session;
    bool logged_in;
    struct login_gate gate;
    struct signer_page *page;   /* borrowed; NULL: nobody looks */
    struct pin kept;            /* text NULL: none */
    const char *noted_function; /* see token_note; NULL: none */
    CK_RV noted_code;
    struct token_mechanisms mechanisms;
    char label[LABEL_LEN + 1];
};
