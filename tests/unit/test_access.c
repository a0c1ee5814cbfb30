#include "unit.h"

#include "access.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 8 };

static struct conf_network network(const char *text)
{
    char host[64];
    const char *slash = strchr(text, '/');
    struct conf_network out;
    struct err err;

    assert_non_null(slash);
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = 0;
    assert_true(addr_parse_host(host, &out.addr, &err));
    out.prefix = (unsigned)strtoul(slash + 1, NULL, 10);
    return out;
}

static struct conf_networks networks(const char *const *texts, struct conf_network *items)
{
    struct conf_networks out = {.items = items};

    for (; texts[out.count]; out.count++)
        items[out.count] = network(texts[out.count]);
    return out;
}

static struct addr host(const char *text)
{
    struct addr out;
    struct err err;

    assert_true(addr_parse_host(text, &out, &err));
    return out;
}

static const struct row {
    const char *allow[ROWS_MAX], *deny[ROWS_MAX], *who;
    bool expected;
} rows[] = {
    /* nothing said */
    {{NULL}, {NULL}, "192.0.2.1", true},
    {{NULL}, {NULL}, "2001:db8::1", true},
    {{NULL}, {NULL}, "::ffff:192.0.2.1", true},
    /* allow alone: the others stay out */
    {{"192.0.2.0/24"}, {NULL}, "192.0.2.255", true},
    {{"192.0.2.0/24"}, {NULL}, "192.0.3.0", false},
    {{"192.0.2.0/24"}, {NULL}, "192.0.1.255", false},
    {{"192.0.2.0/24"}, {NULL}, "2001:db8::1", false},
    {{"2001:db8::/32"}, {NULL}, "192.0.2.1", false},
    /* deny alone: the others come in */
    {{NULL}, {"192.0.2.0/24"}, "192.0.2.1", false},
    {{NULL}, {"192.0.2.0/24"}, "192.0.3.1", true},
    {{NULL}, {"0.0.0.0/0"}, "203.0.113.9", false},
    {{NULL}, {"0.0.0.0/0"}, "2001:db8::1", true},
    {{NULL}, {"::/0"}, "2001:db8::1", false},
    /* the most specific wins, whichever list it is in and wherever it stands there */
    {{"10.0.0.0/8"}, {"10.1.0.0/16"}, "10.1.2.3", false},
    {{"10.0.0.0/8", "10.1.2.0/24"}, {"10.1.0.0/16"}, "10.1.2.3", true},
    {{"10.1.2.0/24", "10.0.0.0/8"}, {"10.1.0.0/16"}, "10.1.2.3", true},
    {{"10.0.0.0/8", "10.1.2.0/24"}, {"10.1.0.0/16", "10.1.2.3/32"}, "10.1.2.3", false},
    {{"10.0.0.0/8"}, {"10.1.0.0/16"}, "10.2.0.1", true},
    {{"10.1.2.3/32"}, {"0.0.0.0/0"}, "10.1.2.3", true},
    {{"10.1.2.3/32"}, {"0.0.0.0/0"}, "10.1.2.4", false},
    {{"2001:db8:1::/48"}, {"2001:db8::/32"}, "2001:db8:1::9", true},
    {{"2001:db8:1::/48"}, {"2001:db8::/32"}, "2001:db8:2::9", false},
    /* the same network in both */
    {{"10.0.0.0/8"}, {"10.0.0.0/8"}, "10.0.0.1", false},
    {{"0.0.0.0/0"}, {"0.0.0.0/0"}, "10.0.0.1", false},
    /* bits inside a byte */
    {{"192.0.2.128/25"}, {NULL}, "192.0.2.128", true},
    {{"192.0.2.128/25"}, {NULL}, "192.0.2.127", false},
    {{"192.0.2.4/30"}, {NULL}, "192.0.2.7", true},
    {{"192.0.2.4/30"}, {NULL}, "192.0.2.8", false},
    {{"128.0.0.0/1"}, {NULL}, "127.255.255.255", false},
    {{"128.0.0.0/1"}, {NULL}, "255.255.255.255", true},
    {{"2001:db8::8000/113"}, {NULL}, "2001:db8::7fff", false},
    {{"2001:db8::8000/113"}, {NULL}, "2001:db8::ffff", true},
    /* TRAPS 24: an IPv4 address in IPv6 clothes walks past nothing, on either side */
    {{NULL}, {"192.0.2.0/24"}, "::ffff:192.0.2.1", false},
    {{"192.0.2.0/24"}, {NULL}, "::ffff:192.0.2.1", true},
    {{"192.0.2.0/24"}, {NULL}, "::ffff:192.0.3.1", false},
    {{NULL}, {"::ffff:192.0.2.0/120"}, "192.0.2.1", false},
    {{NULL}, {"::ffff:192.0.2.0/120"}, "::ffff:192.0.2.1", false},
    {{NULL}, {"::ffff:0.0.0.0/96"}, "203.0.113.9", false},
    {{"10.0.0.0/8"}, {"::ffff:10.1.0.0/112"}, "10.1.0.1", false},
    {{"10.0.0.0/8"}, {"::ffff:10.0.0.0/104"}, "10.1.0.1", false},
    {{"::/0"}, {NULL}, "::ffff:192.0.2.1", false},
    {{"::/0"}, {NULL}, "192.0.2.1", false},
    /* what only looks like one: not mapped, but "compatible" and NAT64 */
    {{NULL}, {"192.0.2.0/24"}, "::192.0.2.1", true},
    {{NULL}, {"192.0.2.0/24"}, "64:ff9b::192.0.2.1", true},
    {{NULL}, {"192.0.2.0/24"}, "::fffe:192.0.2.1", true},
};

static void the_most_specific_network_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct conf_network allow[ROWS_MAX], deny[ROWS_MAX];
        const struct conf_access access = {networks(rows[i].allow, allow), networks(rows[i].deny, deny)};
        const struct addr who = host(rows[i].who);

        if (access_allows(&access, &who) != rows[i].expected)
            fail_msg("row %zu: %s", i, rows[i].who);
    }
}

static void an_empty_list_contains_nobody(void **state)
{
    const struct conf_networks none = {0};
    const struct addr who = host("192.0.2.1");

    (void)state;
    assert_false(access_contains(&none, &who));
}

/* A row that no reader lets through must not read behind an address either. */
static void a_prefix_that_is_too_long_holds_nobody(void **state)
{
    struct conf_network item = network("192.0.2.1/33");
    const struct conf_networks list = {1, &item};
    const struct addr who = host("192.0.2.1");

    (void)state;
    assert_false(access_contains(&list, &who));
    item.prefix = 4000;
    assert_false(access_contains(&list, &who));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_network_decides),
        cmocka_unit_test(an_empty_list_contains_nobody),
        cmocka_unit_test(a_prefix_that_is_too_long_holds_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
