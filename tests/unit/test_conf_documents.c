/* The option tables against what is written about them: conf/p11gate.conf and docs/man/p11gate.conf.5. */
#include "conf_options.h"

#include "conf_fixture.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES "/conf/"
#define MAN     PROJECT_ROOT "/docs/man/p11gate.conf.5"
#define SECRET  "0123456789abcdef0123456789abcdef0123456789abcdef"

/* The files that the samples name, beside the sample itself. */
static struct conf_files *sample_files(const char *text)
{
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0},
        {"partners-ca.pem", FIXTURE_CERTIFICATE, 0},
        {"ftps-rsa.pem", FIXTURE_CERTIFICATE, 0},
        {"ftps-ec.pem", FIXTURE_CERTIFICATE, 0},
        {"ftp-example.pem", FIXTURE_CERTIFICATE, 0},
        {"ftps-rsa.ocsp", FIXTURE_OCSP},
        {"ftp-example.ocsp", FIXTURE_OCSP},
        {"as2-chain.pem", FIXTURE_CERTIFICATE, 0},
        {"partners.crl", FIXTURE_CRL, 0},
        {"partner-cas.pem", FIXTURE_CERTIFICATE, 0},
        {"acme-2025.pem", "-----BEGIN CERTIFICATE-----\nMAAB\n-----END CERTIFICATE-----\n", 0},
        {"acme-2026.pem", "-----BEGIN CERTIFICATE-----\nMAAC\n-----END CERTIFICATE-----\n", 0},
        {"acme.pw", "secret\n", 0},
        {"outbound-acme.pem", FIXTURE_CERTIFICATE, 0},
        {"/etc/ssl/certs/ca-certificates.crt", FIXTURE_CERTIFICATE, 0},
        {"partners.d", "", 0},
        {"ticket-new.key", SECRET, 0},
        {"ticket-old.key", SECRET, 0},
        {NULL, NULL, 0},
    };

    return fixture_files(list);
}

static void reads(const char *text)
{
    struct conf_files *files = sample_files(text);

    conf_free(fixture_read(files, "p11gate.conf"));
    conf_files_free(files);
}

/* The lines "# name = value;" become settings. */
static void uncomment(char *text)
{
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        line += strspn(line, " ");
        if (strncmp(line, "# ", 2) == 0)
            memset(line, ' ', 2);
    }
}

/* The text of a block's list (or block) in the sample, without what is not part of it. */
static char *sample_part(const char *text, const struct conf_block *block)
{
    char opening[64];
    const char *begin = text, *end;

    if (block->within == CONF_BLOCK_LISTENER) {
        (void)snprintf(opening, sizeof opening, block->many ? " %s = (\n" : " %s = {\n", block->list);
        begin = strstr(text, opening);
        assert_non_null(begin);
        end = strstr(begin, block->many ? " );\n" : " };\n");
    } else if (block->list[0]) {
        (void)snprintf(opening, sizeof opening, block->many ? "\n%s = (\n" : "\n%s = {\n", block->list);
        begin = strstr(text, opening);
        assert_non_null(begin);
        end = strstr(begin, block->many ? "\n);" : "\n};");
    } else {
        end = strstr(text, "\nlog = {");
    }
    assert_non_null(end);
    return strndup(begin, (size_t)(end - begin));
}

/* The value of `name = value;` on a line of its own, from *at on; NULL: there is no more. Moves *at. */
static bool next_setting(const char **at, const char *name, char *value, size_t size)
{
    char wanted[64];
    const char *begin;
    size_t len;

    (void)snprintf(wanted, sizeof wanted, " %s = ", name);
    begin = strstr(*at, wanted);
    if (!begin)
        return false;
    begin += strlen(wanted);
    len = strcspn(begin, ";\n");
    assert_true(len < size);
    memcpy(value, begin, len);
    value[len] = 0;
    *at = begin;
    return true;
}

/* As the sample writes a default. */
static void written(const struct conf_option *option, char *out, size_t size)
{
    bool bare = option->type == CONF_TYPE_BOOL || option->type == CONF_TYPE_NUMBER;

    (void)snprintf(out, size, bare ? "%s" : "\"%s\"", option->preset);
}

/* Where the default depends on the machine, an example stands in the sample. */
static bool is_fixed(const struct conf_option *option)
{
    return option->preset && strcmp(option->name, "module") != 0;
}

static bool sample_has(const char *part, const struct conf_option *option)
{
    char value[256], expected[256];
    bool found = false, as_expected = false;

    while (next_setting(&part, option->name, value, sizeof value)) {
        found = true;
        if (!is_fixed(option))
            return true;
        written(option, expected, sizeof expected);
        as_expected = as_expected || strcmp(value, expected) == 0;
    }
    if (!found)
        print_error("p11gate.conf: %s is missing\n", option->name);
    else if (!as_expected)
        print_error("p11gate.conf: %s: the default is %s\n", option->name, expected);
    return found && as_expected;
}

/* Top-level settings begin a line; blanks in front make them look like the others. */
static char *indented(const char *text)
{
    char *out = calloc(1, 2 * strlen(text) + 2), *to = out;

    assert_non_null(out);
    *to++ = ' ';
    for (; *text; text++) {
        *to++ = *text;
        if (*text == '\n')
            *to++ = ' ';
    }
    return out;
}

static void the_sample_has_every_option(void **state)
{
    char *text = fixture_slurp(PROJECT_ROOT SAMPLES "p11gate.conf");
    unsigned missing = 0;

    (void)state;
    uncomment(text);
    for (int id = 0; id < CONF_BLOCKS; id++) {
        const struct conf_block *block = conf_block((enum conf_block_id)id);
        char *part = sample_part(text, block), *lines = indented(part);

        for (size_t i = 0; i < block->option_count; i++)
            missing += !sample_has(lines, &block->options[i]);
        free(lines);
        free(part);
    }
    free(text);
    assert_int_equal(missing, 0);
}

static void the_samples_are_right(void **state)
{
    static const char *const names[] = {"p11gate.conf", "ftps.conf", "as2.conf"};

    (void)state;
    for (size_t i = 0; i < ROWS(names); i++) {
        char path[512], *text;

        (void)snprintf(path, sizeof path, "%s%s", PROJECT_ROOT SAMPLES, names[i]);
        text = fixture_slurp(path);
        reads(text);
        uncomment(text);
        reads(text); /* nothing in it is unknown, commented out or not */
        free(text);
    }
}

static const char *const man_sections[CONF_BLOCKS] = {
    [CONF_BLOCK_SERVER] = "\n.Sh SERVER OPTIONS\n",
    [CONF_BLOCK_LOG] = "\n.Sh LOG\n",
    [CONF_BLOCK_KEYSTORE] = "\n.Sh KEYSTORES\n",
    [CONF_BLOCK_TRUSTSTORE] = "\n.Sh TRUSTSTORES\n",
    [CONF_BLOCK_LISTENER] = "\n.Sh LISTENERS\n",
    [CONF_BLOCK_SERVER_NAME] = "\n.Sh SERVER NAMES\n",
    [CONF_BLOCK_ADMIN] = "\n.Sh ADMIN\n",
    [CONF_BLOCK_PARTNER] = "\n.Sh PARTNERS\n",
    [CONF_BLOCK_PASSIVE_FOR] = "\n.Sh PASSIVE ADDRESSES\n",
    [CONF_BLOCK_ROUTE] = "\n.Sh ROUTES\n",
    [CONF_BLOCK_BACKEND_TLS] = "\n.Sh BACKEND TLS\n",
};

/* A copy of what stands between two marks; NULL when the first is not there. */
static char *between(const char *text, const char *from, const char *to)
{
    const char *begin = strstr(text, from), *end;

    if (!begin)
        return NULL;
    begin += strlen(from);
    end = strstr(begin, to);
    return end ? strndup(begin, (size_t)(end - begin)) : strdup(begin);
}

static bool man_has(const char *section, const struct conf_option *option)
{
    char heading[64], expected[256];
    char *item;
    bool good;

    (void)snprintf(heading, sizeof heading, "\n.It Ic %s\n", option->name);
    if (option->required)
        (void)snprintf(expected, sizeof expected, "; required.");
    else if (!is_fixed(option))
        (void)snprintf(expected, sizeof expected, "default: ");
    else
        (void)snprintf(expected, sizeof expected, "default: %s.",
                       option->preset[0] ? option->preset : "empty");
    item = between(section, heading, "\n.It ");
    good = item && strstr(item, expected);
    if (!good)
        print_error("p11gate.conf.5: %s: %s%s\n", option->name, item ? "it does not say: " : "missing",
                    item ? expected : "");
    free(item);
    return good;
}

/* "One of a, b;" */
static void choices_words(const struct conf_option *option, char *out, size_t size)
{
    const char *const *choices = option->choices;
    size_t len = (size_t)snprintf(out, size, "%s %s", option->type == CONF_TYPE_FLAGS ? "Any of" : "One of",
                                  choices[0]);

    for (size_t i = 1; choices[i]; i++)
        len += (size_t)snprintf(out + len, size - len, ", %s", choices[i]);
    (void)snprintf(out + len, size - len, ";");
}

/* Choices and ranges of numbers begin an item. */
static bool man_allows(const char *section, const struct conf_option *option)
{
    char heading[64], expected[256] = "";
    char *item;
    bool good;

    (void)snprintf(heading, sizeof heading, "\n.It Ic %s\n", option->name);
    item = between(section, heading, "\n.It ");
    if (option->type == CONF_TYPE_NUMBER)
        (void)snprintf(expected, sizeof expected, "Number from %llu to %llu;",
                       (unsigned long long)option->min, (unsigned long long)option->max);
    else if (option->type == CONF_TYPE_CHOICE || option->type == CONF_TYPE_FLAGS)
        choices_words(option, expected, sizeof expected);
    good = item && strncmp(item, expected, strlen(expected)) == 0;
    if (!good)
        print_error("p11gate.conf.5: %s: it does not begin with: %s\n", option->name, expected);
    free(item);
    return good;
}

static void the_man_page_has_every_option(void **state)
{
    char *page = fixture_slurp(MAN);
    unsigned missing = 0;

    (void)state;
    for (int id = 0; id < CONF_BLOCKS; id++) {
        const struct conf_block *block = conf_block((enum conf_block_id)id);
        char *section = between(page, man_sections[id], "\n.Sh ");

        assert_non_null(section);
        for (size_t i = 0; i < block->option_count; i++) {
            missing += !man_has(section, &block->options[i]);
            missing += !man_allows(section, &block->options[i]);
        }
        free(section);
    }
    free(page);
    assert_int_equal(missing, 0);
}

static void the_man_page_has_no_other(void **state)
{
    char *page = fixture_slurp(MAN);
    unsigned unknown = 0;

    (void)state;
    for (int id = 0; id < CONF_BLOCKS; id++) {
        char *section = between(page, man_sections[id], "\n.Sh ");

        assert_non_null(section);
        for (const char *at = strstr(section, "\n.It Ic "); at; at = strstr(at + 1, "\n.It Ic ")) {
            char name[64];

            assert_int_equal(sscanf(at, "\n.It Ic %63s", name), 1);
            if (conf_option_index(conf_block((enum conf_block_id)id), name) >= 0)
                continue;
            print_error("p11gate.conf.5: %s is no option\n", name);
            unknown++;
        }
        free(section);
    }
    free(page);
    assert_int_equal(unknown, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_has_every_option),
        cmocka_unit_test(the_samples_are_right),
        cmocka_unit_test(the_man_page_has_every_option),
        cmocka_unit_test(the_man_page_has_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
