/*
 * One token, and this process's one session with it. libp11 loads and initialises the module and
 * enumerates slots and tokens; the session, the login and everything on it are direct calls of the
 * module's function list (docs/adr/0003-signing-calls.md says why).
 *
 * Signer process; one thread. Every call may block for as long as the token likes: the supervisor
 * watches. After OUTCOME_FAULTY the process ends; nothing is repaired in place.
 */
#pragma once

#include "err.h"
#include "login_gate.h"
#include "outcome.h"
#include "pin.h"
#include "signer_page.h"
#include "signer_start.h"

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdbool.h>

struct token;

/* What the token can do with private keys. */
struct token_mechanisms {
    bool rsa_pkcs, rsa_pss, rsa_raw, ecdsa, eddsa;
};

/* NULL when memory is out. Lives as long as the process. */
struct token *token_new(const struct signer_start *start);

/* Loads and initialises the module. */
enum outcome token_load(struct token *token, struct err *err);

/* Finds the one token that the keystore's URI names, and opens the session. */
enum outcome token_open(struct token *token, struct err *err);

/* To look around instead: the slots, and then one after the other. OUTCOME_ABSENT: there is no initialised
 * token in this one, or another than the keystore's URI names. */
enum outcome token_find_slots(struct token *token, struct err *err);
unsigned token_slot_count(const struct token *token);
enum outcome token_open_slot(struct token *token, unsigned index, struct err *err);
bool token_needs_login(const struct token *token);
bool token_has_pin_pad(const struct token *token); /* then it asks the person itself */

/* Where the supervisor sees that a login is under way, and what its logins pass with those of other signers;
 * both stay the caller's. Without them (p11gate keys) nobody looks and nobody else logs in. */
void token_attend(struct token *token, struct signer_page *page, const struct login_gate *gate);

/* Logs in, once, when the token asks for it; not when it warns of its last tries, unless told to. */
enum outcome token_login(struct token *token, const struct pin *pin, struct err *err);

/* For keys that want the PIN for each signature (CKA_ALWAYS_AUTHENTICATE): takes the PIN over, until it is
 * forgotten (wiped). */
void token_keep_pin(struct token *token, struct pin *pin);
void token_forget_pin(struct token *token);
bool token_pin_is_locked(const struct token *token); /* it cannot reach the disk, or there is none */

/* Around C_SignInit and token_authenticate of such a key: false when the logins of other signers took all of
 * sign-timeout. code is what the login has returned. */
bool token_enter_login(struct token *token);
void token_leave_login(struct token *token, CK_RV code);

/* Between C_SignInit and C_Sign of such a key: C_Login(CKU_CONTEXT_SPECIFIC). When the token warns of its
 * last tries, or has refused the PIN to another signer, it is not called, and *warning says so. */
CK_RV token_authenticate(struct token *token, const char **warning);

/* Remembers that the token went away under a question whose other failures only mean "no": token_probe
 * reports it. */
void token_note(struct token *token, const char *function, CK_RV code);

/* Is the token still there and logged in, and has no fault been noted? For times without work, and
 * before the configuration is blamed for what may be the token's fault. */
enum outcome token_probe(struct token *token, struct err *err);

/* Ends the session; the module may crash here, so everything else is done before. */
void token_close(struct token *token);

const char *token_label(const struct token *token);
const struct token_mechanisms *token_mechanisms(const struct token *token);
CK_FUNCTION_LIST *token_calls(struct token *token);
CK_SLOT_ID token_slot(const struct token *token);
CK_SESSION_HANDLE token_session(const struct token *token);

/* Does a pcks11: URI's path name this token (object attributes are not looked at)? */
bool token_matches(struct token *token, P11KitUri *uri);

/* The outcome of a failed call, and "C_Login: CKR_DEVICE_ERROR" in err. */
enum outcome token_failed(const char *function, CK_RV code, struct err *err);
