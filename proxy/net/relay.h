/*
 * Two streams, each the other's sink: bytes go both ways, ends are handed on as ends, and when both
 * directions are over, or one failed, the owner is told once. Raw TLS sessions and FTP data channels are
 * relays; the relay is both streams' user while it lives.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct relay;
struct stream;

enum relay_end {
    RELAY_DONE,  /* both sides ended cleanly, everything was written */
    RELAY_A_CUT, /* a ended without close_notify */
    RELAY_B_CUT,
    RELAY_A_FAILED, /* stream_error(a) */
    RELAY_B_FAILED,
};

struct relay_user {
    void (*ended)(void *owner, enum relay_end end); /* once; the streams are still the owner's to close */
    void (*moved)(void *owner);                     /* bytes went through: for idle timers; may be NULL */
    /* A side's end was seen (0: a, 1: b), before it is handed on: true hands it on (finish the other), false
     * keeps it. NULL: always hand on. Must not free the relay. */
    bool (*side_ended)(void *owner, int side);
};

struct relay *relay_new(struct stream *a, struct stream *b, const struct relay_user *user, void *owner);
void relay_free(struct relay *relay); /* before its streams are closed; they stay the owner's, without a user;
                                         NULL is allowed */
