/*
 * What the files of net/ share about a loop; nobody else includes it.
 */
#pragma once

#include "loop.h"

#include <ev.h>
#include <sys/queue.h>

struct stream;

enum {
    LOOP_RECEIVE_BYTES = 256 * 1024,
    LOOP_PLAIN_BYTES = LOOP_RECEIVE_BYTES + 64 * 1024, /* what one receive and a kept rest can decrypt to */
    LOOP_STEPS_A_TURN = 1,                             /* handshake steps, each up to half a millisecond */
};

TAILQ_HEAD(stream_list, stream);
LIST_HEAD(stream_all, stream);

struct loop {
    struct ev_loop *ev;
    ev_prepare turn;
    ev_idle more_to_do;
    uint8_t *receive, *plain, *cipher;
    size_t cipher_size;
    struct stream_all all;                 /* every stream that is not dead */
    struct stream_list ready;              /* something to tell their users */
    struct stream_list urgent, handshakes; /* one step each, data channels first */
    struct stream_list dead;               /* freed at the end of the turn */
    size_t ready_count, streams, freed_since_trim;
    uint64_t trimmed_ms;
    void (*before_wait)(void *owner);
    void *owner;
};
