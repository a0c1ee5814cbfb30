#include "channel.h"
#include "login_reports.h"
#include "message.h"
#include "pack.h"
#include "unit.h"

#include <arpa/inet.h>
#include <unistd.h>

static void add(struct login_reports *reports, uint32_t number)
{
    struct addr who = {.sa.v4.sin_family = AF_INET, .len = sizeof who.sa.v4};

    who.sa.v4.sin_addr.s_addr = htonl(number);
    login_reports_add(reports, number, &who);
}

/* Reads what is there; each must be the next. */
static uint32_t drain(int channel, uint32_t next)
{
    static struct channel_message message;
    struct err err;

    while (channel_receive(channel, &message, &err) == CHANNEL_OK) {
        struct unpack in;
        uint8_t address[BANS_HOST_LEN];

        assert_int_equal(message.type, MESSAGE_LOGIN_FAILED);
        assert_int_equal(message.len, LOGIN_REPORT_LEN);
        unpack_start(&in, message.payload, message.len);
        assert_int_equal(unpack_u32(&in), next);
        for (size_t i = 0; i < sizeof address; i++)
            address[i] = unpack_u8(&in);
        assert_true(unpack_done(&in));
        assert_int_equal(address[10], 0xff);
        assert_int_equal(address[15], next & 0xff);
        next++;
    }
    return next;
}

static void a_full_channel_loses_nothing(void **state)
{
    static struct login_reports reports;
    uint32_t next = 0;
    int fds[2];
    struct err err;

    (void)state;
    assert_true(channel_pair(fds, &err));
    for (uint32_t i = 0; i < 3 * LOGIN_REPORTS_MAX; i++) {
        add(&reports, i);
        login_reports_flush(&reports, fds[0]);
        if (i % 100 == 99)
            next = drain(fds[1], next);
    }
    while (reports.count) {
        login_reports_flush(&reports, fds[0]);
        next = drain(fds[1], next);
    }
    assert_int_equal(drain(fds[1], next), 3 * LOGIN_REPORTS_MAX);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void more_than_fit_are_left_out(void **state)
{
    static struct login_reports reports;

    (void)state;
    for (uint32_t i = 0; i < 2 * LOGIN_REPORTS_MAX; i++)
        add(&reports, i);
    assert_int_equal(reports.count, LOGIN_REPORTS_MAX);
    assert_int_equal(reports.items[reports.first].listener, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_channel_loses_nothing),
        cmocka_unit_test(more_than_fit_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
