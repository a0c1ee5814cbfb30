#include "conf_scan.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *text, *expected; /* NULL: nothing is wrong */
};

static void scans(const char *text, size_t len, const char *expected)
{
    static struct conf_errors errors;
    struct conf_report report;

    conf_report_start(&report, "f", &errors);
    assert_int_equal(conf_scan(text, len, &report), expected == NULL);
    assert_int_equal(errors.count > 0, expected != NULL);
    if (expected)
        assert_string_equal(errors.items[0].text, expected);
}

static void takes_and_refuses(void **state)
{
    static const struct row rows[] = {
        {"", NULL},
        {"a = 1;", NULL},
        {"# \" open quote in a comment\na = 1;", NULL},
        {"// /* not a block comment\na = 1;", NULL},
        {"/* \" // # */ a = \"/* no comment\";", NULL},
        {"/* one\n two */ a = 1; /**/", NULL},
        {"a = \"# no comment\"; b = \"// none\";", NULL},
        {"a = \"\\\"\"; b = 1;", NULL},
        {"a = \"\\\\\"; b = 1;", NULL},
        {"a = \"\\x41\\\\x00\";", NULL},
        {"a = \"x\" \"y\";", NULL},
        {"a = 2147483647; b = 0x7fffffff; a99999999999 = 1; b-99999999999 = 1;", NULL},
        {"a = \"@include\"; # @include \"x\"", NULL},
        {"a = ( \"x\", [ \"y\", \"z\" ], { b : \"c\"; } , \"d\" ), b = \"e\"", NULL},
        {"a = ((((((((((((((((\"deep\"))))))))))))))));", NULL},
        {"a = (((((((((((((((((1)))))))))))))))));",
         "f:1: brackets within brackets, more than any option needs"},
        {"a \"x\";", "f:1: a string where none can stand (a missing = or comma?)"},
        {"\"x\" = 1;", "f:1: a string where none can stand (a missing = or comma?)"},
        {"a = 1,\n\"x\";", "f:2: a string where none can stand (a missing = or comma?)"},
        {"a = { \"x\" };", "f:1: a string where none can stand (a missing = or comma?)"},
        {"a = [ 1 \"x\" ];", "f:1: a string where none can stand (a missing = or comma?)"},
        {"a = ( [ 1 ] \"x\" );", "f:1: a string where none can stand (a missing = or comma?)"},
        {"a = 1; /* open", "f:1: the comment that begins here (/*) has no end"},
        {"a = 1;\n/*/", "f:2: the comment that begins here (/*) has no end"},
        {"a = \"open", "f:1: a string has no end on this line"},
        {"\n\na = \"open\nb = \"x\";", "f:3: a string has no end on this line"},
        {"a = \"open\\", "f:1: a string has no end on this line"},
        {"a = \"open\\\"", "f:1: a string has no end on this line"},
        {"a = \"\\x00\";", "f:1: a string cannot hold the byte 0 (\\x00)"},
        {"a = \"\\\\\\X00\";", "f:1: a string cannot hold the byte 0 (\\x00)"},
        {"a = 2147483648;", "f:1: a number cannot be larger than 2147483647"},
        {"a = 99999999999999999999999999L;", "f:1: a number cannot be larger than 2147483647"},
        {"a = -2147483649;", "f:1: a number cannot be larger than 2147483647"},
        {"\na = 0XFFFFFFFFF;", "f:2: a number cannot be larger than 2147483647"},
        {"@include \"x\"", "f:1: @include: a configuration is one file"},
        {"a = 1;\n \t@include\t\"x\"", "f:2: @include: a configuration is one file"},
        {"/* */ @include \"x\"", "f:1: @include: a configuration is one file"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        scans(rows[i].text, strlen(rows[i].text), rows[i].expected);
}

static void refuses_a_byte_zero_anywhere(void **state)
{
    static const char text[] = "a = 1;\n# b\nc = \"d\";\n";
    char damaged[sizeof text];

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        int line = 1;
        char expected[128];

        memcpy(damaged, text, sizeof text);
        damaged[i] = 0;
        for (size_t k = 0; k < i; k++)
            line += text[k] == '\n';
        (void)snprintf(expected, sizeof expected,
                       "f:%d: the file holds a byte 0: it is damaged or not a text", line);
        scans(damaged, sizeof text - 1, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_and_refuses),
        cmocka_unit_test(refuses_a_byte_zero_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
