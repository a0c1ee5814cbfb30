/* What the housekeeper is told and shows: pages by their configuration, readiness, and refused rubbish. */
#include "unit.h"

#include "board_kit.h"
#include "metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct board *board;
static struct buf out;
static struct err err;

static int make(void **state)
{
    (void)state;
    board = board_new(&err);
    buf_init(&out, METRICS_BYTES_MAX);
    return board ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    board_free(board);
    buf_free(&out);
    return 0;
}

/* The number behind a sample's name and labels; -1 when there is no such line. */
static long long sample(const char *name)
{
    char wanted[256];
    const char *line;
    long long value = -1;

    buf_free(&out);
    assert_true(board_metrics(board, &out));
    assert_true(buf_add(&out, "", 1));
    (void)snprintf(wanted, sizeof wanted, "\n%s ", name);
    line = strstr((const char *)buf_data(&out), wanted);
    if (line)
        value = strtoll(line + strlen(wanted), NULL, 10);
    return value;
}

static const char *ready_text(bool wanted)
{
    buf_free(&out);
    assert_int_equal(board_ready(board, &out), wanted);
    assert_true(buf_add(&out, "", 1));
    return (const char *)buf_data(&out);
}

static void pages_are_summed_by_alias(void **state)
{
    struct counters_page *first, *second;
    struct signer_page *signer;

    (void)state;
    kit_configure(board, kit_configuration);
    first = kit_page(board, GRANT_WORKER_PAGE, 7);
    second = kit_page(board, GRANT_WORKER_PAGE, 9);
    signer = kit_page(board, GRANT_SIGNER_PAGE, 0 << 16 | 2);
    counter_set(&first->listeners[1].transfers_done, 3);
    counter_set(&second->listeners[1].transfers_done, 4);
    counter_set(&signer->state, SIGNER_READY);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 0);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"b\",result=\"done\"}"), 7);
    assert_int_equal(sample("p11gate_signers{keystore=\"edge\",state=\"ready\"}"), 1);
    assert_int_equal(sample("p11gate_signers{keystore=\"edge\",state=\"down\"}"), 2);
    assert_int_equal(sample("p11gate_signers{keystore=\"files\",state=\"down\"}"), 0);
}

static void a_page_that_is_gone_counts_no_more(void **state)
{
    struct counters_page *page;

    (void)state;
    kit_configure(board, kit_configuration);
    page = kit_page(board, GRANT_WORKER_PAGE, 7);
    counter_set(&page->listeners[0].transfers_done, 3);
    board_remove_page(board, GRANT_WORKER_PAGE, 8);
    board_remove_page(board, GRANT_SIGNER_PAGE, 7);
    board_remove_page(board, UINT32_MAX, 7);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 3);
    board_remove_page(board, GRANT_WORKER_PAGE, 7);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 0);
}

static void a_page_of_the_same_number_takes_the_place(void **state)
{
    struct counters_page *page;

    (void)state;
    kit_configure(board, kit_configuration);
    page = kit_page(board, GRANT_WORKER_PAGE, 7);
    counter_set(&page->listeners[0].transfers_done, 3);
    page = kit_page(board, GRANT_WORKER_PAGE, 7);
    counter_set(&page->listeners[0].transfers_done, 50);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 50);
}

/* After a reload, an old worker's listener 1 is still "b", although "b" is number 0 by now. */
static void old_pages_keep_their_names_through_a_reload(void **state)
{
    struct counters_page *old, *new;
    struct signer_page *signer;

    (void)state;
    kit_configure(board, kit_configuration);
    old = kit_page(board, GRANT_WORKER_PAGE, 1);
    signer = kit_page(board, GRANT_SIGNER_PAGE, 0 << 16);
    kit_configure(board, kit_configuration_turned);
    new = kit_page(board, GRANT_WORKER_PAGE, 2);
    counter_set(&old->listeners[0].transfers_done, 1);
    counter_set(&old->listeners[1].transfers_done, 10);
    counter_set(&new->listeners[0].transfers_done, 100);
    counter_set(&new->listeners[1].transfers_done, 1000);
    counter_set(&signer->refused, 5);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 1);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"b\",result=\"done\"}"), 110);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"new\",result=\"done\"}"), 1000);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"edge\"}"), 5);
    board_remove_page(board, GRANT_WORKER_PAGE, 1);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), -1);
}

/* A signer of the old configuration dies and is replaced while that drains: keystore 0 is still "edge". */
static void a_number_that_comes_back_keeps_its_configuration(void **state)
{
    const uint32_t number = 0 << 16 | 1;
    struct signer_page *signer;

    (void)state;
    kit_configure(board, kit_configuration);
    (void)kit_page(board, GRANT_SIGNER_PAGE, number);
    kit_configure(board, kit_configuration_turned);
    board_remove_page(board, GRANT_SIGNER_PAGE, number);
    signer = kit_page(board, GRANT_SIGNER_PAGE, number);
    counter_set(&signer->refused, 1);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"edge\"}"), 1);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"files\"}"), 0);
    board_remove_page(board, GRANT_SIGNER_PAGE, number);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"edge\"}"), 0);
    /* The next configuration has it for a keystore of its own. */
    kit_configure(board, kit_configuration_turned);
    signer = kit_page(board, GRANT_SIGNER_PAGE, number);
    counter_set(&signer->refused, 1);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"edge\"}"), 0);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"files\"}"), 1);
}

static void the_dead_are_counted_and_a_total_does_not_fall(void **state)
{
    const struct counters_names names = {2, 1, {"a", "b"}, {"edge"}};
    struct counters_history *history;
    struct counters_page *page;

    (void)state;
    kit_configure(board, kit_configuration);
    history = kit_page(board, GRANT_HISTORY_PAGE, 0);
    page = kit_page(board, GRANT_WORKER_PAGE, 1);
    counter_set(&page->listeners[0].transfers_done, 5);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 5);
    counters_history_take_worker(history, &names, page);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 5);
    counter_set(&page->listeners[0].transfers_done, 1);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 6);
    /* A supervisor that died in the middle of a move does not stop the pages. */
    counter_add(&history->sequence, 1);
    assert_int_equal(sample("p11gate_transfers_total{listener=\"a\",result=\"done\"}"), 6);
}

static void ready_is_said_when_every_needed_keystore_signs(void **state)
{
    (void)state;
    assert_string_equal(ready_text(false), "no configuration is in force yet\n");
    kit_configure(board, kit_configuration);
    assert_string_equal(ready_text(false),
                        "keystore \"edge\" cannot sign: none of its signers has been ready yet\n");
    board_set_keystore(board, 0, true);
    assert_string_equal(ready_text(true), "ready\n");
    board_set_keystore(board, 1, false);
    board_set_keystore(board, COUNTERS_KEYSTORES_MAX, false);
    board_set_keystore(board, UINT32_MAX, false);
    assert_string_equal(ready_text(true), "ready\n");
    board_set_keystore(board, 0, false);
    assert_string_equal(ready_text(false),
                        "keystore \"edge\" cannot sign: no signer of it has a working token\n");
}

static void what_was_said_of_a_keystore_goes_with_its_alias(void **state)
{
    (void)state;
    kit_configure(board, kit_configuration);
    board_set_keystore(board, 0, true);
    board_set_keystore(board, 1, false);
    kit_configure(board, kit_configuration_turned);
    assert_string_equal(ready_text(false),
                        "keystore \"files\" cannot sign: no signer of it has a working token\n");
    board_set_keystore(board, 0, true);
    assert_string_equal(ready_text(true), "ready\n");
}

static void rubbish_is_refused(void **state)
{
    int small = counters_new("small", 100, &err), loose = memfd_create("loose", MFD_CLOEXEC);
    struct grant grants[] = {
        {GRANT_WORKER_PAGE, 0, small},       {GRANT_SIGNER_PAGE, 0, small}, {GRANT_HISTORY_PAGE, 0, small},
        {GRANT_WORKER_PAGE, 0, loose},       {GRANT_WORKER_PAGE, 0, -1},    {GRANT_QUEUE, 0, small},
        {(enum grant_kind)UINT32_MAX, 0, 0},
    };
    int empty = kit_seal(""), broken = kit_seal("listeners = (");

    (void)state;
    assert_int_equal(ftruncate(loose, sizeof(struct counters_page)), 0);
    kit_configure(board, kit_configuration);
    for (size_t i = 0; i < ROWS(grants); i++)
        assert_false(board_add_page(board, &grants[i], &err));
    assert_false(board_configure(board, small, &err));
    assert_false(board_configure(board, -1, &err));
    assert_false(board_configure(board, broken, &err));
    assert_non_null(strstr(err.text, "p11gate.conf:1"));
    (void)board_configure(board, empty, &err);
    assert_int_equal(sample("p11gate_log_lines_dropped_total"), 0);
    close(small);
    close(loose);
    close(empty);
    close(broken);
}

/* The keystore of a signer's page is a number that somebody else wrote. */
static void a_page_of_no_keystore_is_not_followed(void **state)
{
    static const uint32_t indexes[] = {2u << 16, (uint32_t)COUNTERS_KEYSTORES_MAX << 16, UINT32_MAX};

    (void)state;
    kit_configure(board, kit_configuration);
    for (size_t i = 0; i < ROWS(indexes); i++) {
        struct signer_page *signer = kit_page(board, GRANT_SIGNER_PAGE, indexes[i]);

        counter_set(&signer->refused, 1);
    }
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"edge\"}"), 0);
    assert_int_equal(sample("p11gate_sign_refused_total{keystore=\"files\"}"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_are_summed_by_alias),
        TEST(a_page_that_is_gone_counts_no_more),
        TEST(a_page_of_the_same_number_takes_the_place),
        TEST(old_pages_keep_their_names_through_a_reload),
        TEST(a_number_that_comes_back_keeps_its_configuration),
        TEST(the_dead_are_counted_and_a_total_does_not_fall),
        TEST(ready_is_said_when_every_needed_keystore_signs),
        TEST(what_was_said_of_a_keystore_goes_with_its_alias),
        TEST(rubbish_is_refused),
        TEST(a_page_of_no_keystore_is_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
