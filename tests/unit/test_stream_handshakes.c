/* Handshakes share the loop: one step a turn, data channels first, so that a storm leaves the others their
 * turns. */
#include "net_pair.h"
#include "tls.h"
#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 5 };

static struct loop *loop;
static struct tls_ctx *ctx;
static struct stream *streams[MANY];
static int far[MANY], failed;

static size_t no_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    (void)data;
    return len;
}

static void count_failure(void *owner, struct stream *stream, enum stream_event event)
{
    (void)owner;
    assert_int_equal(event, STREAM_FAILED);
    assert_int_not_equal(stream_error(stream)->text[0], 0);
    failed++;
}

static const struct stream_user user = {.data = no_data, .event = count_failure};

static int setup(void **state)
{
    static const uint8_t secret[TLS_TICKET_SECRET_LEN];
    const struct tls_policy policy = {.name = "test",
                                      .versions = "1.2-1.3",
                                      .ciphers = "",
                                      .ciphersuites = "",
                                      .groups = "",
                                      .ticket_secret = secret,
                                      .session_lifetime_ms = 1000};
    struct err err;

    (void)state;
    failed = 0;
    loop = loop_new(&err);
    ctx = tls_ctx_new(&policy, &err);
    return loop && ctx ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        stream_abort(streams[i]);
        (void)close(far[i]);
    }
    loop_free(loop);
    tls_ctx_unref(ctx);
    return 0;
}

/* A record with a ServerHello in it: not for a client to say, so the first step ends in an alert. */
static const uint8_t server_hello[] = {0x16, 3, 1, 0, 4, 2, 0, 0, 0};

static void begin(int urgent)
{
    struct err err;

    for (int i = 0; i < MANY; i++) {
        streams[i] = net_pair(loop, &far[i]);
        stream_set_user(streams[i], &user, NULL);
        assert_int_equal(write(far[i], server_hello, sizeof server_hello), sizeof server_hello);
        stream_start_tls(streams[i], tls_new(ctx, TLS_MAIN, NULL, &err), i == urgent);
    }
}

static bool has_alert(int i)
{
    char byte;

    return recv(far[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

static int alerts(void)
{
    int count = 0;

    for (int i = 0; i < MANY; i++)
        count += has_alert(i);
    return count;
}

static bool all_failed(void *arg)
{
    (void)arg;
    return failed == MANY;
}

static void one_step_a_turn(void **state)
{
    (void)state;
    begin(-1);
    for (int turn = 1; turn <= MANY; turn++) {
        net_turns(loop, 1);
        assert_int_equal(alerts(), turn);
    }
    assert_true(net_run_until(loop, all_failed, NULL));
}

static void data_channels_step_first(void **state)
{
    (void)state;
    begin(MANY - 1);
    net_turns(loop, 1);
    assert_true(has_alert(MANY - 1));
    assert_int_equal(alerts(), 1);
    assert_true(net_run_until(loop, all_failed, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_step_a_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(data_channels_step_first, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
