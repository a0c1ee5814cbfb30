/*
 * Who is next at the signers: data channels of logged-in sessions first, in order; then one of each source
 * network in turn, so that a network that floods waits behind itself only. Entries stand inside their owner.
 * Pure: no clock, no sockets. Worker only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct sign_network;

struct sign_turn {
    TAILQ_ENTRY(sign_turn) queued;
    struct sign_network *network; /* NULL: urgent, or not waiting */
    bool waits;
};

TAILQ_HEAD(sign_turn_list, sign_turn);
TAILQ_HEAD(sign_network_list, sign_network);

enum { SIGN_NETWORK_SLOTS = 1024 };

struct sign_turns {
    struct sign_turn_list urgent;
    struct sign_network_list ring; /* networks with somebody waiting, the next one first */
    struct sign_network_list table[SIGN_NETWORK_SLOTS]; /* the same, by number */
    size_t urgent_count, count, network_count;
};

void sign_turns_init(struct sign_turns *turns);

/* How many would be served before a newcomer of this network. */
size_t sign_turns_ahead(const struct sign_turns *turns, bool urgent, uint64_t network);

/* false: out of memory. */
bool sign_turns_add(struct sign_turns *turns, struct sign_turn *turn, bool urgent, uint64_t network);
void sign_turns_remove(struct sign_turns *turns, struct sign_turn *turn);

/* The next one, taken out; NULL: nobody waits. */
struct sign_turn *sign_turns_next(struct sign_turns *turns);

/* Calls each for everybody who waits; each must not change the turns. */
void sign_turns_each(struct sign_turns *turns, void (*each)(struct sign_turn *turn));
