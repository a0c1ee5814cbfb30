#include "ban_keeper.h"
#include "bans.h"
#include "unit.h"

#include <string.h>
#include <sys/mman.h>

static struct addr host(const char *text)
{
    struct addr out;
    struct err err;

    assert_true(addr_parse_host(text, &out, &err));
    return out;
}

static struct ban_keeper *keeper;
static struct bans *view; /* as a worker sees it */

static int open_keeper(void **state)
{
    struct err err;

    (void)state;
    keeper = ban_keeper_new(&err);
    view = keeper ? counters_view(ban_keeper_page(keeper), sizeof *view, &err) : NULL;
    return view ? 0 : -1;
}

static int close_keeper(void **state)
{
    (void)state;
    (void)munmap(view, sizeof *view);
    ban_keeper_free(keeper);
    return 0;
}

static bool banned(const char *text, uint64_t now_ms)
{
    const struct addr who = host(text);
    uint8_t bytes[BANS_HOST_LEN];

    bans_host(&who, bytes);
    return bans_has(view, bytes, now_ms);
}

static void fail_at(const struct conf_listener *listener, const char *text, uint64_t now_ms)
{
    const struct addr who = host(text);

    ban_keeper_failed(keeper, listener, &who, now_ms);
}

static struct conf_listener listener_of(uint32_t failures, uint64_t ban_ms)
{
    return (struct conf_listener){.alias = "ftp", .max_login_failures = failures, .ban_time_ms = ban_ms};
}

static void as_many_as_the_listener_says(void **state)
{
    const struct conf_listener listener = listener_of(3, 1000);

    (void)state;
    fail_at(&listener, "192.0.2.1", 100);
    fail_at(&listener, "192.0.2.1", 200);
    fail_at(&listener, "192.0.2.2", 250);
    assert_false(banned("192.0.2.1", 250));
    fail_at(&listener, "192.0.2.1", 300);
    assert_true(banned("192.0.2.1", 300));
    assert_true(banned("192.0.2.1", 1299));
    assert_false(banned("192.0.2.1", 1300));
    assert_false(banned("192.0.2.2", 300));
    assert_int_equal(ban_keeper_tick(keeper, 300), 1);
    assert_int_equal(ban_keeper_tick(keeper, 1300), 0);
}

/* Three wrong passwords in three months are nothing. */
static void failures_long_ago_do_not_count(void **state)
{
    const struct conf_listener listener = listener_of(3, 1000);

    (void)state;
    for (uint64_t now_ms = 0; now_ms < 20000; now_ms += 600)
        fail_at(&listener, "192.0.2.1", now_ms);
    assert_int_equal(ban_keeper_tick(keeper, 20000), 0);
}

static void nobody_is_banned_where_nobody_shall_be(void **state)
{
    struct conf_network exempt = {host("192.0.2.0"), 24};
    struct conf_listener listener = listener_of(1, 0);

    (void)state;
    fail_at(&listener, "192.0.2.1", 0);
    listener = listener_of(0, 1000);
    fail_at(&listener, "192.0.2.1", 0);
    listener = listener_of(1, 1000);
    listener.ban_exempt = (struct conf_networks){1, &exempt};
    fail_at(&listener, "192.0.2.1", 0);
    fail_at(&listener, "::ffff:192.0.2.1", 0);
    assert_int_equal(ban_keeper_tick(keeper, 0), 0);
    fail_at(&listener, "192.0.3.1", 0);
    assert_int_equal(ban_keeper_tick(keeper, 0), 1);
}

/* Whoever has a /64 has all of it; whoever wears IPv6 clothes is still who he is. */
static void addresses_do_not_help(void **state)
{
    const struct conf_listener listener = listener_of(2, 1000);

    (void)state;
    fail_at(&listener, "2001:db8::1", 0);
    fail_at(&listener, "2001:db8::2", 0);
    assert_true(banned("2001:db8::3", 1));
    assert_false(banned("2001:db8:0:1::3", 1));
    fail_at(&listener, "::ffff:192.0.2.1", 0);
    fail_at(&listener, "192.0.2.1", 0);
    assert_true(banned("192.0.2.1", 1));
}

static void a_ban_ends_when_it_is_asked_for(void **state)
{
    const struct conf_listener listener = listener_of(1, 1000);
    const struct addr one = host("192.0.2.1");

    (void)state;
    fail_at(&listener, "192.0.2.1", 0);
    fail_at(&listener, "192.0.2.2", 0);
    fail_at(&listener, "192.0.2.3", 0);
    assert_int_equal(ban_keeper_unban(keeper, &one), 1);
    assert_int_equal(ban_keeper_unban(keeper, &one), 0);
    assert_false(banned("192.0.2.1", 1));
    assert_true(banned("192.0.2.2", 1));
    assert_int_equal(ban_keeper_tick(keeper, 1), 2);
    assert_int_equal(ban_keeper_unban(keeper, NULL), 2);
    assert_false(banned("192.0.2.2", 1));
}

/* What a worker that is taken over reports costs no memory. */
static void a_flood_of_addresses_is_survived(void **state)
{
    const struct conf_listener listener = listener_of(1000, 100000);
    struct addr who = host("10.0.0.0");

    (void)state;
    for (uint32_t i = 0; i < 50000; i++) {
        who.sa.v4.sin_addr.s_addr = htonl(0x0a000000u + i);
        ban_keeper_failed(keeper, &listener, &who, i);
    }
    assert_int_equal(ban_keeper_tick(keeper, 50000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_many_as_the_listener_says, open_keeper, close_keeper),
        cmocka_unit_test_setup_teardown(failures_long_ago_do_not_count, open_keeper, close_keeper),
        cmocka_unit_test_setup_teardown(nobody_is_banned_where_nobody_shall_be, open_keeper, close_keeper),
        cmocka_unit_test_setup_teardown(addresses_do_not_help, open_keeper, close_keeper),
        cmocka_unit_test_setup_teardown(a_ban_ends_when_it_is_asked_for, open_keeper, close_keeper),
        cmocka_unit_test_setup_teardown(a_flood_of_addresses_is_survived, open_keeper, close_keeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
