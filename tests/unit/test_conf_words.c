/* The rules for single texts. */
#include "conf_words.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *text;
    bool good;
};

static void check(bool (*rule)(const char *text), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rule(rows[i].text) == rows[i].good)
            continue;
        print_error("\"%s\" is %s\n", rows[i].text, rows[i].good ? "refused" : "taken");
        fail();
    }
}

static void server_names(void **state)
{
    static const struct row rows[] = {
        {"ftp.example.com", true},
        {"FTP.Example.COM", true},
        {"localhost", true},
        {"xn--mller-kva.example", true},
        {"a-b.1.c2", true},
        {"1.example", true},
        {"*.example.com", true},
        {"*.com", true},
        {"", false},
        {".", false},
        {"*", false},
        {"*.", false},
        {"**.example.com", false},
        {"*.*.example.com", false},
        {"ftp.*.com", false},
        {"f*.example.com", false},
        {"*ftp.example.com", false},
        {".example.com", false},
        {"example.com.", false},
        {"example..com", false},
        {"-a.example", false},
        {"a-.example", false},
        {"a.-example", false},
        {"a_b.example", false},
        {"a b.example", false},
        {"a.example\n", false},
        {"a/b.example", false},
        {"m\xc3\xbcller.example", false},
        {"192.0.2.1", false},
        {"*.2.1", false},
        {"12345", false},
        {"2001:db8::1", false},
        {"[::1]", false},
        {"a.example:21", false},
    };

    (void)state;
    check(conf_is_server_name, rows, ROWS(rows));
}

/* "a" as often as it takes, in labels of the given length. */
static char *long_name(size_t len, size_t label)
{
    char *name = calloc(1, len + 1);

    assert_non_null(name);
    for (size_t i = 0; i < len; i++)
        name[i] = (i + 1) % (label + 1) ? 'a' : '.';
    return name;
}

static void lengths_of_server_names(void **state)
{
    static const struct {
        size_t len, label;
        bool good;
    } rows[] = {
        {63, 63, true},   {64, 64, false},  {253, 63, true},
        {254, 62, false}, {255, 63, false}, {253, 64, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *name = long_name(rows[i].len, rows[i].label);

        assert_int_equal(conf_is_server_name(name), rows[i].good);
        free(name);
    }
}

static void credentials(void **state)
{
    static const struct row rows[] = {
        {"edge-pin", true}, {"edge.pin_2", true}, {"...", true},  {"", false},
        {".", false},       {"..", false},        {"a/b", false}, {"../pin", false},
        {"/pin", false},    {"a b", false},       {"a\n", false},
    };

    (void)state;
    check(conf_is_credential, rows, ROWS(rows));
}

static void paths(void **state)
{
    static const struct row rows[] = {
        {"", true}, {"a", true}, {"/a b/\xc3\xbc", true}, {"a\nb", false}, {"a\x7f", false},
    };

    (void)state;
    check(conf_is_path_or_none, rows, ROWS(rows));
    check(conf_is_path, rows + 1, ROWS(rows) - 1);
    assert_false(conf_is_path(""));
}

static void host_names(void **state)
{
    static const struct row rows[] = {
        {"ftp.example.com", true},
        {"backend", true},
        {"as2_server", true},
        {"1.example", true},
        {"", false},
        {".", false},
        {"a..b", false},
        {"a.example.", false},
        {"*.example.com", false},
        {"10.0.0.5", false},
        {"300", false},
        {"a b", false},
        {"a:1", false},
        {"[::1]", false},
        {"-a", false},
        {"a\r\nb", false},
    };

    (void)state;
    check(conf_is_host_name, rows, ROWS(rows));
}

/* H10: what could be written in two ways is no route. */
static void routes(void **state)
{
    static const struct row rows[] = {
        {"/", true},       {"/as2", true},     {"/as2/", true},      {"/.well-known/x", true},
        {"/...", true},    {"/a..b/c.", true}, {"/a;b=c,d", true},   {"", false},
        {"as2", false},    {"//", false},      {"/a//b", false},     {"/.", false},
        {"/..", false},    {"/./a", false},    {"/a/..", false},     {"/a/../b", false},
        {"/a%2Fb", false}, {"/a?b", false},    {"/a#b", false},      {"/a b", false},
        {"/a\\b", false},  {"/a\tb", false},   {"/\xc3\xbc", false}, {"/a\x7f", false},
    };

    (void)state;
    check(conf_is_route, rows, ROWS(rows));
}

static void commands_and_methods(void **state)
{
    static const struct row commands[] = {{"SITE", true},
                                          {"site", true},
                                          {"", false},
                                          {"SITE ", false},
                                          {"X1", false},
                                          {"S\n", false},
                                          {"ABCDEFGHIJKLMNOPQ", false}};
    static const struct row methods[] = {{"POST", true},  {"M-SEARCH", true}, {"", false},
                                         {"Post", false}, {"POST ", false},   {"P\r", false}};

    (void)state;
    check(conf_is_command, commands, ROWS(commands));
    check(conf_is_method, methods, ROWS(methods));
}

static void login_directories(void **state)
{
    static const struct row rows[] = {
        {"", true},     {"/home/%u", true}, {"%u", true},   {"/100%%/%u/%u", true}, {"/a b", true},
        {"%", false},   {"/a%", false},     {"/%s", false}, {"/%%%", false},        {"/a\r\nDELE b", false},
        {"/%U", false},
    };

    (void)state;
    check(conf_is_login_directory, rows, ROWS(rows));
}

/* RFC 4130 section 6.2: printable ASCII, 1 to 128. */
static void as2_ids(void **state)
{
    static const struct row rows[] = {
        {"ACME", true}, {"a \"b\" \\c", true}, {"~!", true},
        {"", false},    {"a\n", false},        {"m\xc3\xbcller", false},
    };
    char *name = long_name(128, 200), *longer = long_name(129, 200);

    (void)state;
    check(conf_is_as2_id, rows, ROWS(rows));
    assert_true(conf_is_as2_id(name));
    assert_false(conf_is_as2_id(longer));
    free(name);
    free(longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_names),
        cmocka_unit_test(lengths_of_server_names),
        cmocka_unit_test(credentials),
        cmocka_unit_test(paths),
        cmocka_unit_test(host_names),
        cmocka_unit_test(routes),
        cmocka_unit_test(commands_and_methods),
        cmocka_unit_test(login_directories),
        cmocka_unit_test(as2_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
