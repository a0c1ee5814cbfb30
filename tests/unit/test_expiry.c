/* Certificates that expire are told of at 30, 14, 7 and 1 days, and when it is over: each once. */
#include "unit.h"

#include "expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400, START = 1000000 };

static struct expiry *expiry;
static struct totals *totals;
static char told[512];

static void tell(void *owner, const char *listener, const char *alias, int64_t days)
{
    size_t len = strlen(told);

    (void)owner;
    (void)snprintf(told + len, sizeof told - len, "%s %s %lld\n", listener, alias, (long long)days);
}

static int make(void **state)
{
    (void)state;
    expiry = expiry_new();
    totals = calloc(1, sizeof *totals);
    told[0] = 0;
    return expiry && totals ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    expiry_free(expiry);
    free(totals);
    return 0;
}

static void has(const char *listener, const char *alias, uint64_t not_after)
{
    struct certificate_totals *row = &totals->certificates[totals->certificate_count++];

    row->listener = listener;
    (void)snprintf(row->alias, sizeof row->alias, "%s", alias);
    row->not_after = not_after;
}

static void at(int64_t now, const char *expected)
{
    told[0] = 0;
    totals->now_seconds = now;
    expiry_check(expiry, totals, tell, NULL);
    assert_string_equal(told, expected);
}

static void each_step_is_told_once(void **state)
{
    const int64_t end = START + 40 * DAY;

    (void)state;
    has("edge", "rsa", (uint64_t)end);
    at(START, "");
    at(end - 30 * DAY - 1, "");
    at(end - 30 * DAY, "edge rsa 30\n");
    at(end - 30 * DAY, "");
    at(end - 15 * DAY, "");
    at(end - 14 * DAY, "edge rsa 14\n");
    at(end - 7 * DAY, "edge rsa 7\n");
    at(end - 6 * DAY, "");
    at(end - 1, "edge rsa 1\n");
    at(end, "edge rsa 0\n");
    at(end + DAY, "");
}

static void a_late_start_tells_the_step_that_it_finds(void **state)
{
    (void)state;
    has("edge", "rsa", START + 5 * DAY);
    has("edge", "ec", START + 100 * DAY);
    has("web", "rsa", START - 5 * DAY);
    at(START, "edge rsa 5\nweb rsa 0\n");
    at(START, "");
}

static void a_new_certificate_is_told_of_anew(void **state)
{
    (void)state;
    has("edge", "rsa", START + 5 * DAY);
    at(START, "edge rsa 5\n");
    totals->certificates[0].not_after = START + 20 * DAY;
    at(START, "edge rsa 20\n");
    totals->certificates[0].not_after = START + 200 * DAY;
    at(START, "");
}

/* The clock of a machine may be set back, and workers may say anything. */
static void dates_beyond_all_do_no_harm(void **state)
{
    (void)state;
    has("edge", "far", UINT64_MAX);
    has("edge", "past", 1);
    at(INT64_MAX, "edge far 0\nedge past 0\n");
    at(0, "");
    at(START, "edge past 0\n");
}

static void more_than_there_are_rows_are_told_of(void **state)
{
    static char aliases[4 * COUNTERS_CERTIFICATES_MAX][8];

    (void)state;
    for (size_t i = 0; i < 4 * COUNTERS_CERTIFICATES_MAX; i++) {
        (void)snprintf(aliases[i], sizeof aliases[i], "k%zu", i);
        totals->certificate_count = 0;
        has("edge", aliases[i], START + DAY);
        told[0] = 0;
        totals->now_seconds = START;
        expiry_check(expiry, totals, tell, NULL);
        assert_non_null(strstr(told, aliases[i]));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)
    const struct CMUnitTest tests[] = {
        TEST(each_step_is_told_once),
        TEST(a_late_start_tells_the_step_that_it_finds),
        TEST(a_new_certificate_is_told_of_anew),
        TEST(dates_beyond_all_do_no_harm),
        TEST(more_than_there_are_rows_are_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
