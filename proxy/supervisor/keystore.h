/*
 * The supervisor's side of one keystore: a set of signers, their queue, its PIN, what it offers. Signers
 * start one after the other (one login at a time); one that ends is replaced; a rejected PIN is never
 * tried again; while the token is away one signer looks for it every second; a signer that finds other keys
 * than the first one did is ended.
 *
 * Counted: generations whose keys are the same share one. Supervisor only; blocks in keystore_new only
 * (the PIN).
 */
#pragma once

#include "child.h"
#include "counters_history.h"
#include "err.h"
#include "generation.h"
#include "login_turns.h"
#include "pin_source.h"
#include "trouble.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keystore;

struct keystore_user {
    void (*inventory)(void *owner, struct keystore *keystore); /* the first offer is there */
    void (*queue)(void *owner, struct keystore *keystore);     /* workers need the new queue */
    void (*changed)(void *owner, struct keystore *keystore);   /* trouble, can_sign, settled or idle */
    /* A signer came (its page) or went (fd -1); index as in GRANT_SIGNER_PAGE. */
    void (*page)(void *owner, struct keystore *keystore, uint32_t index, int fd);
};

enum { KEYSTORE_SLOTS_MAX = 256 };

struct keystore_setup {
    struct family *family;
    struct login_turns *turns;
    const struct programs *programs;
    struct counters_history *history; /* NULL: nobody wants to know */
    struct generation *generation;
    size_t index;  /* in the configuration */
    unsigned slot; /* no other living keystore has it: makes its pages' numbers its own */
    bool check;    /* one signer, once */
    bool alone;    /* one signer, and no word in the log, until keystore_go_on */
    bool force_login;
    struct pin_source pin;
    const struct keystore_user *user;
    void *owner;
};

/* Held once, by the caller. */
struct keystore *keystore_new(const struct keystore_setup *setup, struct err *err);
void keystore_free(struct keystore *keystore);

/* The last holder who leaves stops it; it is to be freed when it is idle. */
void keystore_hold(struct keystore *keystore);
void keystore_leave(struct keystore *keystore);

void keystore_start(struct keystore *keystore);
void keystore_go_on(struct keystore *keystore);

/* Only generations that drain use it: what goes wrong with it is no error any more. */
void keystore_retire(struct keystore *keystore);

/* A few times a second: kills what hangs, replaces a queue that broke. */
void keystore_tick(struct keystore *keystore, uint64_t now_ms);

/* Ends the signers by ending their queue. One inside a login is given time: a token may be lost otherwise. */
void keystore_stop(struct keystore *keystore, bool at_once);
bool keystore_stopping(const struct keystore *keystore);
bool keystore_idle(const struct keystore *keystore); /* no signer runs */

bool keystore_settled(const struct keystore *keystore); /* its first signer was ready, or could not be */
bool keystore_can_sign(const struct keystore *keystore);
enum trouble keystore_trouble(const struct keystore *keystore);
/* What a person is told about the trouble; "" when there is none. May have several lines. */
const char *keystore_reason(const struct keystore *keystore);

const struct conf_keystore *keystore_conf(const struct keystore *keystore);
int keystore_queue(const struct keystore *keystore);     /* the end for workers */
int keystore_inventory(const struct keystore *keystore); /* -1: none offered so far */

/* A fresh look found what is known already, and the known one works: it can go on in place of the fresh. */
bool keystore_same(const struct keystore *fresh, const struct keystore *known);

/*
 * A fresh look found no session free on the token, and no room was made for it so far. Room: the keystore
 * that runs ends one of its signers and leaves that session alone for a few seconds (false: it has none to
 * spare); then the fresh one looks again.
 */
bool keystore_full(const struct keystore *fresh);
bool keystore_make_room(struct keystore *known);
void keystore_look_again(struct keystore *fresh);

const struct pin *keystore_pin(const struct keystore *keystore);

/* The token has refused the PIN: to one of its signers, or to one of another that shares its gate. */
bool keystore_pin_refused(const struct keystore *keystore);

/* Both may log in to the same token with the same PIN: one at a time, and a wrong one once. */
bool keystore_is_alike(const struct keystore *keystore, const struct keystore *other);
/* Before its start: its logins pass the other one's gate from now on. */
bool keystore_share_gate(struct keystore *keystore, const struct keystore *other, struct err *err);

/* The PIN a person typed for this module and token; NULL: none was. */
const struct pin *keystore_asked_pin(const struct keystore *keystore, const struct conf_keystore *conf);

/* The pages of its living signers, numbered for a configuration in which it stands at index. */
size_t keystore_pages(struct keystore *keystore, size_t index, struct grant *out, size_t max);

/* Signers by enum signer_state; the last: places without a process. */
enum { KEYSTORE_STATES = SIGNER_FAULTY + 2 };
void keystore_count_signers(const struct keystore *keystore, size_t counts[KEYSTORE_STATES]);
