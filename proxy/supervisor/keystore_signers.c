/* The signers of a keystore: what they say, how they end, when the next one starts. */
#include "clock.h"
#include "keystore_private.h"
#include "offer.h"
#include "text.h"

enum {
    KEYSTORE_RETRY_MS = 1000, /* after a fork that failed */
    KEYSTORE_FAULTY_STARTS = 3,
    KEYSTORE_SLACK_MS = 1000, /* beyond sign-timeout */
};

/* -- what signers say -------------------------------------------------------------------------- */

/* A `directory` has no login. */
static bool keystore_take_turn(struct keystore *keystore)
{
    return keystore->conf->directory[0] || login_turns_take(keystore->setup.turns, &keystore->turn);
}

static void keystore_end_turn(struct keystore *keystore)
{
    login_turns_leave(keystore->setup.turns, &keystore->turn);
}

static void keystore_has_other_certificates(struct keystore *keystore)
{
    if (!keystore->certificates_told && !keystore->retired)
        keystore_log(keystore, LOG_LEVEL_WARNING, "keystore-certificates-changed",
                     "the token has other certificates for the same keys: reload to take them");
    keystore->certificates_told = true;
}

static bool keystore_take_offer(struct signer *signer, struct channel_message *message)
{
    struct keystore *keystore = signer->keystore;

    switch (offer_take(&keystore->inventory, message)) {
    case OFFER_REFUSED:
        return false;
    case OFFER_FIRST:
        keystore->setup.user->inventory(keystore->setup.owner, keystore);
        return true;
    case OFFER_SAME:
        return true;
    case OFFER_CERTIFICATES:
        keystore_has_other_certificates(keystore);
        return true;
    case OFFER_KEYS:
        /* Before it takes a request: it would not know the key that is asked for. */
        signer->odd = true;
        signer->child.quiet = true;
        signer_watch(signer, true, keystore->conf->sign_timeout_ms, clock_monotonic_ms());
        return true;
    }
    return false;
}

static bool on_message(void *owner, struct child *child, struct channel_message *message)
{
    struct signer *signer = owner;
    const char *text;

    (void)child;
    if (message->type == MESSAGE_INVENTORY)
        return keystore_take_offer(signer, message);
    if (message->type != MESSAGE_SIGNER_STATE || !signer_take_state(signer, message, &text))
        return false;
    if (signer->state == SIGNER_ABSENT || signer->state == SIGNER_FAULTY)
        err_set(&signer->keystore->stated, "%s", text);
    return true;
}

/* A trouble ends when somebody can sign again, or, if somebody always could, when all can; a refused PIN with
 * p11gate. False: nothing has changed. */
static bool keystore_recovers(struct keystore *keystore)
{
    bool was_up = keystore->can_sign;
    bool in_trouble = keystore->trouble != TROUBLE_NONE;

    keystore->can_sign = true;
    if (keystore->trouble == TROUBLE_CLOSED ||
        (was_up && keystore_ready_count(keystore) < keystore->signer_count))
        return !was_up;
    keystore->trouble = TROUBLE_NONE;
    keystore->reason[0] = keystore->stated.text[0] = '\0';
    return !was_up || in_trouble;
}

static void on_ready(void *owner, struct child *child)
{
    struct signer *signer = owner;
    struct keystore *keystore = signer->keystore;

    (void)child;
    keystore_end_turn(keystore);
    if (signer->odd)
        return;
    signer->state = SIGNER_READY;
    keystore->failed_starts = 0;
    keystore->settled = true;
    if (keystore_recovers(keystore)) {
        keystore_log(keystore, LOG_LEVEL_INFO, "keystore-up", NULL);
        keystore_changed(keystore);
    }
    keystore_step(keystore);
}

/* -- a signer's end ---------------------------------------------------------------------------- */

/* A fault names its place itself. */
static void keystore_find_reason(struct keystore *keystore, const char *fault, const char *otherwise)
{
    struct err reason = keystore->stated, where;

    if (fault[0]) {
        (void)text_copy(keystore->reason, sizeof keystore->reason, fault);
        return;
    }
    if (keystore->trouble == TROUBLE_CHANGED)
        err_set(&reason, "the token has other keys than before: reload to take them");
    else if (!reason.text[0])
        err_set(&reason, "%s", otherwise);
    conf_where_keystore(keystore->setup.generation->conf, keystore->conf, &where);
    err_context(&reason, "%s", where.text);
    (void)text_copy(keystore->reason, sizeof keystore->reason, reason.text);
}

static enum log_level trouble_level(const struct keystore *keystore)
{
    if (keystore->retired)
        return LOG_LEVEL_INFO;
    return keystore->trouble == TROUBLE_ABSENT ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;
}

/* One line when a trouble is new, one when the last signer goes while it lasts, none when it just lasts. */
static void keystore_in_trouble(struct keystore *keystore, enum trouble trouble, const char *fault,
                                const char *otherwise)
{
    bool could_sign = keystore->can_sign, fresh = trouble != keystore->trouble;

    keystore->trouble = trouble;
    keystore_find_reason(keystore, fault, otherwise);
    keystore->settled = true;
    keystore->can_sign = could_sign && keystore_ready_count(keystore);
    if (!fresh && could_sign == keystore->can_sign)
        return;
    if (fresh && !keystore->setup.check)
        keystore_log(keystore, trouble_level(keystore), trouble_event(trouble), keystore->reason);
    else if (!keystore->setup.check)
        keystore_log(keystore, keystore->retired ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "keystore-down",
                     keystore->reason);
    keystore_changed(keystore);
}

/* A signer ended before it was of use. */
static void keystore_start_failed(struct keystore *keystore, const struct signer *signer,
                                  const struct child_end *end)
{
    enum trouble trouble = signer->odd ? TROUBLE_CHANGED : trouble_of(signer->state, end);

    keystore->failed_starts++;
    if (trouble == TROUBLE_FAULTY && keystore->failed_starts < KEYSTORE_FAULTY_STARTS &&
        !keystore->setup.check)
        return;
    keystore->not_before_ms = clock_monotonic_ms() + trouble_rest_ms(trouble);
    keystore_in_trouble(keystore, trouble, end->fault, "its signers end before they are ready");
}

void keystore_watch_readiness(struct keystore *keystore, uint64_t now_ms)
{
    if (!keystore->can_sign || keystore_ready_count(keystore)) {
        keystore->none_ready_since_ms = 0;
        return;
    }
    if (!keystore->none_ready_since_ms)
        keystore->none_ready_since_ms = now_ms;
    if (standstill_age_ms(&keystore->setup.family->standstill, keystore->none_ready_since_ms, now_ms) >
        keystore->conf->sign_timeout_ms + KEYSTORE_SLACK_MS)
        keystore_in_trouble(keystore, keystore->trouble == TROUBLE_NONE ? TROUBLE_FAULTY : keystore->trouble,
                            "", "none of its signers has become ready for longer than sign-timeout and 1 s");
}

/* The answer to a check: the signer looked at everything, said what it offers, and ended. */
static void keystore_checked(struct keystore *keystore, const struct signer *signer,
                             const struct child_end *end)
{
    if (!end->by_signal && end->code == CHILD_EXIT_OK && keystore->inventory >= 0) {
        keystore->trouble = TROUBLE_NONE;
        keystore->settled = true;
        keystore_changed(keystore);
    } else {
        keystore_start_failed(keystore, signer, end);
    }
}

static uint32_t page_number(const struct signer *signer)
{
    const struct keystore *keystore = signer->keystore;

    return (uint32_t)(keystore->page_index << 16 | (size_t)keystore->setup.slot << 8 | signer->child.index);
}

static void on_ended(void *owner, struct child *child, const struct child_end *end)
{
    struct signer *signer = owner;
    struct keystore *keystore = signer->keystore;
    uint64_t now_ms = clock_monotonic_ms();

    (void)child;
    if (!end->was_ready)
        keystore_end_turn(keystore);
    keystore->full = !end->by_signal && end->code == CHILD_EXIT_FULL;
    signer_rest(signer, keystore->setup.history, keystore->conf->alias, end, now_ms);
    keystore->setup.user->page(keystore->setup.owner, keystore, page_number(signer), -1);
    if (keystore->stopping) {
        keystore_changed(keystore);
        return;
    }
    if (keystore->setup.check) {
        keystore_checked(keystore, signer, end);
        return;
    }
    /* A PIN that was refused to one that worked already (a key that asks each time) is refused to all. */
    if (!end->was_ready || signer->odd || (!end->by_signal && end->code == CHILD_EXIT_PIN)) {
        keystore_start_failed(keystore, signer, end);
    } else if (keystore->trouble != TROUBLE_NONE && !keystore_ready_count(keystore)) {
        keystore_in_trouble(keystore, keystore->trouble, keystore->reason, "");
    }
    keystore_tick(keystore, now_ms);
    keystore_step(keystore);
}

const struct child_user keystore_signer = {.ready = on_ready, .message = on_message, .ended = on_ended};

/* -- starting ---------------------------------------------------------------------------------- */

static bool keystore_start_signer(struct keystore *keystore, struct signer *signer, struct err *err)
{
    const struct signer_tools tools = {
        .programs = keystore->setup.programs,
        .account = &keystore->setup.generation->signer_user,
        .keystore = (uint32_t)keystore->setup.index,
        .start = keystore->start,
        .queue = keystore->queue.far,
        .pin = &keystore->pin,
        .gate = keystore->gate.fd,
    };

    /* A trouble was said once; tries that change nothing are no news. */
    signer->child.quiet = keystore->trouble != TROUBLE_NONE;
    if (!signer_start(signer, &tools, err))
        return false;
    keystore->setup.user->page(keystore->setup.owner, keystore, page_number(signer), signer->page_fd);
    return true;
}

static bool keystore_is_starting_one(const struct keystore *keystore)
{
    for (size_t i = 0; i < keystore->signer_count; i++)
        if (child_runs(&keystore->signers[i].child) && !keystore->signers[i].child.ready)
            return true;
    return false;
}

/* The place without a process that is due first; NULL: all are taken. */
static struct signer *keystore_next(const struct keystore *keystore)
{
    struct signer *next = NULL;

    for (size_t i = 0; i < keystore->signer_count; i++) {
        struct signer *signer = &keystore->signers[i];

        if (!child_runs(&signer->child) && (!next || signer->due_ms < next->due_ms))
            next = signer;
    }
    return next;
}

static void keystore_arm(struct keystore *keystore, uint64_t wait_ms)
{
    struct ev_loop *loop = keystore->setup.family->loop;

    ev_timer_stop(loop, &keystore->next);
    ev_timer_set(&keystore->next, (double)wait_ms / 1000., 0.);
    ev_timer_start(loop, &keystore->next);
}

void keystore_step(struct keystore *keystore)
{
    struct signer *signer = keystore_next(keystore);
    uint64_t now_ms = clock_monotonic_ms(), due_ms;
    struct err err;

    if (keystore->stopping || keystore->trouble == TROUBLE_CLOSED || !signer ||
        (keystore->alone && keystore->settled) || keystore_is_starting_one(keystore) ||
        keystore_keeps_room(keystore))
        return;
    due_ms = signer->due_ms > keystore->not_before_ms ? signer->due_ms : keystore->not_before_ms;
    if (now_ms < due_ms) {
        keystore_arm(keystore, due_ms - now_ms);
        return;
    }
    if (!keystore_take_turn(keystore))
        return;
    if (!keystore_start_signer(keystore, signer, &err)) {
        keystore_end_turn(keystore);
        log_event(LOG_LEVEL_ERROR, "child-start-failed", "%s", err.text);
        keystore_arm(keystore, KEYSTORE_RETRY_MS);
    }
}
