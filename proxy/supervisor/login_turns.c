#include "login_turns.h"

#include <stddef.h>
#include <string.h>

void login_turns_init(struct login_turns *turns)
{
    TAILQ_INIT(turns);
}

/* The first in line, which is the one that has the turn when anybody has. */
static struct login_turn *first_of(const struct login_turns *turns, const char *module, const char *token)
{
    struct login_turn *turn;

    TAILQ_FOREACH(turn, turns, entry)
    if (strcmp(turn->module, module) == 0 && strcmp(turn->token, token) == 0)
        return turn;
    return NULL;
}

bool login_turns_take(struct login_turns *turns, struct login_turn *turn)
{
    if (turn->place == LOGIN_PLACE_NONE) {
        TAILQ_INSERT_TAIL(turns, turn, entry);
        turn->place = LOGIN_PLACE_IN_LINE;
    }
    if (first_of(turns, turn->module, turn->token) == turn)
        turn->place = LOGIN_PLACE_TURN;
    return turn->place == LOGIN_PLACE_TURN;
}

static void step_out(struct login_turns *turns, struct login_turn *turn)
{
    TAILQ_REMOVE(turns, turn, entry);
    turn->place = LOGIN_PLACE_NONE;
}

static bool wants_it(struct login_turn *turn)
{
    turn->place = LOGIN_PLACE_OFFERED;
    turn->come(turn->owner);
    return turn->place != LOGIN_PLACE_OFFERED;
}

void login_turns_leave(struct login_turns *turns, struct login_turn *turn)
{
    enum login_place had = turn->place;
    struct login_turn *next;

    if (had == LOGIN_PLACE_NONE)
        return;
    step_out(turns, turn);
    if (had != LOGIN_PLACE_TURN)
        return;
    /* One that does not want it any more steps aside for the one behind it. */
    while ((next = first_of(turns, turn->module, turn->token)) && next->place == LOGIN_PLACE_IN_LINE)
        if (!wants_it(next))
            step_out(turns, next);
}
