#include "keystore.h"

#include "clock.h"
#include "inventory.h"
#include "log.h"
#include "pin_file.h"
#include "sealed.h"
#include "sign_queue.h"
#include "signer.h"
#include "signer_memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    KEYSTORE_RETRY_MS = 1000, /* after a fork that failed */
    KEYSTORE_FAULTY_STARTS = 3,
    KEYSTORE_QUEUE_MS = 1000, /* a queue is not replaced more often */
};

struct keystore {
    struct keystore_setup setup;
    const struct conf_keystore *conf;
    struct pin pin;
    int start, inventory;
    struct sign_queue queue;
    uint64_t queue_made_ms, not_before_ms, stop_ms;
    struct signer *signers;
    size_t signer_count;
    ev_timer next;
    enum trouble trouble;
    unsigned failed_starts;
    bool can_sign, settled, stopping, stop_at_once;
    char reason[CHANNEL_PAYLOAD_MAX]; /* of the trouble */
    struct err stated;                /* what a signer last said about the token */
};

static void keystore_step(struct keystore *keystore);

size_t keystore_index(const struct keystore *keystore)
{
    return keystore->setup.index;
}

int keystore_queue(const struct keystore *keystore)
{
    return keystore->queue.near;
}

int keystore_inventory(const struct keystore *keystore)
{
    return keystore->inventory;
}

bool keystore_settled(const struct keystore *keystore)
{
    return keystore->settled;
}

bool keystore_can_sign(const struct keystore *keystore)
{
    return keystore->can_sign;
}

enum trouble keystore_trouble(const struct keystore *keystore)
{
    return keystore->trouble;
}

const char *keystore_reason(const struct keystore *keystore)
{
    return keystore->reason;
}

static size_t keystore_ready_count(const struct keystore *keystore)
{
    size_t count = 0;

    for (size_t i = 0; i < keystore->signer_count; i++)
        count += child_runs(&keystore->signers[i].child) && keystore->signers[i].child.ready;
    return count;
}

bool keystore_idle(const struct keystore *keystore)
{
    for (size_t i = 0; i < keystore->signer_count; i++)
        if (child_runs(&keystore->signers[i].child))
            return false;
    return true;
}

static void keystore_log(const struct keystore *keystore, enum log_level level, const char *event,
                         const char *reason)
{
    struct log_line line;

    log_begin(&line, level, event);
    log_text(&line, "keystore", keystore->conf->alias);
    log_text(&line, "reason", reason);
    log_end(&line);
}

static void keystore_set_reason(struct keystore *keystore, const char *text)
{
    (void)text_copy(keystore->reason, sizeof keystore->reason, text);
}

static void keystore_changed(struct keystore *keystore)
{
    keystore->setup.user->changed(keystore->setup.owner, keystore);
}

/* -- what signers say -------------------------------------------------------------------------- */

static bool keystore_take_inventory(struct keystore *keystore, struct channel_message *message)
{
    struct sealed sealed;
    struct err err;

    if (message->fd_count != 1 || !sealed_map(message->fds[0], INVENTORY_BYTES_MAX, &sealed, &err))
        return false;
    sealed_unmap(&sealed);
    if (sealed_same(keystore->inventory, message->fds[0], INVENTORY_BYTES_MAX))
        return true;
    if (keystore->inventory >= 0)
        close(keystore->inventory);
    keystore->inventory = message->fds[0];
    message->fd_count = 0;
    keystore->setup.user->inventory(keystore->setup.owner, keystore);
    return true;
}

static bool on_message(void *owner, struct child *child, struct channel_message *message)
{
    struct signer *signer = owner;
    const char *text;

    (void)child;
    if (message->type == MESSAGE_INVENTORY)
        return keystore_take_inventory(signer->keystore, message);
    if (message->type != MESSAGE_SIGNER_STATE || !signer_take_state(signer, message, &text))
        return false;
    if (signer->state == SIGNER_ABSENT || signer->state == SIGNER_FAULTY)
        err_set(&signer->keystore->stated, "%s", text);
    return true;
}

static void on_ready(void *owner, struct child *child)
{
    struct signer *signer = owner;
    struct keystore *keystore = signer->keystore;
    bool was_up = keystore->can_sign;

    (void)child;
    signer->state = SIGNER_READY;
    keystore->trouble = TROUBLE_NONE;
    keystore->failed_starts = 0;
    keystore->reason[0] = keystore->stated.text[0] = '\0';
    keystore->settled = keystore->can_sign = true;
    if (!was_up) {
        keystore_log(keystore, LOG_LEVEL_INFO, "keystore-up", NULL);
        keystore_changed(keystore);
    }
    keystore_step(keystore);
}

/* -- a signer's end ---------------------------------------------------------------------------- */

/* A fault names its place itself. */
static void keystore_find_reason(struct keystore *keystore, const struct child_end *end)
{
    struct err reason = keystore->stated, where;

    if (end->fault[0]) {
        keystore_set_reason(keystore, end->fault);
        return;
    }
    if (!reason.text[0])
        err_set(&reason, "its signers end before they are ready");
    conf_where_keystore(keystore->setup.generation->conf, keystore->conf, &where);
    err_context(&reason, "%s", where.text);
    keystore_set_reason(keystore, reason.text);
}

/* A signer ended before it was ready. One line when the trouble is new, none when it lasts. */
static void keystore_start_failed(struct keystore *keystore, const struct signer *signer,
                                  const struct child_end *end)
{
    enum trouble before = keystore->trouble, trouble = trouble_of(signer->state, end);
    bool could_sign = keystore->can_sign;

    keystore->failed_starts++;
    if (trouble == TROUBLE_FAULTY && keystore->failed_starts < KEYSTORE_FAULTY_STARTS &&
        !keystore->setup.check)
        return;
    keystore_find_reason(keystore, end);
    keystore->trouble = trouble;
    keystore->settled = true;
    keystore->not_before_ms = clock_monotonic_ms() + trouble_rest_ms(trouble);
    if (!keystore_ready_count(keystore))
        keystore->can_sign = false;
    if (trouble != before && !keystore->setup.check)
        keystore_log(keystore, trouble == TROUBLE_ABSENT ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR,
                     trouble_event(trouble), keystore->reason);
    if (trouble != before || could_sign != keystore->can_sign)
        keystore_changed(keystore);
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

static void on_ended(void *owner, struct child *child, const struct child_end *end)
{
    struct signer *signer = owner;
    struct keystore *keystore = signer->keystore;
    uint64_t now_ms = clock_monotonic_ms();

    (void)child;
    signer_rest(signer, end, now_ms);
    if (keystore->stopping) {
        keystore_changed(keystore);
        return;
    }
    if (keystore->setup.check) {
        keystore_checked(keystore, signer, end);
        return;
    }
    if (!end->was_ready) {
        keystore_start_failed(keystore, signer, end);
    } else if (keystore->can_sign && keystore->trouble != TROUBLE_NONE && !keystore_ready_count(keystore)) {
        /* The last one that was left. */
        keystore->can_sign = false;
        keystore_changed(keystore);
    }
    keystore_tick(keystore, now_ms);
    keystore_step(keystore);
}

static const struct child_user signer_child = {.ready = on_ready, .message = on_message, .ended = on_ended};

/* -- starting signers -------------------------------------------------------------------------- */

static bool keystore_start_signer(const struct keystore *keystore, struct signer *signer, struct err *err)
{
    const struct signer_tools tools = {
        .programs = keystore->setup.programs,
        .account = keystore->setup.account,
        .keystore = (uint32_t)keystore->setup.index,
        .start = keystore->start,
        .queue = keystore->queue.far,
        .pin = &keystore->pin,
    };

    signer->child.quiet = keystore->trouble == TROUBLE_ABSENT;
    return signer_start(signer, &tools, err);
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

/* Starts the next signer, now or when it is due; one at a time, so that one login is under way. */
static void keystore_step(struct keystore *keystore)
{
    struct signer *signer = keystore_next(keystore);
    uint64_t now_ms = clock_monotonic_ms(), due_ms;
    struct err err;

    if (keystore->stopping || keystore->trouble == TROUBLE_CLOSED || !signer ||
        keystore_is_starting_one(keystore))
        return;
    due_ms = signer->due_ms > keystore->not_before_ms ? signer->due_ms : keystore->not_before_ms;
    if (now_ms < due_ms) {
        keystore_arm(keystore, due_ms - now_ms);
        return;
    }
    if (!keystore_start_signer(keystore, signer, &err)) {
        log_event(LOG_LEVEL_ERROR, "child-start-failed", "%s", err.text);
        keystore_arm(keystore, KEYSTORE_RETRY_MS);
    }
}

static void on_next(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    keystore_step(watcher->data);
}

void keystore_start(struct keystore *keystore)
{
    keystore_step(keystore);
}

/* -- watching ---------------------------------------------------------------------------------- */

/* A worker can shut the queue down for everybody; a new one is made, for workers and for fresh signers. */
static void keystore_watch_queue(struct keystore *keystore, uint64_t now_ms)
{
    struct err err;

    if (!sign_queue_broken(&keystore->queue) || now_ms - keystore->queue_made_ms < KEYSTORE_QUEUE_MS)
        return;
    keystore->queue_made_ms = now_ms;
    if (!sign_queue_renew(&keystore->queue, &err)) {
        keystore_log(keystore, LOG_LEVEL_ERROR, "queue-lost", err.text);
        return;
    }
    keystore_log(keystore, LOG_LEVEL_WARNING, "queue-replaced", "a process had shut it down");
    keystore->setup.user->queue(keystore->setup.owner, keystore);
}

void keystore_tick(struct keystore *keystore, uint64_t now_ms)
{
    if (!keystore->stopping)
        keystore_watch_queue(keystore, now_ms);
    for (size_t i = 0; i < keystore->signer_count; i++) {
        struct signer *signer = &keystore->signers[i];

        if (keystore->stopping)
            signer_watch_stopping(signer, keystore->stop_at_once, now_ms - keystore->stop_ms);
        else
            signer_watch(signer, keystore->conf->sign_timeout_ms, now_ms);
    }
}

void keystore_stop(struct keystore *keystore, bool at_once)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (!keystore->stopping)
        keystore->stop_ms = now_ms;
    keystore->stopping = true;
    keystore->stop_at_once = keystore->stop_at_once || at_once;
    ev_timer_stop(keystore->setup.family->loop, &keystore->next);
    sign_queue_end(&keystore->queue);
    keystore_tick(keystore, now_ms);
}

/* -- making ------------------------------------------------------------------------------------ */

static bool keystore_make(struct keystore *keystore, struct err *err)
{
    const struct keystore_setup *setup = &keystore->setup;
    const struct conf *conf = setup->generation->conf;
    size_t count = setup->check ? 1 : keystore->conf->signers;
    struct err where;

    conf_where_keystore(conf, keystore->conf, &where);
    if (keystore->conf->pin_file[0] &&
        !pin_file_read(keystore->conf->pin_file, setup->account->uid, &keystore->pin, err)) {
        err_context(err, "%s: pin-file", where.text);
        return false;
    }
    keystore->start = signer_memory_new(conf, setup->index, setup->check, setup->force_login, err);
    if (keystore->start < 0 || !sign_queue_open(&keystore->queue, err))
        return false;
    keystore->signers = calloc(count, sizeof *keystore->signers);
    if (!keystore->signers) {
        err_set(err, "out of memory");
        return false;
    }
    while (keystore->signer_count < count) {
        struct signer *signer = &keystore->signers[keystore->signer_count];

        signer->keystore = keystore;
        signer->page_fd = -1;
        child_init(&signer->child, setup->family, &signer_child, signer);
        signer->child.of = keystore->conf->alias;
        signer->child.index = (unsigned)keystore->signer_count++;
        if (!signer_make(signer, err))
            return false;
    }
    return true;
}

struct keystore *keystore_new(const struct keystore_setup *setup, struct err *err)
{
    struct keystore *keystore = calloc(1, sizeof *keystore);

    if (!keystore) {
        err_set(err, "out of memory");
        return NULL;
    }
    keystore->setup = *setup;
    keystore->conf = &setup->generation->conf->keystores[setup->index];
    keystore->start = keystore->inventory = keystore->queue.near = keystore->queue.far = -1;
    ev_init(&keystore->next, on_next);
    keystore->next.data = keystore;
    if (keystore_make(keystore, err))
        return keystore;
    keystore_free(keystore);
    return NULL;
}

void keystore_free(struct keystore *keystore)
{
    if (!keystore)
        return;
    ev_timer_stop(keystore->setup.family->loop, &keystore->next);
    for (size_t i = 0; i < keystore->signer_count; i++)
        signer_unmake(&keystore->signers[i]);
    free(keystore->signers);
    pin_wipe(&keystore->pin);
    sign_queue_close(&keystore->queue);
    if (keystore->start >= 0)
        close(keystore->start);
    if (keystore->inventory >= 0)
        close(keystore->inventory);
    free(keystore);
}
