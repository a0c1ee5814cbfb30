#include "login_turns.h"

#include "token_name.h"

#include <stddef.h>

void login_turns_init(struct login_turns *turns)
{
    TAILQ_INIT(turns);
}

/* Nobody before it stands there for the same token. That is no equivalence: of three, the first and the last
 * may be strangers. */
static bool is_first(const struct login_turns *turns, const struct login_turn *turn)
{
    const struct login_turn *before;

    TAILQ_FOREACH(before, turns, entry)
    {
        if (before == turn)
            return true;
        if (token_name_may_be_same(before->module, before->token, turn->module, turn->token))
            return false;
    }
    return false;
}

bool login_turns_take(struct login_turns *turns, struct login_turn *turn)
{
    if (turn->place == LOGIN_PLACE_NONE) {
        TAILQ_INSERT_TAIL(turns, turn, entry);
        turn->place = LOGIN_PLACE_IN_LINE;
    }
    if (is_first(turns, turn))
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

/* The first whose turn it is by now. */
static struct login_turn *next_one(const struct login_turns *turns)
{
    struct login_turn *turn;

    TAILQ_FOREACH(turn, turns, entry)
    {
        if (turn->place == LOGIN_PLACE_IN_LINE && is_first(turns, turn))
            return turn;
    }
    return NULL;
}

void login_turns_leave(struct login_turns *turns, struct login_turn *turn)
{
    struct login_turn *next;

    if (turn->place == LOGIN_PLACE_NONE)
        return;
    step_out(turns, turn);
    /* One that does not want it any more steps aside for those behind it. */
    while ((next = next_one(turns)))
        if (!wants_it(next))
            step_out(turns, next);
}
