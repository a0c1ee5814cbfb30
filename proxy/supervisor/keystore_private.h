/* A keystore from the inside, for keystore.c and keystore_signers.c only. */
#pragma once

#include "keystore.h"
#include "log.h"
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
    enum trouble trouble;
    unsigned failed_starts;
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
