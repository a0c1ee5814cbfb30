#include "rate.h"
#include "unit.h"

static void so_many_a_second_and_no_more(void **state)
{
    static const struct {
        uint32_t per_second, burst;
        uint64_t span_ms, step_ms;
        unsigned expected; /* burst + span * per_second / 1000 */
    } rows[] = {
        {10, 10, 10000, 1, 110},  {10, 1, 10000, 1, 101}, {1, 1, 10000, 100, 11},
        {1000, 5, 1000, 1, 1005}, {3, 3, 9000, 7, 30},    {10, 10, 3600000, 60000, 610},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct rate rate;
        unsigned taken = 0;

        rate_init(&rate, rows[i].per_second, rows[i].burst, 5000);
        for (uint64_t at_ms = 0; at_ms <= rows[i].span_ms; at_ms += rows[i].step_ms)
            while (rate_take(&rate, 5000 + at_ms))
                taken++;
        if (taken < rows[i].expected - 1 || taken > rows[i].expected)
            fail_msg("row %zu: %u, not %u", i, taken, rows[i].expected);
    }
}

static void zero_is_no_limit_and_the_wait_is_told(void **state)
{
    struct rate none, slow;

    (void)state;
    rate_init(&none, 0, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(rate_take(&none, 0));
    rate_init(&slow, 2, 1, 0);
    assert_true(rate_take(&slow, 0));
    assert_int_equal(rate_wait_ms(&slow, 0), 500);
    assert_false(rate_take(&slow, 499));
    assert_true(rate_take(&slow, 500));
    assert_false(rate_take(&slow, 400)); /* a clock that goes back gives nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_a_second_and_no_more),
        cmocka_unit_test(zero_is_no_limit_and_the_wait_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
