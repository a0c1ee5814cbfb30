#include "net_pair.h"
#include "timer.h"
#include "unit.h"

#include "clock.h"

struct alarm {
    struct timer timer;
    int rung;
    uint64_t rung_ms;
};

static void ring(void *owner)
{
    struct alarm *alarm = owner;

    alarm->rung++;
    alarm->rung_ms = clock_monotonic_ms();
}

static bool has_rung(void *arg)
{
    return ((struct alarm *)arg)->rung > 0;
}

static void it_rings_once_and_not_before_its_time(void **state)
{
    struct err err;
    struct loop *loop = loop_new(&err);
    struct alarm alarm = {.rung = 0};
    uint64_t begin_ms = clock_monotonic_ms();

    (void)state;
    timer_init(&alarm.timer, loop, ring, &alarm);
    timer_start(&alarm.timer, 30);
    assert_true(net_run_until(loop, has_rung, &alarm));
    assert_true(alarm.rung_ms - begin_ms >= 29);
    net_turns(loop, 10);
    assert_int_equal(alarm.rung, 1);
    loop_free(loop);
}

/* Touched more often than its span, it does not ring; a machine that stalls for longer than the span proves
 * nothing. */
static void touching_moves_it_and_zero_means_never(void **state)
{
    enum { SPAN_MS = 200 };
    struct err err;
    struct loop *loop = loop_new(&err);
    struct alarm touched = {.rung = 0}, never = {.rung = 0};
    uint64_t begin_ms = clock_monotonic_ms(), last_ms = begin_ms, longest_ms = 0;

    (void)state;
    timer_init(&touched.timer, loop, ring, &touched);
    timer_init(&never.timer, loop, ring, &never);
    timer_start(&touched.timer, SPAN_MS);
    timer_start(&never.timer, 0);
    while (clock_monotonic_ms() < begin_ms + 2 * SPAN_MS) {
        uint64_t now_ms = clock_monotonic_ms();

        longest_ms = now_ms - last_ms > longest_ms ? now_ms - last_ms : longest_ms;
        last_ms = now_ms;
        timer_touch(&touched.timer);
        net_turns(loop, 1);
    }
    if (longest_ms < SPAN_MS / 2)
        assert_int_equal(touched.rung, 0);
    assert_true(net_run_until(loop, has_rung, &touched));
    assert_true(touched.rung_ms >= last_ms + SPAN_MS || longest_ms >= SPAN_MS / 2);
    assert_int_equal(never.rung, 0);
    timer_stop(&touched.timer);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rings_once_and_not_before_its_time),
        cmocka_unit_test(touching_moves_it_and_zero_means_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
