/* Counters that processes share: buckets, errors by CKR, sums that stop, and the history of the dead. */
#include "unit.h"

#include "counters.h"
#include "counters_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct counters_page *page;
static struct signer_page signer;
static struct counters_history *history;

static int make(void **state)
{
    (void)state;
    page = calloc(1, sizeof *page);
    history = calloc(1, sizeof *history);
    memset((void *)&signer, 0, sizeof signer);
    return page && history ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    free(page);
    free(history);
    return 0;
}

/* -- the histogram ------------------------------------------------------------------------------ */

static void an_answer_is_in_the_first_bucket_that_holds_it(void **state)
{
    static const struct {
        uint64_t us;
        size_t bucket;
    } rows[] = {
        {0, 0},
        {999, 0},
        {1000, 0},
        {1001, 1},
        {2000, 1},
        {2001, 2},
        {5000, 2},
        {9999, 3},
        {20000, 4},
        {50000, 5},
        {100000, 6},
        {200000, 7},
        {500000, 8},
        {1000000, 9},
        {1000001, 10},
        {2000000, 10},
        {5000000, 11},
        {5000001, 12},
        {UINT64_MAX / 2, 12},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct keystore_counters counters = {0};

        keystore_counters_signed(&counters, rows[i].us);
        assert_int_equal(counter_get(&counters.sign_count), 1);
        assert_int_equal(counter_get(&counters.sign_us_total), rows[i].us);
        for (size_t bucket = 0; bucket < COUNTERS_BUCKETS; bucket++)
            assert_int_equal(counter_get(&counters.sign_bucket[bucket]), bucket == rows[i].bucket);
    }
}

static void bounds_rise(void **state)
{
    (void)state;
    for (size_t i = 1; i < COUNTERS_BUCKETS - 1; i++)
        assert_true(counters_bucket_us[i] > counters_bucket_us[i - 1]);
}

/* -- errors by CKR ------------------------------------------------------------------------------ */

static uint64_t errors_of(struct ckr_counter rows[COUNTERS_CKR_MAX], uint64_t ckr)
{
    uint64_t count = 0;

    for (size_t i = 0; i < COUNTERS_CKR_MAX; i++)
        if (counter_get(&rows[i].ckr) == ckr)
            count += counter_get(&rows[i].count);
    return count;
}

static void errors_are_counted_by_their_code(void **state)
{
    (void)state;
    signer_page_count_ckr(&signer, 0x30);
    signer_page_count_ckr(&signer, 0xb3);
    signer_page_count_ckr(&signer, 0x30);
    signer_page_count_ckr(&signer, 0);
    assert_int_equal(errors_of(signer.errors, 0x30), 2);
    assert_int_equal(errors_of(signer.errors, 0xb3), 1);
    assert_int_equal(errors_of(signer.errors, 0), 0);
    assert_int_equal(errors_of(signer.errors, COUNTERS_CKR_OTHER), 1);
}

static void more_codes_than_rows_share_the_last(void **state)
{
    (void)state;
    for (uint32_t ckr = 1; ckr <= 100; ckr++)
        signer_page_count_ckr(&signer, ckr);
    for (uint32_t ckr = 1; ckr < COUNTERS_CKR_MAX; ckr++)
        assert_int_equal(errors_of(signer.errors, ckr), 1);
    assert_int_equal(errors_of(signer.errors, COUNTERS_CKR_OTHER), 100 - (COUNTERS_CKR_MAX - 1));
}

static void errors_of_a_hostile_page_stay_in_the_table(void **state)
{
    struct ckr_counter total[COUNTERS_CKR_MAX] = {0};
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < COUNTERS_CKR_MAX; i++) {
        counter_set(&signer.errors[i].ckr, UINT64_MAX - i);
        counter_set(&signer.errors[i].count, 7);
    }
    for (int i = 0; i < 3; i++)
        ckr_counters_add(total, signer.errors);
    for (size_t i = 0; i < COUNTERS_CKR_MAX; i++)
        sum += counter_get(&total[i].count);
    assert_int_equal(sum, 3 * 7 * COUNTERS_CKR_MAX);
    assert_int_equal(errors_of(total, COUNTERS_CKR_OTHER), sum);
}

/* -- sums --------------------------------------------------------------------------------------- */

static void sums_stop_at_the_end(void **state)
{
    static const struct {
        uint64_t before, more, after;
    } rows[] = {
        {0, 0, 0},
        {1, 2, 3},
        {0, UINT64_MAX, UINT64_MAX},
        {UINT64_MAX, 1, UINT64_MAX},
        {UINT64_MAX - 1, 1, UINT64_MAX},
        {UINT64_MAX - 1, 2, UINT64_MAX},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        counter total;

        atomic_init(&total, rows[i].before);
        counter_add_saturating(&total, rows[i].more);
        assert_true(counter_get(&total) == rows[i].after);
    }
}

static void a_sum_takes_what_grows_and_leaves_the_gauges(void **state)
{
    struct listener_counters listener = {0}, *from = &page->listeners[0];
    struct keystore_counters keystore = {0}, *used = &page->keystores[0];

    (void)state;
    counter_set(&from->sessions, 5);
    counter_set(&from->sessions_total, 6);
    counter_set(&from->requests, 7);
    counter_set(&from->sessions_by_reason[COUNTERS_REASONS_MAX - 1], 8);
    counter_set(&used->in_flight, 1);
    counter_set(&used->waiting, 2);
    counter_set(&used->signatures, 3);
    counter_set(&used->sign_bucket[COUNTERS_BUCKETS - 1], UINT64_MAX);
    for (int i = 0; i < 2; i++) {
        listener_counters_add(&listener, from);
        keystore_counters_add(&keystore, used);
    }
    assert_int_equal(counter_get(&listener.sessions), 0);
    assert_int_equal(counter_get(&listener.sessions_total), 12);
    assert_int_equal(counter_get(&listener.requests), 14);
    assert_int_equal(counter_get(&listener.sessions_by_reason[COUNTERS_REASONS_MAX - 1]), 16);
    assert_int_equal(counter_get(&keystore.in_flight), 0);
    assert_int_equal(counter_get(&keystore.waiting), 0);
    assert_int_equal(counter_get(&keystore.signatures), 6);
    assert_true(counter_get(&keystore.sign_bucket[COUNTERS_BUCKETS - 1]) == UINT64_MAX);
}

/* -- the history -------------------------------------------------------------------------------- */

static bool all_zero(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;

    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

static uint64_t ended(const char *listener)
{
    struct listener_history *row = counters_history_listener(history, listener);

    return row ? counter_get(&row->counters.sessions_total) : UINT64_MAX;
}

/* A reload may change every number: what an old worker counted as 0 belongs to the alias it had there. */
static void a_dead_worker_is_remembered_by_alias(void **state)
{
    struct counters_names before = {2, 1, {"a", "b"}, {"edge"}}, after = {2, 1, {"b", "c"}, {"edge"}};

    (void)state;
    counter_set(&page->listeners[0].sessions_total, 10);
    counter_set(&page->listeners[1].sessions_total, 20);
    counter_set(&page->listeners[0].sessions, 3);
    counter_set(&page->listeners[2].sessions_total, 99);
    counter_set(&page->log_dropped, 4);
    counter_set(&page->slots[COUNTERS_SLOTS_MAX - 1].id, 1);
    counters_history_take_worker(history, &before, page);
    assert_true(all_zero(page, sizeof *page));
    counter_set(&page->listeners[0].sessions_total, 1);
    counter_set(&page->listeners[1].sessions_total, 2);
    counter_set(&page->keystores[0].signatures, 5);
    counters_history_take_worker(history, &after, page);
    assert_int_equal(ended("a"), 10);
    assert_int_equal(ended("b"), 21);
    assert_int_equal(ended("c"), 2);
    assert_null(counters_history_listener(history, "d"));
    assert_null(counters_history_listener(history, ""));
    assert_int_equal(counter_get(&counters_history_listener(history, "a")->counters.sessions), 0);
    assert_int_equal(counter_get(&counters_history_keystore(history, "edge")->counters.signatures), 5);
    assert_int_equal(counter_get(&history->log_dropped), 4);
}

static void a_dead_signer_is_remembered_by_its_keystore(void **state)
{
    struct keystore_history *row;

    (void)state;
    for (int i = 0; i < 2; i++) {
        counter_set(&signer.busy_since_ms, 1);
        counter_set(&signer.signatures, 2);
        counter_set(&signer.refused, 3);
        counter_set(&signer.failures, 4);
        signer_page_count_ckr(&signer, 0x30);
        counters_history_take_signer(history, "edge", &signer);
        assert_true(all_zero(&signer, sizeof signer));
    }
    row = counters_history_keystore(history, "edge");
    assert_int_equal(counter_get(&row->signer_signatures), 4);
    assert_int_equal(counter_get(&row->signer_refused), 6);
    assert_int_equal(counter_get(&row->signer_failures), 8);
    assert_int_equal(errors_of(row->errors, 0x30), 2);
}

static void more_aliases_than_rows_are_not_written_anywhere(void **state)
{
    struct counters_names names = {.listener_count = 1};
    char alias[16];

    (void)state;
    names.listeners[0] = alias;
    for (int i = 0; i < COUNTERS_LISTENERS_MAX + 10; i++) {
        (void)snprintf(alias, sizeof alias, "l%d", i);
        counter_set(&page->listeners[0].sessions_total, (uint64_t)i + 1);
        counters_history_take_worker(history, &names, page);
    }
    assert_int_equal(ended("l0"), 1);
    assert_int_equal(ended("l127"), 128);
    assert_int_equal(ended("l128"), UINT64_MAX);
    assert_true(all_zero(history->keystores, sizeof history->keystores));
}

static void hostile_names_are_no_rows(void **state)
{
    static char endless[COUNTERS_NAME_MAX + 1];
    struct counters_names names = {.listener_count = SIZE_MAX, .keystore_count = SIZE_MAX};

    (void)state;
    memset(endless, 'x', COUNTERS_NAME_MAX);
    names.listeners[0] = names.keystores[0] = endless;
    names.listeners[1] = "";
    counters_history_take_worker(history, &names, page);
    counters_history_take_signer(history, endless, &signer);
    counters_history_take_signer(history, NULL, &signer);
    assert_true(all_zero(history->listeners, sizeof history->listeners));
    assert_true(all_zero(history->keystores, sizeof history->keystores));
    /* A row whose alias does not end matches nothing, and is not read past. */
    memset(history->listeners, 'x', sizeof history->listeners);
    assert_null(counters_history_listener(history, endless));
    endless[COUNTERS_NAME_MAX - 1] = '\0';
    assert_null(counters_history_listener(history, endless));
}

static void a_reader_sees_that_a_move_came_between(void **state)
{
    uint64_t begun = counters_history_begin(history);

    (void)state;
    assert_true(counters_history_same(history, begun));
    counters_history_take_signer(history, "edge", &signer);
    assert_false(counters_history_same(history, begun));
    begun = counters_history_begin(history);
    assert_true(counters_history_same(history, begun));
    counter_add(&history->sequence, 1);
    assert_false(counters_history_same(history, begun));
    begun = counters_history_begin(history);
    assert_false(counters_history_same(history, begun));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_in_the_first_bucket_that_holds_it),
        TEST(bounds_rise),
        TEST(errors_are_counted_by_their_code),
        TEST(more_codes_than_rows_share_the_last),
        TEST(errors_of_a_hostile_page_stay_in_the_table),
        TEST(sums_stop_at_the_end),
        TEST(a_sum_takes_what_grows_and_leaves_the_gauges),
        TEST(a_dead_worker_is_remembered_by_alias),
        TEST(a_dead_signer_is_remembered_by_its_keystore),
        TEST(more_aliases_than_rows_are_not_written_anywhere),
        TEST(hostile_names_are_no_rows),
        TEST(a_reader_sees_that_a_move_came_between),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
