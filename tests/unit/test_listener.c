#include "listener.h"
#include "net_pair.h"
#include "unit.h"

#include "clock.h"

#include <sys/socket.h>
#include <unistd.h>

static int accepted_count;

static void accepted(void *owner, int fd, const struct addr *peer)
{
    (void)owner;
    assert_true(addr_is_v4(peer));
    accepted_count++;
    (void)close(fd);
}

static bool three_came(void *arg)
{
    (void)arg;
    return accepted_count == 3;
}

static void clients_are_accepted_one_a_turn(void **state)
{
    struct err err;
    struct loop *loop = loop_new(&err);
    struct addr at;
    int listening = net_listen(&at), clients[3];
    struct listener *listener;

    (void)state;
    accepted_count = 0;
    listener = listener_new(loop, listening, accepted, NULL, &err);
    assert_non_null(listener);
    assert_int_equal(listener_port(listener), addr_port(&at));
    for (int i = 0; i < 3; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], &at.sa.any, at.len), 0);
    }
    net_turns(loop, 1);
    assert_true(accepted_count <= 1);
    assert_true(net_run_until(loop, three_came, NULL));
    for (int i = 0; i < 3; i++)
        (void)close(clients[i]);
    listener_free(listener);
    listener_free(NULL);
    loop_free(loop);
}

struct watch {
    uint64_t until_ms;
    int turns;
};

static bool time_is_over(void *arg)
{
    struct watch *watch = arg;

    watch->turns++;
    return clock_monotonic_ms() >= watch->until_ms;
}

static bool one_came(void *arg)
{
    (void)arg;
    return accepted_count == 1;
}

/* Another process that has the socket may shut it. The kernel then calls it ready for ever: no reason to run
 * hot. */
static void a_socket_that_was_shut_is_left_alone_for_a_while(void **state)
{
    struct err err;
    struct loop *loop = loop_new(&err);
    struct watch watch = {.turns = 0};
    struct addr at;
    int listening = net_listen(&at), client = socket(AF_INET, SOCK_STREAM, 0);
    struct listener *listener = listener_new(loop, listening, accepted, NULL, &err);

    (void)state;
    assert_non_null(listener);
    accepted_count = 0;
    assert_int_equal(shutdown(listening, SHUT_RDWR), 0);
    watch.until_ms = clock_monotonic_ms() + 100;
    assert_true(net_run_until(loop, time_is_over, &watch));
    assert_true(watch.turns < 500);
    /* A port that the kernel chose is given up by shutdown; one that was asked for would be kept. */
    assert_int_equal(bind(listening, &at.sa.any, at.len), 0);
    assert_int_equal(listen(listening, 8), 0);
    assert_int_equal(connect(client, &at.sa.any, at.len), 0);
    assert_true(net_run_until(loop, one_came, NULL));
    (void)close(client);
    listener_free(listener);
    loop_free(loop);
}

/* F21, C6: every port of the range is found, each once; then none is invented. */
static void passive_ports_stay_in_their_range(void **state)
{
    enum { FIRST = 23971, COUNT = 6 };
    struct err err;
    struct loop *loop = loop_new(&err);
    struct listener *listeners[COUNT];
    struct addr at;
    unsigned seen = 0;

    (void)state;
    assert_true(addr_parse_host("127.0.0.1", &at, &err));
    for (int i = 0; i < COUNT; i++) {
        uint16_t port;

        listeners[i] = listener_new_passive(loop, &at, FIRST, FIRST + COUNT - 1, accepted, NULL, &err);
        assert_non_null(listeners[i]);
        port = listener_port(listeners[i]);
        assert_true(port >= FIRST && port < FIRST + COUNT);
        assert_false(seen & 1u << (port - FIRST));
        seen |= 1u << (port - FIRST);
    }
    assert_null(listener_new_passive(loop, &at, FIRST, FIRST + COUNT - 1, accepted, NULL, &err));
    assert_string_equal(err.text, "no free port in passive-ports 23971-23976");
    listener_free(listeners[3]);
    listeners[3] = listener_new_passive(loop, &at, FIRST, FIRST + COUNT - 1, accepted, NULL, &err);
    assert_non_null(listeners[3]);
    for (int i = 0; i < COUNT; i++)
        listener_free(listeners[i]);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_are_accepted_one_a_turn),
        cmocka_unit_test(a_socket_that_was_shut_is_left_alone_for_a_while),
        cmocka_unit_test(passive_ports_stay_in_their_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
