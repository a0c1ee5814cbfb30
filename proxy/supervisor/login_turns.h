/*
 * One login at a time in a token, whoever's the signers are: another keystore of the same token, another
 * generation, a reload that looks at it. Some modules rewrite the token's file in a login (TRAPS 9: who
 * reads it at that moment finds no token), and a PIN that is refused must be tried once only.
 *
 * Whoever has the turn keeps it until its signer is ready or gone; the others stand in line. Pure: no clock,
 * no process. Supervisor only.
 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

enum login_place { LOGIN_PLACE_NONE, LOGIN_PLACE_IN_LINE, LOGIN_PLACE_OFFERED, LOGIN_PLACE_TURN };

struct login_turn {
    TAILQ_ENTRY(login_turn) entry;
    const char *module, *token; /* borrowed: turns of what may be the same token exclude each other */
    enum login_place place;
    void (*come)(void *owner); /* it is its turn if it still wants it: it takes it again */
    void *owner;
};

TAILQ_HEAD(login_turns, login_turn);

void login_turns_init(struct login_turns *turns);

/* False: it stands in line now, come will be called. */
bool login_turns_take(struct login_turns *turns, struct login_turn *turn);

/* Gives the turn, or the place in line, up; harmless without either. May call come of others. */
void login_turns_leave(struct login_turns *turns, struct login_turn *turn);
