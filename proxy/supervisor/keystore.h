/*
 * The supervisor's side of one keystore: its signers, their queue, its PIN, what it offers. Signers
 * start one after the other (one login at a time); one that ends is replaced; a rejected PIN is never
 * tried again; while the token is away one signer looks for it every second.
 *
 * Supervisor only; blocks in keystore_new only (the PIN's file).
 */
#pragma once

#include "child.h"
#include "err.h"
#include "generation.h"
#include "trouble.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keystore;

struct keystore_user {
    void (*inventory)(void *owner, struct keystore *keystore); /* it offers something else than before */
    void (*queue)(void *owner, struct keystore *keystore);     /* workers need the new queue */
    void (*changed)(void *owner, struct keystore *keystore);   /* trouble, can_sign, settled or idle */
};

struct keystore_setup {
    struct family *family;
    const struct programs *programs;
    const struct account *account;
    const struct generation *generation;
    size_t index; /* in the configuration */
    bool check;   /* one signer, once */
    bool force_login;
    const struct keystore_user *user;
    void *owner;
};

struct keystore *keystore_new(const struct keystore_setup *setup, struct err *err);
void keystore_free(struct keystore *keystore);

void keystore_start(struct keystore *keystore);

/* A few times a second: kills what hangs, replaces a queue that broke. */
void keystore_tick(struct keystore *keystore, uint64_t now_ms);

/* Ends the signers by ending their queue. One inside a login is given time: a token may be lost otherwise. */
void keystore_stop(struct keystore *keystore, bool at_once);
bool keystore_idle(const struct keystore *keystore); /* no signer runs */

bool keystore_settled(const struct keystore *keystore); /* its first signer was ready, or could not be */
bool keystore_can_sign(const struct keystore *keystore);
enum trouble keystore_trouble(const struct keystore *keystore); /* the last time a signer was started */
const char *keystore_reason(const struct keystore *keystore);   /* of the trouble; a sentence for a person */

size_t keystore_index(const struct keystore *keystore);
int keystore_queue(const struct keystore *keystore);     /* the workers' end; borrowed */
int keystore_inventory(const struct keystore *keystore); /* sealed memory, -1: none yet; borrowed */
