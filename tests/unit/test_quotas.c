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
            if (k != i && !quotas_add_peer(workers[i].quotas,
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_workers_together_keep_the_limit, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(addresses_have_their_own, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(what_a_dead_worker_had_is_free, open_workers, close_workers),
        cmocka_unit_test_setup_teardown(a_page_of_lies_costs_no_more_than_its_worth, open_workers,
                                        close_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
