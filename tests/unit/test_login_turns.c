#include "login_turns.h"
#include "unit.h"

enum { PLACES = 4 };

struct seen {
    struct login_turns turns;
    struct login_turn turn[PLACES];
    bool wants[PLACES]; /* takes it when it comes */
    char came[16];
    size_t came_count;
};

struct who {
    struct seen *seen;
    size_t index;
};

static struct who owners[PLACES];

static void came(void *owner)
{
    const struct who *who = owner;
    struct seen *seen = who->seen;

    seen->came[seen->came_count++] = (char)('0' + who->index);
    if (seen->wants[who->index])
        assert_true(login_turns_take(&seen->turns, &seen->turn[who->index]));
}

/* 0, 1 and 2 are of one token, 3 of another. */
static int prepare(void **state)
{
    static struct seen seen;

    seen = (struct seen){.wants = {true, true, true, true}};
    login_turns_init(&seen.turns);
    for (size_t i = 0; i < PLACES; i++) {
        owners[i] = (struct who){&seen, i};
        seen.turn[i] = (struct login_turn){.module = "/m.so",
                                           .token = i == 3 ? "pkcs11:token=b" : "pkcs11:token=a",
                                           .come = came,
                                           .owner = &owners[i]};
    }
    *state = &seen;
    return 0;
}

static void one_at_a_time_in_order(void **state)
{
    struct seen *seen = *state;

    assert_true(login_turns_take(&seen->turns, &seen->turn[1]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[0]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[2]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[0])); /* asked again: the same place */
    login_turns_leave(&seen->turns, &seen->turn[1]);
    assert_string_equal(seen->came, "0");
    login_turns_leave(&seen->turns, &seen->turn[0]);
    assert_string_equal(seen->came, "02");
    login_turns_leave(&seen->turns, &seen->turn[2]);
    assert_true(TAILQ_EMPTY(&seen->turns));
}

static void another_token_does_not_wait(void **state)
{
    struct seen *seen = *state;

    assert_true(login_turns_take(&seen->turns, &seen->turn[0]));
    assert_true(login_turns_take(&seen->turns, &seen->turn[3]));
    login_turns_leave(&seen->turns, &seen->turn[3]);
    assert_string_equal(seen->came, "");
}

static void who_has_it_keeps_it(void **state)
{
    struct seen *seen = *state;

    assert_true(login_turns_take(&seen->turns, &seen->turn[0]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[1]));
    assert_true(login_turns_take(&seen->turns, &seen->turn[0]));
    login_turns_leave(&seen->turns, &seen->turn[1]); /* out of the line, nobody is called */
    assert_string_equal(seen->came, "");
    login_turns_leave(&seen->turns, &seen->turn[0]);
    login_turns_leave(&seen->turns, &seen->turn[0]);
    assert_string_equal(seen->came, "");
    assert_true(TAILQ_EMPTY(&seen->turns));
}

static void who_does_not_want_it_any_more_steps_aside(void **state)
{
    struct seen *seen = *state;

    seen->wants[1] = false;
    assert_true(login_turns_take(&seen->turns, &seen->turn[0]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[1]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[2]));
    login_turns_leave(&seen->turns, &seen->turn[0]);
    assert_string_equal(seen->came, "12");
    assert_int_equal(seen->turn[2].place, LOGIN_PLACE_TURN);
}

/* The first and the last name different tokens, and the one between them may be either. */
static void a_name_that_may_be_either_waits_for_both(void **state)
{
    struct seen *seen = *state;

    seen->turn[2].token = "pkcs11:token=b";
    seen->turn[1].token = "pkcs11:serial=1";
    assert_true(login_turns_take(&seen->turns, &seen->turn[0]));
    assert_true(login_turns_take(&seen->turns, &seen->turn[3]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[1]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[2]));
    login_turns_leave(&seen->turns, &seen->turn[0]);
    assert_string_equal(seen->came, "");
    login_turns_leave(&seen->turns, &seen->turn[3]);
    assert_string_equal(seen->came, "1");
    assert_false(login_turns_take(&seen->turns, &seen->turn[0]));
    login_turns_leave(&seen->turns, &seen->turn[1]);
    assert_string_equal(seen->came, "120");
}

/* Whoever waited for it only goes on. */
static void who_leaves_the_line_holds_nobody_up(void **state)
{
    struct seen *seen = *state;

    seen->turn[1].token = "pkcs11:serial=1";
    seen->turn[2].token = "pkcs11:token=b";
    assert_true(login_turns_take(&seen->turns, &seen->turn[0]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[1]));
    assert_false(login_turns_take(&seen->turns, &seen->turn[2]));
    login_turns_leave(&seen->turns, &seen->turn[1]);
    assert_string_equal(seen->came, "2");
    assert_int_equal(seen->turn[2].place, LOGIN_PLACE_TURN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_at_a_time_in_order, prepare),
        cmocka_unit_test_setup(another_token_does_not_wait, prepare),
        cmocka_unit_test_setup(who_has_it_keeps_it, prepare),
        cmocka_unit_test_setup(who_does_not_want_it_any_more_steps_aside, prepare),
        cmocka_unit_test_setup(a_name_that_may_be_either_waits_for_both, prepare),
        cmocka_unit_test_setup(who_leaves_the_line_holds_nobody_up, prepare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
