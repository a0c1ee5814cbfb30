/* conf-broken/NAME.conf is a file that must be refused; NAME.expected is what must be said, exactly. */
#include "conf.h"

#include "conf_fixture.h"
#include "unit.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAIRS_MIN = 180, SAID_LEN = CONF_ERRORS_MAX * sizeof(struct err) };

static void with_ending(const char *path, const char *ending, char *out, size_t size)
{
    size_t stem = strlen(path) - strlen(strrchr(path, '.'));

    (void)snprintf(out, size, "%.*s%s", (int)stem, path, ending);
}

/* What the reader says about a file, one error a line; "" when it takes the file. */
static void say(const char *path, char *out, size_t size)
{
    static struct conf_errors errors;
    struct conf_files *files = conf_files_from_disk();
    struct conf *conf = conf_read(files, path, &errors);
    size_t len = 0;

    out[0] = 0;
    assert_int_equal(conf == NULL, errors.count > 0);
    for (size_t i = 0; i < errors.count; i++)
        len += (size_t)snprintf(out + len, size - len, "%s\n", errors.items[i].text);
    conf_free(conf);
    conf_files_free(files);
}

static size_t count_of(const char *pattern)
{
    glob_t found = {0};
    size_t count;

    (void)glob(pattern, 0, NULL, &found);
    count = found.gl_pathc;
    globfree(&found);
    return count;
}

static void each_broken_file_has_its_error(void **state)
{
    static char said[SAID_LEN];
    char expected_path[256];
    unsigned wrong = 0;
    glob_t found = {0};

    (void)state;
    assert_int_equal(glob("*.conf", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *expected;

        with_ending(found.gl_pathv[i], ".expected", expected_path, sizeof expected_path);
        expected = fixture_slurp(expected_path);
        say(found.gl_pathv[i], said, sizeof said);
        if (!expected[0] || strcmp(said, expected) != 0) {
            print_error("%s: expected\n%sand not\n%s", found.gl_pathv[i], expected, said);
            wrong++;
        }
        free(expected);
    }
    globfree(&found);
    assert_int_equal(wrong, 0);
}

static void there_are_enough_of_them(void **state)
{
    (void)state;
    assert_true(count_of("*.conf") >= PAIRS_MIN);
    assert_int_equal(count_of("*.conf"), count_of("*.expected"));
}

static void absent_files_are_said_so(void **state)
{
    static const struct {
        const char *path, *expected;
    } rows[] = {
        {"absent/p11gate.conf", "absent/p11gate.conf: cannot be read: No such file or directory\n"},
        {".", ".: not a regular file\n"},
        {"/dev/zero", "/dev/zero: not a regular file\n"},
        {"", ": cannot be read: No such file or directory\n"},
    };
    static char said[SAID_LEN];

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        say(rows[i].path, said, sizeof said);
        assert_string_equal(said, rows[i].expected);
    }
}

/* P4 */
static void no_pin_is_shown(void **state)
{
    static char said[SAID_LEN];

    (void)state;
    say("keystore-pin-in-uri.conf", said, sizeof said);
    assert_non_null(strstr(said, "token = "));
    assert_null(strstr(said, "12345678"));
    say("server-name-key-alias-pin.conf", said, sizeof said);
    assert_non_null(strstr(said, "key-alias = "));
    assert_null(strstr(said, "12345678"));
    say("listener-key-alias-pin.conf", said, sizeof said);
    assert_non_null(strstr(said, "key-alias = "));
    assert_null(strstr(said, "12345678"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_broken_file_has_its_error),
        cmocka_unit_test(there_are_enough_of_them),
        cmocka_unit_test(absent_files_are_said_so),
        cmocka_unit_test(no_pin_is_shown),
    };

    if (chdir(CONF_BROKEN) < 0) {
        perror(CONF_BROKEN);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
