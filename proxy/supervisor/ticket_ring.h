/*
 * The ticket secrets of this node, for listeners without ticket-secret-file: made at the start, and a new
 * first one every quarter of the longest session-lifetime (T3). Older ones are kept as long as a ticket that
 * they sealed may live. Handed over as sealed memory; wiped here with the supervisor. Supervisor only; never
 * blocks.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first seals; for a quarter it did so, four quarters its tickets live. */
enum { TICKET_SECRET_LEN = 80, TICKET_RING_MAX = 6 };

struct ticket_ring {
    uint8_t secrets[TICKET_RING_MAX][TICKET_SECRET_LEN]; /* the newest first */
    size_t count;
    uint64_t turned_ms;
    int fd; /* all of them, sealed; -1: none so far */
};

bool ticket_ring_open(struct ticket_ring *ring, uint64_t now_ms, struct err *err);
void ticket_ring_close(struct ticket_ring *ring);

/* When it is time: a new first one. True: fd is another one, to be granted. On failure (false) all is as
 * before, and it is tried again the next time. */
bool ticket_ring_turn(struct ticket_ring *ring, uint64_t lifetime_ms, uint64_t now_ms);
