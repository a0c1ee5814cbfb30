/* Which backend a session is sent to, and how a backend is found to be up or down. */
#include "backends.h"
#include "counters.h"
#include "net_pair.h"
#include "resolve.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVERS = 3, MANY = 64 };

static struct loop *loop;
static struct counters_page *page;
static struct backends *backends;
static struct conf_backend items[SERVERS] = {{.text = "10.0.0.1:21", .host = ""},
                                             {.text = "10.0.0.2:21", .host = ""},
                                             {.text = "10.0.0.3:21", .host = ""}};
static const struct conf_backends list = {SERVERS, items};

static int setup(void **state)
{
    struct err err;
    struct backends_setup wanted = {0};

    (void)state;
    loop = loop_new(&err);
    page = calloc(1, sizeof *page);
    wanted.loop = loop;
    wanted.counters = page;
    backends = backends_new(&wanted, &err);
    for (size_t i = 0; i < SERVERS; i++)
        assert_true(addr_parse(items[i].text, &items[i].addr, &err));
    return loop && page && backends ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    backends_free(backends);
    loop_free(loop);
    free(page);
    return 0;
}

static void add(const struct conf_listener *listener)
{
    struct err err;

    assert_true(backends_add(backends, listener, &err));
}

static void client_of(unsigned number, struct addr *out)
{
    char text[ADDR_TEXT_LEN];
    struct err err;

    (void)snprintf(text, sizeof text, "198.51.%u.%u:4711", number / 256, number % 256);
    assert_true(addr_parse(text, out, &err));
}

static size_t order(enum conf_balance balance, unsigned client, struct backend *out[BACKENDS_LIST_MAX])
{
    struct addr from;

    client_of(client, &from);
    return backends_order(backends, &list, balance, &from, out);
}

/* The last digits of the hosts, in their order. */
static void assert_order(enum conf_balance balance, const char *expected)
{
    struct backend *out[BACKENDS_LIST_MAX];
    size_t count = order(balance, 1, out);
    char got[SERVERS + 1] = "";

    for (size_t i = 0; i < count; i++)
        got[i] = backend_text(out[i])[7];
    assert_string_equal(got, expected);
}

static struct backend *the_only(const struct conf_backends *of)
{
    struct backend *out[BACKENDS_LIST_MAX];
    struct addr from;

    client_of(1, &from);
    assert_int_equal(backends_order(backends, of, CONF_BALANCE_FIRST, &from, out), 1);
    return out[0];
}

static struct backend *number(size_t i)
{
    const struct conf_backends one = {1, &items[i - 1]};

    return the_only(&one);
}

static void miss(size_t i, int times)
{
    struct err why;

    err_set(&why, "refused");
    while (times--)
        backend_missed(number(i), BACKEND_SESSION, &why);
}

static void h5_the_first_that_is_up_comes_first_and_the_others_stay_in_reach(void **state)
{
    const struct conf_listener listener = {
        .backends = list, .health_check_ms = 60000, .connect_timeout_ms = 1000};

    (void)state;
    add(&listener);
    assert_order(CONF_BALANCE_FIRST, "123");
    miss(1, 1);
    assert_order(CONF_BALANCE_FIRST, "123");
    miss(1, 1);
    assert_order(CONF_BALANCE_FIRST, "231");
    miss(2, 2);
    assert_order(CONF_BALANCE_FIRST, "312");
    miss(3, 2);
    assert_order(CONF_BALANCE_FIRST, "123"); /* all down: all are tried, in their order */
    backend_reached(number(2), BACKEND_SESSION);
    assert_order(CONF_BALANCE_FIRST, "213");
    miss(2, 1);
    backend_reached(number(2), BACKEND_SESSION);
    miss(2, 1);
    assert_order(CONF_BALANCE_FIRST, "213"); /* two failures, but not in a row */
}

static void the_one_with_the_fewest_connections_comes_first(void **state)
{
    const struct conf_listener listener = {.backends = list};

    (void)state;
    add(&listener);
    assert_order(CONF_BALANCE_LEAST_SESSIONS, "123");
    backend_take(number(1));
    assert_order(CONF_BALANCE_LEAST_SESSIONS, "231");
    backend_take(number(2));
    backend_take(number(2));
    assert_order(CONF_BALANCE_LEAST_SESSIONS, "312");
    backend_take(number(3));
    backend_leave(number(2));
    backend_leave(number(2));
    assert_order(CONF_BALANCE_LEAST_SESSIONS, "213");
    assert_int_equal(counter_get(&counters_backend(page, "10.0.0.3:21")->connected), 1);
    assert_int_equal(counter_get(&counters_backend(page, "10.0.0.2:21")->connected), 0);
}

static void a_clients_backend_stays_its_own_and_only_those_of_a_lost_one_move(void **state)
{
    const struct conf_listener listener = {
        .backends = list, .health_check_ms = 60000, .connect_timeout_ms = 1000};
    struct backend *before[MANY], *out[BACKENDS_LIST_MAX];
    unsigned counts[SERVERS] = {0}, moved = 0;

    (void)state;
    add(&listener);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(order(CONF_BALANCE_SOURCE, i, out), SERVERS);
        before[i] = out[0];
        counts[backend_text(out[0])[7] - '1']++;
    }
    for (size_t i = 0; i < SERVERS; i++)
        assert_in_range(counts[i], MANY / 10, MANY);
    miss(2, 2);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(order(CONF_BALANCE_SOURCE, i, out), SERVERS);
        assert_ptr_not_equal(out[0], number(2));
        assert_ptr_equal(out[SERVERS - 1], number(2));
        if (before[i] == number(2))
            moved++;
        else
            assert_ptr_equal(before[i], out[0]);
    }
    assert_int_equal(moved, counts[1]);
}

static void a_disabled_backend_gets_nobody_whatever_else_is_down(void **state)
{
    const struct conf_listener listener = {.backends = list};

    (void)state;
    add(&listener);
    assert_true(backends_set_enabled(backends, "10.0.0.1:21", false));
    assert_order(CONF_BALANCE_FIRST, "23");
    assert_true(backends_set_enabled(backends, "10.0.0.2:21", false));
    assert_true(backends_set_enabled(backends, "10.0.0.3:21", false));
    assert_order(CONF_BALANCE_FIRST, "");
    assert_true(backends_set_enabled(backends, "10.0.0.2:21", true));
    assert_order(CONF_BALANCE_FIRST, "2");
    assert_false(backends_set_enabled(backends, "10.0.0.9:21", true));
}

static void what_one_list_learns_the_others_know(void **state)
{
    struct conf_route routes[] = {{.path = "/as2", .backends = {1, &items[1]}}};
    struct conf_server_name names[] = {{.name = "a.example", .backends = {1, &items[2]}}};
    const struct conf_listener first = {.backends = {1, &items[0]}, .route_count = 1, .routes = routes},
                               second = {
                                   .backends = {2, items}, .server_name_count = 1, .server_names = names};

    (void)state;
    add(&first);
    add(&second);
    miss(2, 2);
    assert_int_equal(counter_get(&counters_backend(page, "10.0.0.2:21")->health), BACKEND_DOWN);
    assert_int_equal(counter_get(&counters_backend(page, "10.0.0.1:21")->health), BACKEND_UNKNOWN);
    backend_reached(number(1), BACKEND_SESSION);
    assert_int_equal(counter_get(&counters_backend(page, "10.0.0.1:21")->health), BACKEND_UP);
    assert_order(CONF_BALANCE_FIRST, "132");
}

/* --- looking --- */

static struct server {
    int listening, accepted;
    const char *greeting, *features;
    struct addr at;
    const char *text;
    char got[64];
    struct conf_backend item;
} server;

/* Backends borrow their texts. */
static char texts[MANY][ADDR_TEXT_LEN];
static size_t text_count;

static void server_open(const char *greeting)
{
    server = (struct server){.accepted = -1, .greeting = greeting};
    server.listening = net_listen(&server.at);
    assert_true(text_count < MANY);
    addr_text(&server.at, texts[text_count]);
    server.text = texts[text_count++];
    server.item = (struct conf_backend){.text = server.text, .host = "", .addr = server.at};
}

static bool has_health(void *arg)
{
    const enum backend_health *wanted = arg;
    int fd = server.listening < 0 ? -1 : accept4(server.listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    ssize_t got;

    if (fd >= 0) {
        if (server.accepted >= 0)
            (void)close(server.accepted);
        server.accepted = fd;
        (void)send(fd, server.greeting, strlen(server.greeting), MSG_NOSIGNAL);
    }
    if (server.accepted >= 0) {
        got = recv(server.accepted, server.got, sizeof server.got - 1, MSG_DONTWAIT);
        if (got > 0) {
            server.got[got] = 0;
            if (server.features && strcmp(server.got, "FEAT\r\n") == 0)
                (void)send(server.accepted, server.features, strlen(server.features), MSG_NOSIGNAL);
        }
    }
    return counter_get(&counters_backend(page, server.text)->health) == *wanted;
}

static void server_listen(void)
{
    int fd = server.listening, on = 1;

    if (fd >= 0)
        (void)close(fd);
    server.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)setsockopt(server.listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(server.listening, &server.at.sa.any, server.at.len), 0);
    assert_int_equal(listen(server.listening, 16), 0);
}

static void server_close(void)
{
    if (server.listening >= 0)
        (void)close(server.listening);
    if (server.accepted >= 0)
        (void)close(server.accepted);
    server.listening = server.accepted = -1;
}

static void wait_for_health(enum backend_health wanted)
{
    assert_true(net_run_until(loop, has_health, &wanted));
}

static struct conf_listener watched(enum conf_protocol protocol)
{
    return (struct conf_listener){.protocol = protocol,
                                  .backends = {1, &server.item},
                                  .health_check_ms = 20,
                                  .connect_timeout_ms = 1000};
}

static void a_look_finds_a_backend_gone_and_back(void **state)
{
    struct conf_listener listener;

    (void)state;
    server_open("");
    server_listen();
    listener = watched(CONF_HTTPS);
    add(&listener);
    wait_for_health(BACKEND_UP);
    server_close();
    wait_for_health(BACKEND_DOWN);
    server_listen();
    wait_for_health(BACKEND_UP);
    server_close();
}

static const struct {
    const char *greeting;
    enum backend_health health;
} greetings[] = {
    {"220 ready\r\n", BACKEND_UP},
    {"220-ready\r\n220 or so\r\n", BACKEND_UP},
    {"421 too many\r\n", BACKEND_DOWN},
    {"120 in ten minutes\r\n", BACKEND_DOWN},
    {"HTTP/1.1 400 Bad Request\r\n", BACKEND_DOWN},
    {"220x\r\n", BACKEND_DOWN},
    {"22\n", BACKEND_DOWN},
    {"22", BACKEND_DOWN}, /* and nothing more in time */
    {"", BACKEND_DOWN},
};

static void an_ftp_backend_has_to_greet(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(greetings); i++) {
        struct conf_listener listener;

        server_open(greetings[i].greeting);
        server_listen();
        listener = watched(CONF_FTPS);
        add(&listener);
        wait_for_health(greetings[i].health);
        server_close();
    }
}

static const struct {
    const char *greeting, *reply, *known;
} features[] = {
    {"220 ready\r\n", "211-Features:\r\n MLST type*;\r\n211 End\r\n",
     "211-Features:\r\n MLST type*;\r\n211 End\r\n"},
    {"220-211 of us\r\n211 are\r\n220 ready\r\n", "211 none\r\n", "211 none\r\n"},
    {"220 ready\r\n", "211-SIZE\r\n2110 is no end\r\n211-MDTM\r\n211 \r\n",
     "211-SIZE\r\n2110 is no end\r\n211-MDTM\r\n211 \r\n"},
    {"220 ready\r\n", "530 Log in first.\r\n", NULL},
    {"220 ready\r\n", "500 What?\r\n", NULL},
};

static bool has_said_goodbye(void *arg)
{
    enum backend_health up = BACKEND_UP;

    (void)arg;
    (void)has_health(&up);
    return strcmp(server.got, "QUIT\r\n") == 0;
}

static bool has_been_asked(void *arg)
{
    enum backend_health up = BACKEND_UP;

    (void)arg;
    (void)has_health(&up);
    return strcmp(server.got, "FEAT\r\n") == 0;
}

static void f2_a_look_finds_out_what_a_server_can_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(features); i++) {
        struct conf_listener listener;
        const char *known;
        size_t len = 0;

        server_open(features[i].greeting);
        server.features = features[i].reply;
        server_listen();
        listener = watched(CONF_FTP);
        add(&listener);
        assert_true(net_run_until(loop, has_said_goodbye, NULL));
        known = backend_features(the_only(&listener.backends), &len);
        assert_int_equal(len, features[i].known ? strlen(features[i].known) : 0);
        if (features[i].known)
            assert_memory_equal(known, features[i].known, len);
        server_close();
    }
}

/* It was up when it greeted; whatever goes wrong behind that is no news about it. */
static void a_server_that_is_silent_about_features_is_up(void **state)
{
    struct conf_listener listener;
    size_t len;

    (void)state;
    server_open("220 ready\r\n");
    server.features = "211-Features:\r\n and no end";
    server_listen();
    listener = watched(CONF_FTP);
    listener.connect_timeout_ms = 10;
    add(&listener);
    wait_for_health(BACKEND_UP);
    for (int looks = 0; looks < 2 * BACKEND_FAILURES_TO_DOWN; looks++) {
        server.got[0] = '\0';
        assert_true(net_run_until(loop, has_been_asked, NULL));
        wait_for_health(BACKEND_UP);
    }
    assert_null(backend_features(the_only(&listener.backends), &len));
    server_close();
}

static void h5_a_connection_is_no_greeting(void **state)
{
    struct conf_listener listener;
    struct backend *backend;
    enum backend_health down = BACKEND_DOWN;

    (void)state;
    server_open("421 not now\r\n");
    server_listen();
    listener = watched(CONF_FTP);
    add(&listener);
    backend = the_only(&listener.backends);
    while (!has_health(&down)) { /* sessions reach it all the time */
        backend_reached(backend, BACKEND_SESSION);
        (void)ev_run(loop_ev(loop), EVRUN_ONCE);
    }
    backend_reached(backend, BACKEND_SESSION);
    assert_false(backend_is_up(backend));
    server.greeting = "220 now\r\n";
    wait_for_health(BACKEND_UP);
    assert_true(backend_is_up(backend));
    server_close();
}

static const struct {
    enum conf_send_proxy send_proxy;
    const char *bytes;
    size_t len;
} prefixes[] = {
    {CONF_PROXY_V1, "PROXY UNKNOWN\r\n", 15},
    {CONF_PROXY_V2, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16},
    {CONF_PROXY_V2_TLS, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16},
};

static bool has_got_something(void *arg)
{
    enum backend_health none = BACKEND_DOWN;

    (void)arg;
    (void)has_health(&none);
    return server.got[0];
}

static void h9_a_look_tells_a_proxys_friend_that_nobody_is_behind_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(prefixes); i++) {
        struct conf_listener listener;

        server_open("");
        server_listen();
        listener = watched(CONF_FTP);
        listener.send_proxy = prefixes[i].send_proxy;
        add(&listener);
        assert_true(net_run_until(loop, has_got_something, NULL));
        assert_memory_equal(server.got, prefixes[i].bytes, prefixes[i].len);
        server_close();
    }
}

static void nobody_listens(void *owner, const char *host, const struct addr *addresses, size_t count)
{
    (void)owner;
    (void)host;
    (void)addresses;
    (void)count;
}

static int listen_at(const char *host, uint16_t port, int backlog, struct addr *out)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct err err;

    assert_true(addr_parse_host(host, out, &err));
    addr_set_port(out, port);
    assert_int_equal(bind(fd, &out->sa.any, out->len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

/* The first address answers nobody, as a host that is off. */
static void an_address_that_is_silent_leaves_time_for_the_next(void **state)
{
    static const char hosts[] = "127.0.0.2 two\n127.0.0.3 two\n";
    static const struct resolver_user user = {.changed = nobody_listens};
    const struct resolver_setup names = {.user = &user};
    struct backends_setup with_names = {.loop = loop, .counters = page};
    struct conf_listener listener;
    int silent, filler[3];
    struct addr first, second;
    struct err err;

    (void)state;
    with_names.resolver = resolver_new(loop, &names, &err);
    assert_true(resolver_set_hosts(with_names.resolver, hosts, sizeof hosts - 1, &err));
    assert_true(resolver_add(with_names.resolver, "two", &err));
    server_open("");
    (void)close(server.listening);
    server.item.host = "two";
    silent = listen_at("127.0.0.2", addr_port(&server.at), 0, &first);
    for (size_t i = 0; i < ROWS(filler); i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(filler[i], &first.sa.any, first.len);
    }
    server.listening = listen_at("127.0.0.3", addr_port(&server.at), 16, &second);
    backends_free(backends);
    backends = backends_new(&with_names, &err);
    listener = watched(CONF_HTTPS);
    add(&listener);
    wait_for_health(BACKEND_UP);
    server_close();
    for (size_t i = 0; i < ROWS(filler); i++)
        (void)close(filler[i]);
    (void)close(silent);
    backends_rest(backends);
    resolver_free(with_names.resolver);
}

static bool no_streams(void *arg)
{
    (void)arg;
    return loop_streams(loop) == 0;
}

static void a_worker_that_retires_looks_no_more(void **state)
{
    struct conf_listener listener;
    int accepted = 0;

    (void)state;
    server_open("220 ready\r\n");
    server_listen();
    listener = watched(CONF_FTP);
    add(&listener);
    wait_for_health(BACKEND_UP);
    backends_rest(backends);
    (void)close(server.accepted);
    server.accepted = -1;
    while (accept4(server.listening, NULL, NULL, SOCK_NONBLOCK) >= 0)
        accepted++;
    assert_true(net_run_until(loop, no_streams, NULL));
    net_turns(loop, 50);
    assert_true(accept4(server.listening, NULL, NULL, SOCK_NONBLOCK) < 0);
    assert_in_range(accepted, 0, 2);
    server_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(h5_the_first_that_is_up_comes_first_and_the_others_stay_in_reach,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_one_with_the_fewest_connections_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clients_backend_stays_its_own_and_only_those_of_a_lost_one_move,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_disabled_backend_gets_nobody_whatever_else_is_down, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_one_list_learns_the_others_know, setup, teardown),
        cmocka_unit_test_setup_teardown(a_look_finds_a_backend_gone_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(an_ftp_backend_has_to_greet, setup, teardown),
        cmocka_unit_test_setup_teardown(f2_a_look_finds_out_what_a_server_can_do, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_is_silent_about_features_is_up, setup, teardown),
        cmocka_unit_test_setup_teardown(h5_a_connection_is_no_greeting, setup, teardown),
        cmocka_unit_test_setup_teardown(h9_a_look_tells_a_proxys_friend_that_nobody_is_behind_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_address_that_is_silent_leaves_time_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(a_worker_that_retires_looks_no_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
