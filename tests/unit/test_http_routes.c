/* Requests of one connection that go to different servers, or nowhere any more. */
#include "unit.h"

#include "http_stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* C5 */
static void a_client_that_is_not_trusted_any_more_is_403(void **state)
{
    (void)state;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, OK("0"));
    stage_hear(stage.client, OK("0"));
    stage.conf.client_certificate = CONF_CLIENT_REQUIRE;
    stage.session.distrusted = true;
    stage_say(stage.client, GET);
    stage_hear(stage.client, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n"
                             "Connection: close\r\n\r\n403 Forbidden\n");
    assert_int_equal(stage_how_it_ended(stage.client), 0);
    assert_int_equal(stage_how_it_ended(stage.backend), 0);
    assert_int_equal(stage.session.reason, REASON_CERTIFICATE_REFUSED);
}

/* Requests of one connection on two routes: the first backend sees an end in order, the second a connection
 * of its own; a route with the same servers keeps the connection. */
static void a_route_to_other_servers_is_a_new_connection(void **state)
{
    static struct conf_backend other, alike;
    static struct conf_route routes[] = {{.path = "/alike"}, {.path = "/other"}};
    struct conf_listener *listener = &stage.conf;
    int listening_too = net_listen(&other.addr), first;

    (void)state;
    alike = stage.backend_conf;
    other.text = "other";
    stage.backend_conf.text = alike.text = "one";
    routes[0].backends = (struct conf_backends){1, &alike};
    routes[1].backends = (struct conf_backends){1, &other};
    listener->routes = routes;
    listener->route_count = 2;
    stage_say(stage.client, GET);
    stage_meet();
    stage_hear(stage.backend, GET_ON);
    stage_say(stage.backend, OK("1") "a");
    stage_hear(stage.client, OK("1") "a");
    stage_say(stage.client, "GET /alike HTTP/1.1\r\nHost: h\r\n\r\n");
    stage_hear(stage.backend, "GET /alike HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n");
    stage_say(stage.client, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
    stage_say(stage.backend, OK("1") "b");
    stage_hear(stage.client, OK("1") "b");
    assert_int_equal(stage_how_it_ended(stage.backend), 0);
    first = stage.backend;
    assert_true(net_run_until(stage.loop, stage_can_read, &listening_too));
    stage.backend = accept(listening_too, NULL, NULL);
    stage_hear(stage.backend, "GET /other HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n");
    (void)close(first); /* what happens to the old one is nobody's business */
    stage_say(stage.backend, OK("1") "c");
    stage_hear(stage.client, OK("1") "c");
    assert_false(stage.session.over);
    (void)close(listening_too);
}

/* So many answers that the next ones wait in our buffers. */
static void fill_the_client(void)
{
    enum { BODY = 60000, ANSWERS_MAX = 400 };
    static char answer[BODY + 100];
    int head = snprintf(answer, sizeof answer, "%s", OK("60000"));

    memset(answer + head, 'x', BODY);
    for (int i = 0; i < ANSWERS_MAX && !stream_unsent(stage.session.client); i++) {
        stage_say(stage.client, GET);
        if (!i)
            stage_meet();
        stage_hear(stage.backend, GET_ON);
        stage_say(stage.backend, answer);
        net_turns(stage.loop, 10);
    }
    assert_int_not_equal(stream_unsent(stage.session.client), 0);
}

/* The session waits for a client that reads slowly, and still knows why it ends. */
static void the_cause_outlives_the_backend(void **state)
{
    static struct conf_backend down = {.text = "down"};
    static struct conf_route routes[] = {{.path = "/down"}};
    static char part[65536];

    (void)state;
    (void)close(net_listen(&down.addr));
    stage.backend_conf.text = "one";
    routes[0].backends = (struct conf_backends){1, &down};
    stage.conf.routes = routes;
    stage.conf.route_count = 1;
    fill_the_client();
    stage_say(stage.client, "GET /down HTTP/1.1\r\nHost: h\r\n\r\n");
    net_turns(stage.loop, 20);
    assert_false(stage.session.over);
    while (net_run_until(stage.loop, stage_can_read, &stage.client) &&
           recv(stage.client, part, sizeof part, 0) > 0)
        ;
    assert_true(stage.session.over);
    assert_int_equal(stage.session.reason, REASON_BACKEND_UNREACHABLE);
    assert_string_equal(stage.session.detail.text, "connect: Connection refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_is_not_trusted_any_more_is_403),
        TEST(a_route_to_other_servers_is_a_new_connection),
        TEST(the_cause_outlives_the_backend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
