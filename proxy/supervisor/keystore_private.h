/* A keystore from the inside, for keystore.c and keystore_signers.c only. */
#pragma once

#include "keystore.h"
#include "log.h"
#include "login_gate.h"
#include "sign_queue.h"
#include "signer.h"

struct keystore {
    struct keystore_setup setup;
    const struct conf_keystore *conf;
    unsigned holders;
    struct pin pin;
    bool pin_was_asked;
    int start, inventory;
    size_t page_index; /* of the configuration that the housekeeper has its pages under */
    struct sign_queue queue;
    uint64_t queue_made_ms, not_before_ms, stop_ms;
    struct signer *signers;
    size_t signer_count;
    ev_timer next;
    struct login_turn turn; /* taken while one of its signers is between its start and READY */
    struct login_gate gate; /* all logins pass it: those of its signers, and of others with this PIN */
    enum trouble trouble;
    unsigned failed_starts;
    uint64_t none_ready_since_ms; /* 0: some are */
    bool full;                    /* the last start found no session free on the token */
    bool crowded;                 /* room was made for it, or by it */
    bool can_sign, settled, stopping, stop_at_once, alone, retired, certificates_told;
    char reason[CHANNEL_PAYLOAD_MAX]; /* of the trouble */
    struct err stated;                /* what a signer last said about the token */
};

/* keystore.c */
void keystore_log(const struct keystore *keystore, enum log_level level, const char *event,
                  const char *reason);
void keystore_changed(struct keystore *keystore);
size_t keystore_ready_count(const struct keystore *keystore);

/* keystore_signers.c */
extern const struct child_user keystore_signer;
/* Starts the next signer, now or when it is due; one at a time, so that one login is under way. */
void keystore_step(struct keystore *keystore);
/* Starts that hang never fail: when nobody has been ready for so long, nobody can sign. */
void keystore_watch_readiness(struct keystore *keystore, uint64_t now_ms);

/* keystore_room.c */
/* Fresh signers wait for the generation before to let go of its sessions... */
void keystore_wait_for_room(struct keystore *keystore);
/* ... which it does, but for one, */
void keystore_leave_room(struct keystore *keystore);
/* and starts no others while that one runs. */
bool keystore_keeps_room(struct keystore *keystore);
