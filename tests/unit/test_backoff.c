/* How long a process that ended waits for its next life. */
#include "unit.h"

#include "backoff.h"

static void short_lives_wait_longer_up_to_the_cap(void **state)
{
    static const struct {
        uint64_t lived_ms, wait_ms;
    } rows[] = {
        {5, 0},   {5, 50},  {0, 100},     {9999, 200},
        {1, 400}, {1, 400}, {1, 400},     {10000, 0}, /* a good life: anew */
        {5, 50},  {5, 100}, {3600000, 0}, {5, 50},
    };
    struct backoff backoff;

    (void)state;
    backoff_init(&backoff, 50, 400);
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t wait_ms = backoff_wait_ms(&backoff, rows[i].lived_ms);

        if (wait_ms != rows[i].wait_ms)
            fail_msg("row %zu: waits %lu ms", i, (unsigned long)wait_ms);
    }
}

static void the_cap_holds_when_it_is_no_power_of_two(void **state)
{
    struct backoff backoff;
    uint64_t wait_ms = 0;

    (void)state;
    backoff_init(&backoff, 50, 5000);
    for (int i = 0; i < 100; i++) {
        wait_ms = backoff_wait_ms(&backoff, 0);
        assert_true(wait_ms <= 5000);
    }
    assert_true(wait_ms == 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_lives_wait_longer_up_to_the_cap),
        cmocka_unit_test(the_cap_holds_when_it_is_no_power_of_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
