#include "rates.h"
#include "unit.h"

#include <stdio.h>

static struct addr host(const char *text)
{
    struct addr addr;
    struct err err;

    assert_true(addr_parse_host(text, &addr, &err));
    return addr;
}

static void every_address_has_its_own(void **state)
{
    struct rates *rates = rates_new(2, 2);
    struct addr a = host("192.0.2.1"), b = host("192.0.2.2"), c = host("2001:db8::1"),
                d = host("2001:db8::ffff");

    (void)state;
    addr_set_port(&a, 1);
    assert_true(rates_take(rates, &a, 0));
    addr_set_port(&a, 2); /* the port does not matter */
    assert_true(rates_take(rates, &a, 0));
    assert_false(rates_take(rates, &a, 0));
    assert_true(rates_take(rates, &b, 0));
    assert_true(rates_take(rates, &c, 0));
    assert_true(rates_take(rates, &d, 0)); /* the same /64 */
    assert_false(rates_take(rates, &c, 0));
    assert_true(rates_take(rates, &a, 500));
    rates_free(rates);
}

/* More addresses than the table holds: none is refused for another's sake. */
static void a_flood_of_addresses_hurts_nobody(void **state)
{
    struct rates *rates = rates_new(1, 1);

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char text[ADDR_TEXT_LEN];
        struct addr addr;

        (void)snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        addr = host(text);
        assert_true(rates_take(rates, &addr, i));
    }
    rates_free(rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_has_its_own),
        cmocka_unit_test(a_flood_of_addresses_hurts_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
