#include "clock.h"
#include "inventory.h"
#include "keystore_private.h"
#include "sealed.h"
#include "signer_memory.h"
#include "token_name.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEYSTORE_QUEUE_MS = 1000 /* a queue is not replaced more often */ };

const struct conf_keystore *keystore_conf(const struct keystore *keystore)
{
    return keystore->conf;
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

bool keystore_stopping(const struct keystore *keystore)
{
    return keystore->stopping;
}

size_t keystore_ready_count(const struct keystore *keystore)
{
    size_t count = 0;

    for (size_t i = 0; i < keystore->signer_count; i++)
        count += child_runs(&keystore->signers[i].child) && keystore->signers[i].child.ready &&
                 !keystore->signers[i].odd;
    return count;
}

bool keystore_idle(const struct keystore *keystore)
{
    for (size_t i = 0; i < keystore->signer_count; i++)
        if (child_runs(&keystore->signers[i].child))
            return false;
    return true;
}

void keystore_count_signers(const struct keystore *keystore, size_t counts[KEYSTORE_STATES])
{
    memset(counts, 0, KEYSTORE_STATES * sizeof *counts);
    for (size_t i = 0; i < keystore->signer_count; i++) {
        const struct signer *signer = &keystore->signers[i];

        if (!child_runs(&signer->child))
            counts[KEYSTORE_STATES - 1]++;
        else if (signer_logs_in(signer))
            counts[SIGNER_LOGGING_IN]++;
        else if (signer->state == SIGNER_READY && counter_get(&signer->page->busy_since_ms))
            counts[SIGNER_BUSY]++;
        else
            counts[signer->state]++;
    }
}

void keystore_log(const struct keystore *keystore, enum log_level level, const char *event,
                  const char *reason)
{
    struct log_line line;

    if (keystore->alone)
        return;
    log_begin(&line, level, event);
    log_text(&line, "keystore", keystore->conf->alias);
    log_number(&line, "ready", (int64_t)keystore_ready_count(keystore));
    log_text(&line, "reason", reason);
    log_end(&line);
}

void keystore_changed(struct keystore *keystore)
{
    keystore->setup.user->changed(keystore->setup.owner, keystore);
}

void keystore_start(struct keystore *keystore)
{
    keystore_step(keystore);
}

void keystore_go_on(struct keystore *keystore)
{
    keystore->alone = false;
    keystore_wait_for_room(keystore);
    keystore_step(keystore);
}

void keystore_retire(struct keystore *keystore)
{
    keystore->retired = true;
    keystore_leave_room(keystore);
}

bool keystore_same(const struct keystore *fresh, const struct keystore *known)
{
    return known->can_sign && known->trouble == TROUBLE_NONE && !known->stopping && !known->retired &&
           known->signer_count == fresh->signer_count && pin_same(&known->pin, &fresh->pin) &&
           account_same(&known->setup.generation->signer_user, &fresh->setup.generation->signer_user) &&
           signer_memory_same(known->start, fresh->start) && known->inventory >= 0 &&
           sealed_same(known->inventory, fresh->inventory, INVENTORY_BYTES_MAX);
}

const struct pin *keystore_pin(const struct keystore *keystore)
{
    return &keystore->pin;
}

bool keystore_pin_refused(const struct keystore *keystore)
{
    return login_gate_refused(&keystore->gate);
}

/* A refused PIN whose file was written anew since is another one: the token may have been reset. */
bool keystore_is_alike(const struct keystore *keystore, const struct keystore *other)
{
    const struct conf_keystore *conf = keystore->conf, *of = other->conf;

    return keystore->gate.page && other->gate.page &&
           token_name_may_be_same(conf->module, conf->token, of->module, of->token) &&
           pin_same(&keystore->pin, &other->pin) &&
           (!keystore_pin_refused(other) || pin_same_age(&keystore->pin, &other->pin));
}

bool keystore_share_gate(struct keystore *keystore, const struct keystore *other, struct err *err)
{
    login_gate_close(&keystore->gate);
    return login_gate_share(&other->gate, &keystore->gate, err);
}

const struct pin *keystore_asked_pin(const struct keystore *keystore, const struct conf_keystore *conf)
{
    if (!keystore->pin_was_asked || strcmp(keystore->conf->module, conf->module) != 0 ||
        strcmp(keystore->conf->token, conf->token) != 0)
        return NULL;
    return &keystore->pin;
}

size_t keystore_pages(struct keystore *keystore, size_t index, struct grant *out, size_t max)
{
    size_t count = 0;

    keystore->page_index = index;
    for (size_t i = 0; i < keystore->signer_count && count < max; i++) {
        const uint32_t number = (uint32_t)(index << 16 | (size_t)keystore->setup.slot << 8 | i);

        if (child_runs(&keystore->signers[i].child))
            out[count++] = (struct grant){GRANT_SIGNER_PAGE, number, keystore->signers[i].page_fd};
    }
    return count;
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
    const struct standstill *standstill = &keystore->setup.family->standstill;
    uint64_t waited_ms = standstill_age_ms(standstill, keystore->stop_ms, now_ms);

    if (!keystore->stopping) {
        keystore_watch_queue(keystore, now_ms);
        keystore_watch_readiness(keystore, now_ms);
    }
    for (size_t i = 0; i < keystore->signer_count; i++) {
        struct signer *signer = &keystore->signers[i];

        if (keystore->stopping)
            signer_watch_stopping(signer, keystore->stop_at_once, waited_ms);
        else
            signer_watch(signer, !keystore->conf->directory[0], keystore->conf->sign_timeout_ms, now_ms);
    }
}

void keystore_stop(struct keystore *keystore, bool at_once)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (!keystore->stopping || (at_once && !keystore->stop_at_once))
        keystore->stop_ms = now_ms;
    keystore->stopping = true;
    keystore->stop_at_once = keystore->stop_at_once || at_once;
    ev_timer_stop(keystore->setup.family->loop, &keystore->next);
    if (keystore->turn.place == LOGIN_PLACE_IN_LINE)
        login_turns_leave(keystore->setup.turns, &keystore->turn);
    sign_queue_end(&keystore->queue);
    keystore_tick(keystore, now_ms);
}

/* -- making ------------------------------------------------------------------------------------ */

static void on_next(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    keystore_step(watcher->data);
}

static void on_turn(void *owner)
{
    keystore_step(owner);
}

static bool keystore_make_signers(struct keystore *keystore, struct err *err)
{
    const struct keystore_setup *setup = &keystore->setup;
    size_t count = setup->check ? 1 : keystore->conf->signers;

    keystore->signers = calloc(count, sizeof *keystore->signers);
    if (!keystore->signers) {
        err_set(err, "out of memory");
        return false;
    }
    while (keystore->signer_count < count) {
        struct signer *signer = &keystore->signers[keystore->signer_count];

        signer->keystore = keystore;
        signer->page_fd = -1;
        child_init(&signer->child, setup->family, &keystore_signer, signer);
        signer->child.of = keystore->conf->alias;
        signer->child.index = (unsigned)keystore->signer_count++;
        if (!signer_make(signer, err))
            return false;
    }
    return true;
}

static bool keystore_make(struct keystore *keystore, struct err *err)
{
    const struct keystore_setup *setup = &keystore->setup;
    const struct conf *conf = setup->generation->conf;
    struct err where;

    if (!pin_source_read(&setup->pin, keystore->conf, setup->generation->signer_user.uid, &keystore->pin,
                         err)) {
        conf_where_keystore(conf, keystore->conf, &where);
        err_context(err, "%s", where.text);
        return false;
    }
    keystore->pin_was_asked = pin_source_is_person(keystore->conf) && keystore->pin.memory;
    keystore->start = signer_memory_new(conf, setup->index, setup->check, setup->force_login, err);
    return keystore->start >= 0 && sign_queue_open(&keystore->queue, err) &&
           (keystore->conf->directory[0] || login_gate_make(&keystore->gate, err)) &&
           keystore_make_signers(keystore, err);
}

struct keystore *keystore_new(const struct keystore_setup *setup, struct err *err)
{
    struct keystore *keystore = calloc(1, sizeof *keystore);

    if (!keystore) {
        err_set(err, "out of memory");
        return NULL;
    }
    keystore->setup = *setup;
    keystore->holders = 1;
    keystore->alone = setup->alone;
    keystore->page_index = setup->index;
    generation_hold(setup->generation);
    keystore->conf = &setup->generation->conf->keystores[setup->index];
    keystore->start = keystore->inventory = keystore->queue.near = keystore->queue.far = -1;
    keystore->gate = LOGIN_GATE_NONE;
    ev_init(&keystore->next, on_next);
    keystore->next.data = keystore;
    keystore->turn = (struct login_turn){
        .module = keystore->conf->module, .token = keystore->conf->token, .come = on_turn, .owner = keystore};
    if (keystore_make(keystore, err))
        return keystore;
    keystore_free(keystore);
    return NULL;
}

void keystore_hold(struct keystore *keystore)
{
    keystore->holders++;
}

void keystore_leave(struct keystore *keystore)
{
    if (--keystore->holders == 0)
        keystore_stop(keystore, false);
}

void keystore_free(struct keystore *keystore)
{
    if (!keystore)
        return;
    ev_timer_stop(keystore->setup.family->loop, &keystore->next);
    login_turns_leave(keystore->setup.turns, &keystore->turn);
    for (size_t i = 0; i < keystore->signer_count; i++)
        signer_unmake(&keystore->signers[i]);
    free(keystore->signers);
    pin_wipe(&keystore->pin);
    login_gate_close(&keystore->gate);
    sign_queue_close(&keystore->queue);
    if (keystore->start >= 0)
        close(keystore->start);
    if (keystore->inventory >= 0)
        close(keystore->inventory);
    generation_leave(keystore->setup.generation);
    free(keystore);
}
