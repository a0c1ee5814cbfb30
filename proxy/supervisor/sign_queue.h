/*
 * The queue between all workers and all signers of one keystore: a SOCK_SEQPACKET pair of which the
 * supervisor keeps both ends. Any worker can shut it down, so it is looked at now and then. Never blocks.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

struct sign_queue {
    int near, far; /* the workers' end; the signers' end, which blocks */
};

bool sign_queue_open(struct sign_queue *queue, struct err *err);
bool sign_queue_broken(const struct sign_queue *queue);

/* Whoever waits at either end sees its end. Descriptors stay. */
void sign_queue_end(const struct sign_queue *queue);
/* A new pair in place of the old, which is ended and closed. false: the old one stays. */
bool sign_queue_renew(struct sign_queue *queue, struct err *err);

void sign_queue_close(struct sign_queue *queue);
