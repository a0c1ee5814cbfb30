#include "quotas.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORKERS = 3 };

/* Pages shared as the supervisor shares them: each worker writes its own and sees the others'. */
static struct worker {
    int fd;
    struct counters_page *own;
    struct quotas *quotas;
} workers[WORKERS];

static const struct keyed_hash_key hash = {1, 2};

static int open_workers(void **state)
{
    struct err err;

    (void)state;
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].fd = counters_new("test", sizeof *workers[i].own, &err);
        workers[i].own = counters_map(workers[i].fd, sizeof *workers[i].own, &err);
        workers[i].quotas = workers[i].own ? quotas_new(workers[i].own, &hash) : NULL;
        if (!workers[i].quotas)
            return -1;
    }
    for (size_t i = 0; i < WORKERS; i++)
        for (size_t k = 0; k < WORKERS; k++)
            if (k != i && !quotas_add_peer(workers[i].quotas, (uint32_t)k,
                                           counters_view(workers[k].fd, sizeof *workers[k].own, &err)))
                return -1;
    return 0;
}

static int close_workers(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORKERS; i++) {
        quotas_free(workers[i].quotas);
        (void)munmap(workers[i].own, sizeof *workers[i].own);
        (void)close(workers[i].fd);
    }
    return 0;
}

static struct addr host(const char *text)
{
    struct addr out;
    struct err err;

    assert_true(addr_parse_host(text, &out, &err));
    return out;
}

static void all_workers_together_keep_the_limit(void **state)
{
    uint64_t key = quotas_key(workers[0].quotas, LIMIT_LISTENER, "ftp", NULL);

    (void)state;
    for (size_t i = 1; i < WORKERS; i++)
        assert_true(quotas_key(workers[i].quotas, LIMIT_LISTENER, "ftp", NULL) == key);
    for (size_t taken = 0; taken < 10; taken++)
        assert_true(quotas_take(workers[taken % WORKERS].quotas, key, 10));
    for (size_t i = 0; i < WORKERS; i++)
        assert_false(quotas_take(workers[i].quotas, key, 10));
    quotas_give(workers[0].quotas, key);
    assert_true(quotas_take(workers[2].quotas, key, 10));
    assert_false(quotas_take(workers[1].quotas, key, 10));
}

/* A page that is granted twice is not counted twice. */
static void a_worker_is_known_once(void **state)
{
    uint64_t key = quotas_key(workers[0].quotas, LIMIT_LISTENER, "ftp", NULL);
    struct err err;

    (void)state;
    assert_true(
        quotas_add_peer(workers[0].quotas, 1, counters_view(workers[1].fd, sizeof *workers[1].own, &err)));
    assert_true(quotas_take(workers[1].quotas, key, 2));
    assert_true(quotas_take(workers[0].quotas, key, 2));
}

static void addresses_have_their_own(void **state)
{
    const struct addr a = host("192.0.2.1"), mapped = host("::ffff:192.0.2.1"), b = host("192.0.2.2");
    struct quotas *quotas = workers[0].quotas;
    uint64_t key = quotas_key(quotas, LIMIT_ADDRESS, "ftp", &a);

    (void)state;
    assert_true(key == quotas_key(quotas, LIMIT_ADDRESS, "ftp", &mapped));
    assert_true(key != quotas_key(quotas, LIMIT_ADDRESS, "ftp", &b));
    assert_true(key != quotas_key(quotas, LIMIT_ADDRESS, "other", &a));
    assert_true(quotas_take(quotas, key, 1));
    assert_true(quotas_take(quotas, quotas_key(quotas, LIMIT_ADDRESS, "ftp", &b), 1));
    assert_false(quotas_take(workers[1].quotas, key, 1));
}

/* The supervisor zeroes the page of a worker that has died. */
static void what_a_dead_worker_had_is_free(void **state)
{
    uint64_t key = quotas_key(workers[0].quotas, LIMIT_PARTNER, "acme", NULL);

    (void)state;
    assert_true(quotas_take(workers[0].quotas, key, 1));
    assert_false(quotas_take(workers[1].quotas, key, 1));
    memset((void *)workers[0].own, 0, sizeof *workers[0].own);
    assert_true(quotas_take(workers[1].quotas, key, 1));
}

/* A worker that was taken over can keep others from being let in where it says so, and nothing else. */
static void a_page_of_lies_costs_no_more_than_its_worth(void **state)
{
    uint64_t key = quotas_key(workers[0].quotas, LIMIT_LISTENER, "ftp", NULL);

    (void)state;
    memset((void *)workers[2].own, 0xff, sizeof *workers[2].own);
    assert_true(quotas_take(workers[0].quotas, key, 1));
    memset((void *)&workers[2].own->limits, 0, sizeof workers[2].own->limits);
    for (size_t i = 0; i < COUNTERS_LIMITS_MAX; i++) {
        counter_set(&workers[2].own->limits.entries[i].key, key);
        counter_set(&workers[2].own->limits.entries[i].count, UINT64_MAX);
    }
    assert_false(quotas_take(workers[0].quotas, key, 2));
    assert_true(quotas_take(workers[0].quotas, key, UINT64_MAX));
}

/* Everybody asks all the time, for ten seconds: how often did they get one, in all and in the worst second?
 */
static void greedy_for_ten_seconds(uint32_t per_second, uint64_t start_ms, unsigned *all, unsigned *worst)
{
    enum { SPAN_MS = 10000 };

    *all = *worst = 0;
    for (uint64_t at_ms = 0, second = UINT64_MAX, in_second = 0; at_ms < SPAN_MS; at_ms++) {
        if ((start_ms + at_ms) / 1000 != second)
            in_second = 0;
        second = (start_ms + at_ms) / 1000;
        for (size_t i = 0; i < WORKERS; i++)
            if (!quotas_take_rate(workers[(at_ms + i) % WORKERS].quotas, LIMIT_SIGNATURES, 77, per_second,
                                  start_ms + at_ms)) {
                ++*all;
                in_second++;
            }
        if (in_second > *worst)
            *worst = (unsigned)in_second;
    }
}

static void all_workers_together_keep_the_rate(void **state)
{
    static const struct {
        uint32_t per_second;
        uint64_t start_ms;
        unsigned least, most;
    } rows[] = {
        {5, 1000000, 50, 50},
        {1, 2000000, 10, 10},
        {1000, 3000000, 9990, 10000},
        {5, 4000999, 50, 55},
        {UINT32_MAX, 5000000, 30000, 30000},
    };
    unsigned all, worst;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        greedy_for_ten_seconds(rows[i].per_second, rows[i].start_ms, &all, &worst);
        if (all < rows[i].least || all > rows[i].most || worst > rows[i].per_second)
            fail_msg("row %zu: %u, at most %u in a second", i, all, worst);
    }
}

/* Whoever waits as long as it was told gets one then, if nobody else came. */
static void the_wait_that_is_told_is_the_shortest(void **state)
{
    static const uint32_t rates[] = {1, 2, 3, 7, 100, 999};

    (void)state;
    for (size_t i = 0; i < ROWS(rates); i++) {
        uint64_t now_ms = 1000000, key = 10 + i;
        struct quotas *quotas = workers[i % WORKERS].quotas;

        for (int step = 0; step < 300; step++) {
            uint64_t wait_ms = quotas_take_rate(quotas, LIMIT_HANDSHAKES, key, rates[i], now_ms);

            assert_true(wait_ms <= 1000);
            if (wait_ms > 1)
                assert_true(quotas_take_rate(workers[0].quotas, LIMIT_HANDSHAKES, key, rates[i],
                                             now_ms + wait_ms - 1) > 0);
            now_ms += wait_ms;
        }
    }
    assert_int_equal(quotas_take_rate(workers[0].quotas, LIMIT_HANDSHAKES, 1, 0, 5), 0); /* no limit */
}

/* More addresses than the table holds: none is refused for another's sake, and no keystore is forgotten. */
static void a_flood_of_addresses_hurts_nobody(void **state)
{
    struct quotas *quotas = workers[0].quotas;

    (void)state;
    assert_int_equal(quotas_take_rate(quotas, LIMIT_SIGNATURES, 1, 1, 9000), 0);
    for (uint32_t i = 0; i < 100000; i++) {
        struct addr addr = host("10.0.0.1");

        addr.sa.v4.sin_addr.s_addr += i;
        assert_int_equal(quotas_take_rate(quotas, LIMIT_HANDSHAKES,
                                          quotas_key(quotas, LIMIT_HANDSHAKES, "ftp", &addr), 1, 9000),
                         0);
    }
    assert_true(quotas_take_rate(quotas, LIMIT_SIGNATURES, 1, 1, 9000) > 0);
}

/* A page of lies keeps others from what it says it did, in no more than its own rows and no longer than that.
 */
static void a_rate_that_is_a_lie_ends_with_its_second(void **state)
{
    struct rate_row *lie = &workers[2].own->rates.keystores.rows[3];

    (void)state;
    memset((void *)&workers[2].own->rates, 0xff, sizeof workers[2].own->rates);
    assert_int_equal(quotas_take_rate(workers[0].quotas, LIMIT_SIGNATURES, 5, 2, 7500), 0);
    memset((void *)&workers[2].own->rates, 0, sizeof workers[2].own->rates);
    counter_set(&lie->key, 5);
    counter_set(&lie->cells[1], (uint64_t)7 << 32 | UINT32_MAX);
    assert_int_equal(quotas_take_rate(workers[0].quotas, LIMIT_SIGNATURES, 5, 2, 7500), 500);
    assert_true(quotas_take_rate(workers[0].quotas, LIMIT_SIGNATURES, 5, 2, 8000) > 0);
    assert_int_equal(quotas_take_rate(workers[0].quotas, LIMIT_SIGNATURES, 5, 2, 9000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_workers_together_keep_the_limit, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(a_worker_is_known_once, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(addresses_have_their_own, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(what_a_dead_worker_had_is_free, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(all_workers_together_keep_the_rate, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(the_wait_that_is_told_is_the_shortest, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(a_flood_of_addresses_hurts_nobody, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(a_rate_that_is_a_lie_ends_with_its_second, open_workers,
                                        close_workers),
        cmocka_unit_test_setup_teardown(a_page_of_lies_costs_no_more_than_its_worth, open_workers,
                                        close_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
