/* What lasts through a standstill of the machine is no older than the standstill's end. */
#include "unit.h"

#include "standstill.h"

static void ages_count_from_the_end_of_a_standstill(void **state)
{
    static const struct {
        uint64_t look_ms; /* 0: no tick before the question */
        uint64_t since_ms, now_ms, age_ms;
        const char *what;
    } rows[] = {
        {0, 500, 9000, 8500, "before the first tick nothing is known"},
        {10000, 9000, 10000, 1000, "the first tick"},
        {10250, 9000, 10250, 1250, "a tick in time"},
        {12250, 9000, 12250, 3250, "a tick as late as a busy machine's may be"},
        {0, 9000, 14250, 5250, "not yet late"},
        {0, 9000, 14251, 0, "late, and not looked at so far"},
        {0, 14251, 14251, 0, "begun just now"},
        {30000, 9000, 30000, 0, "a standstill was noticed"},
        {30250, 9000, 30250, 250, "it counts from its end"},
        {0, 30100, 30300, 200, "what began behind it, from its own begin"},
        {0, 40000, 30300, 0, "a begin in the future"},
        {0, UINT64_MAX, 30300, 0, "a hostile one"},
        {32500, 9000, 32500, 0, "late again: a second one"},
        {32750, 30100, 32750, 250, "both count"},
    };
    struct standstill standstill = {0};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t age_ms;

        if (rows[i].look_ms)
            standstill_look(&standstill, rows[i].look_ms);
        age_ms = standstill_age_ms(&standstill, rows[i].since_ms, rows[i].now_ms);
        if (age_ms != rows[i].age_ms)
            fail_msg("%s: %lu ms", rows[i].what, (unsigned long)age_ms);
    }
}

static void who_was_to_end_has_the_slack_anew(void **state)
{
    static const struct {
        uint64_t end_ms, slack_ms, now_ms;
        bool overdue;
        const char *what;
    } rows[] = {
        {20000, 1000, 19999, false, "there is time left"},
        {20000, 1000, 20999, false, "there is slack left"},
        {20000, 1000, 21000, true, "nothing is left"},
        {20000, 0, 20000, true, "at once"},
        {20000, 0, 19999, false, "at once, but not yet"},
        {9000, 1000, 20100, false, "its time ran out in the standstill"},
        {9000, 1000, 21000, true, "and the slack behind it"},
    };
    struct standstill standstill = {0};

    (void)state;
    standstill_look(&standstill, 8000);
    standstill_look(&standstill, 20000);
    for (size_t i = 0; i < ROWS(rows); i++)
        if (standstill_overdue(&standstill, rows[i].end_ms, rows[i].slack_ms, rows[i].now_ms) !=
            rows[i].overdue)
            fail_msg("%s", rows[i].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_count_from_the_end_of_a_standstill),
        cmocka_unit_test(who_was_to_end_has_the_slack_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
