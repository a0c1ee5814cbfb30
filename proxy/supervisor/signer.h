/*
 * The place of one signer of a keystore: its process comes and goes, its page of counters, its back-off and
 * what it last said about itself stay. Supervisor only; never blocks.
 */
#pragma once

#include "backoff.h"
#include "child.h"
#include "counters_history.h"
#include "err.h"
#include "message.h"
#include "pin_file.h"

#include <stdbool.h>
#include <stdint.h>

struct keystore;

struct signer {
    struct keystore *keystore; /* whose; not looked into here */
    struct child child;
    struct backoff backoff;
    uint64_t due_ms; /* not to be started before */
    int page_fd;
    struct signer_page *page;
    enum signer_state state;
    bool login_seen; /* it has come as far as its login: module and token are open */
    bool odd;        /* offers other keys than the others: it is on its way out */
};

/* What every signer of a keystore is given. */
struct signer_tools {
    const struct programs *programs;
    const struct account *account;
    uint32_t keystore; /* index */
    int start, queue;  /* sealed memory; the end to take from */
    int gate;          /* of its logins; -1: it has none */
    const struct pin *pin;
};

/* child's user and names are the keystore's to set. */
bool signer_make(struct signer *signer, struct err *err);
void signer_unmake(struct signer *signer);

bool signer_start(struct signer *signer, const struct signer_tools *tools, struct err *err);

/* Takes a MESSAGE_SIGNER_STATE; its text (may be "") is borrowed from the message. */
bool signer_take_state(struct signer *signer, const struct channel_message *message, const char **text);

/* After its process ended: what it counted goes into the history (may be NULL) under the keystore's alias. */
void signer_rest(struct signer *signer, struct counters_history *history, const char *keystore,
                 const struct child_end *end, uint64_t now_ms);

/* Inside a login, or before the gate to one: not to be killed before that login's own deadline (TRAPS 9). */
bool signer_logs_in(const struct signer *signer);

/* Kills one that is odd, or hangs in a login or a signature; with a token also one that cannot open it. */
void signer_watch(struct signer *signer, bool has_token, uint64_t sign_timeout_ms, uint64_t now_ms);

/* Kills one that does not end although its queue ended waited_ms ago. */
void signer_watch_stopping(struct signer *signer, bool at_once, uint64_t waited_ms);
