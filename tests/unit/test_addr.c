#include "addr.h"
#include "unit.h"

#include <arpa/inet.h>

static void addresses_are_numeric_and_whole(void **state)
{
    static const struct {
        const char *text, *again; /* NULL: refused */
    } rows[] = {
        {"192.0.2.1:990", "192.0.2.1:990"},
        {"[2001:db8::1]:990", "[2001:db8::1]:990"},
        {"[::]:0", "[::]:0"},
        {"0.0.0.0:65535", "0.0.0.0:65535"},
        {"2001:db8::1:990", NULL},
        {"[192.0.2.1]:990", NULL},
        {"192.0.2.1", NULL},
        {"192.0.2.1:", NULL},
        {":990", NULL},
        {"", NULL},
        {"192.0.2.1:65536", NULL},
        {"192.0.2.1:-1", NULL},
        {"192.0.2.01.1:1", NULL},
        {"192.0.2.256:1", NULL},
        {"ftp.example.com:21", NULL},
        {"[2001:db8::1]990", NULL},
        {"[2001:db8::1:990", NULL},
        {"[]:1", NULL},
        {"192.0.2.1 :990", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[ADDR_TEXT_LEN];
        struct addr addr;
        struct err err = {.text = ""};
        bool fine = addr_parse(rows[i].text, &addr, &err);

        if (fine != (rows[i].again != NULL))
            fail_msg("\"%s\": %s", rows[i].text, err.text);
        if (!fine) {
            assert_int_not_equal(err.text[0], 0);
            continue;
        }
        addr_text(&addr, text);
        assert_string_equal(text, rows[i].again);
    }
}

static void hosts_are_compared_without_ports(void **state)
{
    struct addr a, b, c;
    struct err err;
    char text[ADDR_TEXT_LEN];

    (void)state;
    assert_true(addr_parse("192.0.2.1:1", &a, &err));
    assert_true(addr_parse("192.0.2.1:2", &b, &err));
    assert_true(addr_parse_host("::ffff:192.0.2.1", &c, &err));
    assert_true(addr_same_host(&a, &b));
    assert_false(addr_same_host(&a, &c)); /* a mapped address is another family */
    addr_set_port(&c, 21);
    assert_int_equal(addr_port(&c), 21);
    addr_host_text(&b, text);
    assert_string_equal(text, "192.0.2.1");
    assert_false(addr_from_sockaddr(&(struct sockaddr){.sa_family = AF_UNIX}, sizeof(struct sockaddr), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_numeric_and_whole),
        cmocka_unit_test(hosts_are_compared_without_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
