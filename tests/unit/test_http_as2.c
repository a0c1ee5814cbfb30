/* AS2 names: what is one, and what it says (RFC 4130 6.2). */
#include "unit.h"

#include "http_as2.h"

#include <string.h>

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *value, *name; /* NULL: none */
} rows[] = {
    {"ACME", "ACME"},
    {"AcMe", "AcMe"},
    {"a", "a"},
    {"!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"},
    {"\"ACME\"", "ACME"},
    {"\"AcMe  GmbH\"", "AcMe  GmbH"},
    {"\" \"", " "},
    {"\"a\\\"b\"", "a\"b"},
    {"\"a\\\\b\"", "a\\b"},
    {"\"\\\\\"", "\\"},
    {HUNDRED TEN TEN "01234567", HUNDRED TEN TEN "01234567"},
    {"\"" HUNDRED TEN TEN "01234567\"", HUNDRED TEN TEN "01234567"},

    {"", NULL},
    {"\"", NULL},
    {"\"\"", NULL},
    {"A B", NULL},
    {"A\"B", NULL},
    {"A\\B", NULL},
    {"\"A", NULL},
    {"A\"", NULL},
    {"\"A\"B", NULL},
    {"\"A\"\"B\"", NULL},
    {"\"A\" ", NULL},
    {"\"A\\\"", NULL},
    {"\"A\\B\"", NULL},
    {"\"A\tB\"", NULL},
    {"A\tB", NULL},
    {"\xc3\x84", NULL},
    {"\"\xc3\x84\"", NULL},
    {"ACME, OTHER", NULL},
    {HUNDRED TEN TEN "012345678", NULL},
    {"\"" HUNDRED TEN TEN "012345678\"", NULL},
};

static void names_are_read_without_their_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char name[HTTP_AS2_NAME_MAX + 1];
        bool fine = http_as2_name((const uint8_t *)rows[i].value, strlen(rows[i].value), name);

        if (fine != (rows[i].name != NULL) || (fine && strcmp(name, rows[i].name) != 0))
            fail_msg("row %zu: %s", i, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_without_their_quotes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
