/* Logging in to a token: at the start, and with keys that want the PIN for each signature. */
#include "token_private.h"

#include "ckr.h"
#include "clock.h"
#include "message.h"

#include <signal.h>

/* For the gate at the start: less than a login has, so that nobody who waits is taken for one that hangs. */
enum { LOGIN_WAIT_MS = 20000 };

void token_attend(struct token *token, struct signer_page *page, const struct login_gate *gate)
{
    token->page = page;
    token->gate = *gate;
}

/* A wrong PIN now could be the last one: whoever runs the token decides, not a restart loop. */
static enum outcome token_warns(const struct token *token, struct err *err)
{
    const PKCS11_TOKEN *state = token->slot->token;
    const char *warning = state->userPinLocked     ? "the PIN is locked (CKF_USER_PIN_LOCKED)"
                          : state->userPinFinalTry ? "one try is left (CKF_USER_PIN_FINAL_TRY)"
                          : state->userPinCountLow ? "a wrong PIN was tried (CKF_USER_PIN_COUNT_LOW)"
                                                   : NULL;

    if (!warning || token->start->force_login)
        return OUTCOME_OK;
    err_set(
        err,
        "token \"%s\" warns before the login: %s. No login was tried. Log in once with another tool and the "
        "right PIN, or start p11gate with --force-login",
        token->label, warning);
    return OUTCOME_PIN;
}

static enum outcome login_failed(const struct token *token, CK_RV code, struct err *err)
{
    if (ckr_meaning(code) != CKR_MEANS_PIN)
        return token_failed("C_Login", code, err);
    err_set(err,
            "token \"%s\" refused the PIN (C_Login: %s). It was tried once and will not be tried again: "
            "correct the pin-file, then start p11gate",
            token->label, ckr_name(code));
    return OUTCOME_PIN;
}

/* -- the gate, and what the supervisor sees ------------------------------------------------------ */

static void show_login(const struct token *token, uint64_t since_ms)
{
    if (token->page)
        counter_set(&token->page->login_since_ms, since_ms);
}

/* A login has a deadline of its own; what is done behind it begins anew to be watched. */
static void login_over(const struct token *token)
{
    show_login(token, 0);
    if (token->page && counter_get(&token->page->busy_since_ms))
        counter_set(&token->page->busy_since_ms, clock_monotonic_ms());
}

static bool enter_gate(const struct token *token, uint64_t wait_ms)
{
    bool entered;

    show_login(token, clock_monotonic_ms());
    entered = login_gate_enter(&token->gate, wait_ms);
    login_over(token);
    return entered;
}

/* Ending a process inside C_Login can destroy a SoftHSM token, so signals wait until it is over. */
static CK_RV login_call(struct token *token, CK_USER_TYPE user, const struct pin *pin)
{
    sigset_t all, before;
    CK_RV code;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    show_login(token, clock_monotonic_ms());
    code = token->calls->C_Login(token->session, user, (CK_UTF8CHAR *)pin->text, pin->len);
    login_over(token);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* -- at the start -------------------------------------------------------------------------------- */

static enum outcome login_inside(struct token *token, const struct pin *pin, struct err *err)
{
    CK_RV code;

    if (login_gate_refused(&token->gate)) {
        err_set(err, "token \"%s\" has refused this PIN to another signer: it was not tried again",
                token->label);
        return OUTCOME_PIN;
    }
    code = login_call(token, CKU_USER, pin);
    token->logged_in = true;
    return code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN ? OUTCOME_OK : login_failed(token, code, err);
}

enum outcome token_login(struct token *token, const struct pin *pin, struct err *err)
{
    const PKCS11_TOKEN *state = token->slot->token;
    enum outcome outcome = token_warns(token, err);

    if (!state->loginRequired)
        return OUTCOME_OK;
    if (outcome != OUTCOME_OK)
        return outcome;
    if (!pin->text && !state->secureLogin) {
        err_set(err, "token \"%s\" asks for a PIN: set pin-file or pin-credential", token->label);
        return OUTCOME_CONFIGURATION;
    }
    if (!enter_gate(token, LOGIN_WAIT_MS)) {
        err_set(err, "the logins of other signers take too long");
        return OUTCOME_FAULTY;
    }
    outcome = login_inside(token, pin, err);
    login_gate_leave(&token->gate, outcome == OUTCOME_PIN);
    return outcome;
}

/* -- for each signature -------------------------------------------------------------------------- */

void token_keep_pin(struct token *token, struct pin *pin)
{
    token->kept = *pin;
    *pin = (struct pin){0};
}

void token_forget_pin(struct token *token)
{
    pin_wipe(&token->kept);
}

bool token_pin_is_locked(const struct token *token)
{
    return !token->kept.text || token->kept.locked;
}

bool token_enter_login(struct token *token)
{
    return enter_gate(token, token->start->sign_timeout_ms);
}

void token_leave_login(struct token *token, CK_RV code)
{
    login_gate_leave(&token->gate, ckr_meaning(code) == CKR_MEANS_PIN);
}

CK_RV token_authenticate(struct token *token, const char **warning)
{
    const CK_FLAGS warnings = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    CK_TOKEN_INFO info;
    CK_RV code = token->calls->C_GetTokenInfo(token->slot_id, &info);

    if (code != CKR_OK)
        return code;
    if (login_gate_refused(&token->gate))
        *warning = "the token has refused the PIN to another signer, and no login was tried";
    else if ((info.flags & warnings) && !token->start->force_login)
        *warning = "the token warns of its last tries of the PIN, and no login was tried";
    return *warning ? CKR_OK : login_call(token, CKU_CONTEXT_SPECIFIC, &token->kept);
}
