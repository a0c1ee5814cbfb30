#include "bans.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct bans *new_bans(void)
{
    struct bans *bans = calloc(1, sizeof *bans);

    assert_non_null(bans);
    counter_set(&bans->key[0], 0x0123456789abcdefu);
    return bans;
}

static void host_of(const char *text, uint8_t out[BANS_HOST_LEN])
{
    struct addr addr;
    struct err err;

    assert_true(addr_parse_host(text, &addr, &err));
    bans_host(&addr, out);
}

static const struct {
    const char *address, *shown;
} hosts[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"2001:db8:1:2::77", "2001:db8:1:2::"},
    {"2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"},
    {"::1", "::"},
    {"0.0.0.0", "0.0.0.0"},
};

static void a_host_is_an_ipv4_address_or_a_64(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        uint8_t host[BANS_HOST_LEN];
        char text[ADDR_TEXT_LEN];

        host_of(hosts[i].address, host);
        bans_host_text(host, text);
        assert_string_equal(text, hosts[i].shown);
    }
}

static void a_ban_has_its_time(void **state)
{
    struct bans *bans = new_bans();
    uint8_t one[BANS_HOST_LEN], other[BANS_HOST_LEN];

    (void)state;
    host_of("192.0.2.1", one);
    host_of("192.0.2.2", other);
    assert_false(bans_has(bans, one, 0));
    bans_add(bans, one, 1000);
    assert_true(bans_has(bans, one, 999));
    assert_false(bans_has(bans, one, 1000));
    assert_false(bans_has(bans, other, 1));
    bans_add(bans, one, 2000);
    assert_true(bans_has(bans, one, 1999));
    assert_true(bans_remove(bans, one));
    assert_false(bans_remove(bans, one));
    assert_false(bans_has(bans, one, 1));
    free(bans);
}

static void count_ended(void *owner, const uint8_t host[BANS_HOST_LEN])
{
    assert_int_equal(host[15], 1);
    ++*(size_t *)owner;
}

static void what_is_over_is_told_once(void **state)
{
    struct bans *bans = new_bans();
    uint8_t one[BANS_HOST_LEN], other[BANS_HOST_LEN];
    size_t ended = 0;

    (void)state;
    host_of("192.0.2.1", one);
    host_of("203.0.113.1", other);
    bans_add(bans, one, 1000);
    bans_add(bans, other, 5000);
    assert_int_equal(bans_expire(bans, 999, false, count_ended, &ended), 2);
    assert_int_equal(bans_expire(bans, 1000, false, count_ended, &ended), 1);
    assert_int_equal(ended, 1);
    assert_int_equal(bans_expire(bans, 1000, false, count_ended, &ended), 1);
    assert_int_equal(ended, 1);
    assert_int_equal(bans_expire(bans, 1001, true, count_ended, &ended), 0);
    assert_int_equal(ended, 2);
    free(bans);
}

/* However many come, the table holds, and the newest ban is in force. */
static void a_full_table_gives_up_the_ban_that_ends_first(void **state)
{
    struct bans *bans = new_bans();
    size_t held = 0;

    (void)state;
    for (uint32_t i = 0; i < 40000; i++) {
        uint8_t host[BANS_HOST_LEN] = {[10] = 0xff, [11] = 0xff};

        memcpy(host + 12, &i, sizeof i);
        bans_add(bans, host, 1000 + i);
        assert_true(bans_has(bans, host, 1));
    }
    for (uint32_t i = 0; i < 40000; i++) {
        uint8_t host[BANS_HOST_LEN] = {[10] = 0xff, [11] = 0xff};

        memcpy(host + 12, &i, sizeof i);
        held += bans_has(bans, host, 1);
    }
    assert_in_range(held, BANS_SETS * BANS_WAYS * 9 / 10, BANS_SETS * BANS_WAYS);
    free(bans);
}

static void a_reader_cannot_write(void **state)
{
    struct err err;
    int fd = counters_new("test", sizeof(struct bans), &err), copy = counters_read_only(fd, &err);
    struct bans *bans = counters_map(fd, sizeof *bans, &err), *view;
    uint8_t one[BANS_HOST_LEN];

    (void)state;
    assert_non_null(bans);
    assert_true(copy >= 0);
    host_of("192.0.2.1", one);
    bans_add(bans, one, 1000);
    assert_null(counters_map(copy, sizeof *bans, &err));
    view = counters_view(copy, sizeof *bans, &err);
    assert_non_null(view);
    assert_true(bans_has(view, one, 1));
    assert_int_equal(mprotect(view, sizeof *view, PROT_READ | PROT_WRITE), -1);
    assert_int_equal(write(copy, "x", 1), -1);
    (void)munmap(bans, sizeof *bans);
    (void)munmap(view, sizeof *view);
    (void)close(fd);
    (void)close(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_an_ipv4_address_or_a_64),
        cmocka_unit_test(a_ban_has_its_time),
        cmocka_unit_test(what_is_over_is_told_once),
        cmocka_unit_test(a_full_table_gives_up_the_ban_that_ends_first),
        cmocka_unit_test(a_reader_cannot_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
