#include "sign_turns.h"
#include "unit.h"

enum { MANY = 100 };

static void one_network_cannot_keep_another_waiting(void **state)
{
    struct sign_turns turns;
    struct sign_turn flood[MANY], quiet[2];

    (void)state;
    sign_turns_init(&turns);
    for (int i = 0; i < MANY; i++)
        assert_true(sign_turns_add(&turns, &flood[i], false, 1));
    assert_int_equal(sign_turns_ahead(&turns, false, 2), 1);
    for (int i = 0; i < 2; i++)
        assert_true(sign_turns_add(&turns, &quiet[i], false, 2));
    assert_ptr_equal(sign_turns_next(&turns), &flood[0]);
    assert_ptr_equal(sign_turns_next(&turns), &quiet[0]);
    assert_ptr_equal(sign_turns_next(&turns), &flood[1]);
    assert_ptr_equal(sign_turns_next(&turns), &quiet[1]);
    for (int i = 2; i < MANY; i++)
        assert_ptr_equal(sign_turns_next(&turns), &flood[i]);
    assert_null(sign_turns_next(&turns));
    assert_int_equal(turns.count + turns.network_count, 0);
}

static void data_channels_go_first(void **state)
{
    struct sign_turns turns;
    struct sign_turn other, data[2];

    (void)state;
    sign_turns_init(&turns);
    assert_true(sign_turns_add(&turns, &other, false, 7));
    for (int i = 0; i < 2; i++)
        assert_true(sign_turns_add(&turns, &data[i], true, 7));
    assert_int_equal(sign_turns_ahead(&turns, true, 7), 2);
    assert_int_equal(sign_turns_ahead(&turns, false, 7), 3);
    assert_ptr_equal(sign_turns_next(&turns), &data[0]);
    assert_ptr_equal(sign_turns_next(&turns), &data[1]);
    assert_ptr_equal(sign_turns_next(&turns), &other);
}

static int called;

static void count_call(struct sign_turn *turn)
{
    assert_true(turn->waits);
    called++;
}

static void whoever_leaves_is_forgotten(void **state)
{
    struct sign_turns turns;
    struct sign_turn entries[MANY];

    (void)state;
    sign_turns_init(&turns);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(sign_turns_add(&turns, &entries[i], i % 10 == 0, i % 7));
    called = 0;
    sign_turns_each(&turns, count_call);
    assert_int_equal(called, MANY);
    for (int i = 0; i < MANY; i += 2) {
        sign_turns_remove(&turns, &entries[i]);
        sign_turns_remove(&turns, &entries[i]); /* twice is once */
    }
    assert_int_equal(turns.count, MANY / 2);
    for (int i = 0; i < MANY / 2; i++)
        assert_false(sign_turns_next(&turns)->waits);
    assert_null(sign_turns_next(&turns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_network_cannot_keep_another_waiting),
        cmocka_unit_test(data_channels_go_first),
        cmocka_unit_test(whoever_leaves_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
