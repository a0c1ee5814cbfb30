/* H10: a route is a prefix at segment borders, compared raw; the longest wins. */
#include "unit.h"

#include "http_route.h"

#include <string.h>

static const char *some_methods[] = {"GET", "POST"};
static struct conf_backend one[] = {{.text = "10.0.0.1:80"}, {.text = "10.0.0.2:80"}};
static struct conf_backend same[] = {{.text = "10.0.0.1:80"}, {.text = "10.0.0.2:80"}};
static struct conf_backend turned[] = {{.text = "10.0.0.2:80"}, {.text = "10.0.0.1:80"}};

/* As conf sorts them: the longest path first. */
static struct conf_route routes[] = {
    {.path = "/as2/big/"},
    {.path = "/as2/mdn", .methods = some_methods, .method_count = 2},
    {.path = "/as2"},
    {.path = "/x%20y"},
};
static struct conf_route with_root[] = {{.path = "/as2"}, {.path = "/"}};

static const struct conf_listener listener = {.routes = routes, .route_count = ROWS(routes)};
static const struct conf_listener rooted = {.routes = with_root, .route_count = ROWS(with_root)};

static const struct {
    const struct conf_listener *listener;
    const char *target, *route; /* NULL: none */
} rows[] = {
    {&listener, "/as2", "/as2"},
    {&listener, "/as2/", "/as2"},
    {&listener, "/as2?mdn", "/as2"},
    {&listener, "/as2?/as2/mdn", "/as2"},
    {&listener, "/as2/other", "/as2"},
    {&listener, "/as2/mdn", "/as2/mdn"},
    {&listener, "/as2/mdn/1?x", "/as2/mdn"},
    {&listener, "/as2/mdns", "/as2"},
    {&listener, "/as2/big", "/as2"},
    {&listener, "/as2/big/", "/as2/big/"},
    {&listener, "/as2/big/1", "/as2/big/"},
    {&listener, "/x%20y/z", "/x%20y"},
    {&listener, "/as2x", NULL},
    {&listener, "/as2;x", NULL},
    {&listener, "/as2%3Fx", NULL},
    {&listener, "/AS2", NULL},
    {&listener, "/%61s2", NULL},
    {&listener, "/", NULL},
    {&listener, "", NULL},
    {&listener, "?/as2", NULL},
    {&listener, "*", NULL},
    {&listener, "/as", NULL},
    {&rooted, "/as2", "/as2"},
    {&rooted, "/%61s2", "/"},
    {&rooted, "/", "/"},
    {&rooted, "", "/"},
    {&rooted, "?x", "/"},
    {&rooted, "/anything", "/"},
    {&rooted, "*", NULL},
};

static void the_longest_path_wins(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct conf_route *route =
            http_route_find(rows[i].listener, rows[i].target, strlen(rows[i].target));

        if ((route != NULL) != (rows[i].route != NULL) || (route && strcmp(route->path, rows[i].route) != 0))
            fail_msg("%s takes %s", rows[i].target, route ? route->path : "no route");
    }
}

static void methods_are_compared_exactly(void **state)
{
    (void)state;
    assert_true(http_route_takes(&routes[1], "GET", 3));
    assert_true(http_route_takes(&routes[1], "POST", 4));
    assert_false(http_route_takes(&routes[1], "post", 4));
    assert_false(http_route_takes(&routes[1], "POS", 3));
    assert_false(http_route_takes(&routes[1], "POSTS", 5));
    assert_false(http_route_takes(&routes[1], "HEAD", 4));
    assert_true(http_route_takes(&routes[0], "TRACE", 5));
}

static void backends_are_the_same_in_the_same_order(void **state)
{
    const struct conf_backends a = {2, one}, b = {2, same}, c = {2, turned}, d = {1, one}, none = {0, NULL};

    (void)state;
    assert_true(http_route_same_backends(&a, &a));
    assert_true(http_route_same_backends(&a, &b));
    assert_false(http_route_same_backends(&a, &c));
    assert_false(http_route_same_backends(&a, &d));
    assert_false(http_route_same_backends(&a, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_path_wins),
        cmocka_unit_test(methods_are_compared_exactly),
        cmocka_unit_test(backends_are_the_same_in_the_same_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
