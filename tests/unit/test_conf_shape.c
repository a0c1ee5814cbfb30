/* What makes a new generation, and what is policy: the shape of a configuration is the same or another. */
#include "conf.h"

#include "conf_fixture.h"
#include "conf_options.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char base[] =
    "workers = 2; allow = \"192.0.2.0/24\"; deny = [ ]; partners-dir = \"partners.d\";\n"
    "log = { level = \"info\"; };\n"
    "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; }, { alias = \"files\"; directory = "
    "\"k\"; } );\n"
    "truststores = ( { alias = \"cas\"; ca-file = \"ca.pem\"; crl-file = \"ca.crl\"; crl-policy = \"fail\";\n"
    "    verify-depth = 5; announce = false; }, { alias = \"out\"; ca-file = \"out.pem\"; } );\n"
    "partners = ( { alias = \"acme\"; certificate-file = \"a.pem\"; } );\n"
    "listeners = (\n"
    "  { alias = \"ftps\"; protocol = \"ftps\"; bind = [ \"127.0.0.1:990\" ]; keystore = \"edge\";\n"
    "    key-alias = \"k\"; certificate-file = \"k.pem\"; ocsp-file = \"k.ocsp\"; allow = [ ]; deny = [ ];\n"
    "    ban-exempt = [ ]; ticket-secret-file = \"t.key\"; client-certificate = \"request\";\n"
    "    truststore = \"cas\"; accept-proxy-from = [ ]; passive-address = \"ftp.example\";\n"
    "    passive-address-for = ( { network = \"10.0.0.0/8\"; address = \"10.1.2.3\"; } );\n"
    "    server-names = ( { name = \"a.example\"; key-alias = \"a\"; certificate-file = \"n.pem\"; } );\n"
    "    quirks = [ ]; idle-timeout = \"5m\"; min-rate = \"0\"; backend = [ \"10.0.0.5:21\" ]; },\n"
    "  { alias = \"out\"; protocol = \"http\"; bind = \"127.0.0.1:8080\"; backend = \"as2.example:443\";\n"
    "    routes = ( { path = \"/as2\"; methods = [ \"POST\" ]; } );\n"
    "    backend-tls = { truststore = \"out\"; keystore = \"edge\"; key-alias = \"c\"; }; } );\n";

static const struct fixture_file beside[] = {
    {"partners.d", "", 0},
    {"ca.pem", "ca\n" FIXTURE_CERTIFICATE, 0},
    {"out.pem", "out\n" FIXTURE_CERTIFICATE, 0},
    {"ca.crl", FIXTURE_CRL, 0},
    {"a.pem", FIXTURE_CERTIFICATE, 0},
    {"k.pem", "k\n" FIXTURE_CERTIFICATE, 0},
    {"n.pem", "n\n" FIXTURE_CERTIFICATE, 0},
    {"k.ocsp", FIXTURE_OCSP},
    {"t.key", "0123456789abcdef0123456789abcdef0123456789abcdef", 0},
};

/* The text with one part of it replaced; the part must be there once. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t before = at ? (size_t)(at - text) : 0;
    char *out = malloc(strlen(text) + strlen(to) + 1);

    assert_non_null(at);
    assert_null(strstr(at + 1, from));
    assert_non_null(out);
    memcpy(out, text, before);
    (void)sprintf(out + before, "%s%s", to, at + strlen(from));
    return out;
}

/* The shape of a text, with one of the files beside it replaced (path NULL: none). */
static char *shape_of(const char *text, const struct fixture_file *other)
{
    struct fixture_file list[ROWS(beside) + 2] = {{"p11gate.conf", text, 0}};
    struct conf_files *files;
    struct conf *conf;
    char *shape;

    for (size_t i = 0; i < ROWS(beside); i++)
        list[i + 1] = other && strcmp(other->path, beside[i].path) == 0 ? *other : beside[i];
    files = fixture_files(list);
    conf = fixture_read(files, "p11gate.conf");
    shape = strdup(conf->shape);
    conf_free(conf);
    conf_files_free(files);
    return shape;
}

struct row {
    const char *from, *to;
};

static void assert_each(const struct row *rows, size_t count, bool same)
{
    char *before = shape_of(base, NULL);
    unsigned wrong = 0;

    assert_true(strlen(before) > 1000);
    for (size_t i = 0; i < count; i++) {
        char *text = changed(base, rows[i].from, rows[i].to), *after = shape_of(text, NULL);

        if (!strcmp(before, after) != same) {
            print_error("%s -> %s: %s shape\n", rows[i].from, rows[i].to, same ? "another" : "the same");
            wrong++;
        }
        free(after);
        free(text);
    }
    free(before);
    assert_int_equal(wrong, 0);
}

static void policy_keeps_the_shape(void **state)
{
    static const struct row rows[] = {
        {"workers", "/* a comment */ workers"},
        {"allow = \"192.0.2.0/24\"", "allow = [ \"192.0.2.0/24\", \"10.0.0.0/8\" ]"},
        {"deny = [ ]; partners-dir", "deny = \"192.0.2.7\"; partners-dir"},
        {"partners-dir = \"partners.d\";", ""},
        {"alias = \"acme\"", "alias = \"acme\"; enabled = false; max-sessions = 3; as2-id = \"A\""},
        {"{ alias = \"acme\"; certificate-file = \"a.pem\"; }", ""},
        {"crl-policy = \"fail\"", "crl-policy = \"ignore\""},
        {"crl-file = \"ca.crl\"; crl-policy = \"fail\";", ""},
        {"verify-depth = 5", "verify-depth = 2"},
        {"allow = [ ]; deny = [ ]", "allow = [ \"10.0.0.0/8\" ]; deny = [ \"10.0.0.1\" ]"},
        {"ban-exempt = [ ]", "ban-exempt = \"10.0.0.0/8\""},
        {"ticket-secret-file = \"t.key\"", "ticket-secret-file = [ \"t.key\", \"t.key\" ]"},
        {"idle-timeout = \"5m\"", "idle-timeout = \"300s\""}, /* the same, said otherwise */
        {"idle-timeout = \"5m\"; ", ""},                      /* its default */
    };

    (void)state;
    assert_each(rows, ROWS(rows), true);
}

static void everything_else_is_another_shape(void **state)
{
    static const struct row rows[] = {
        {"workers = 2", "workers = 3"},
        {"level = \"info\"", "level = \"debug\""},
        {"token = \"pkcs11:token=edge\"", "token = \"pkcs11:token=other\""},
        {"announce = false", "announce = true"},
        {"alias = \"ftps\"", "alias = \"ftps2\""},
        {"alias = \"ftps\"", "alias = \"ftps\"; group = \"g\""},
        {"bind = [ \"127.0.0.1:990\" ]", "bind = [ \"127.0.0.1:990\", \"[::1]:990\" ]"},
        {"key-alias = \"k\"", "key-alias = \"l\""},
        {"client-certificate = \"request\"", "client-certificate = \"require\""},
        {"truststore = \"cas\"", "truststore = \"out\""},
        {"accept-proxy-from = [ ]", "accept-proxy-from = \"10.0.0.1\""},
        {"passive-address = \"ftp.example\"", "passive-address = \"203.0.113.7\""},
        {"passive-address = \"ftp.example\";", ""},
        {"network = \"10.0.0.0/8\"", "network = \"10.0.0.0/9\""},
        {"address = \"10.1.2.3\"", "address = \"10.1.2.4\""},
        {"name = \"a.example\"", "name = \"b.example\""},
        {"quirks = [ ]", "quirks = [ \"no-pbsz\" ]"},
        {"min-rate = \"0\"", "min-rate = \"1\""},
        {"backend = [ \"10.0.0.5:21\" ]", "backend = [ \"10.0.0.5:21\", \"10.0.0.6:21\" ]"},
        {"as2.example:443", "as2.example:444"},
        {"path = \"/as2\"", "path = \"/as\""},
        {"methods = [ \"POST\" ]", "methods = [ \"POST\", \"GET\" ]"},
        {"truststore = \"out\"", "truststore = \"cas\""},
        {"key-alias = \"c\"", "key-alias = \"d\""},
    };

    (void)state;
    assert_each(rows, ROWS(rows), false);
}

static void bytes_of_files_count_where_their_option_does(void **state)
{
    static const struct {
        struct fixture_file file;
        bool same;
    } rows[] = {
        {{"ca.pem", "new\n" FIXTURE_CERTIFICATE, 0}, true},
        {{"ca.crl", "new\n" FIXTURE_CRL, 0}, true},
        {{"a.pem", "new\n" FIXTURE_CERTIFICATE, 0}, true},
        {{"t.key", "123456789abcdef0123456789abcdef0123456789abcdef0", 0}, true},
        {{"out.pem", "new\n" FIXTURE_CERTIFICATE, 0}, true}, /* of the way out */
        {{"k.pem", "new\n" FIXTURE_CERTIFICATE, 0}, false},
        {{"n.pem", "new\n" FIXTURE_CERTIFICATE, 0}, false},
        {{"k.ocsp", "\x30\x05\x0a\x01\x00\x05\x00", 7}, false},
    };
    char *before = shape_of(base, NULL);

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *after = shape_of(base, &rows[i].file);

        if (!strcmp(before, after) != rows[i].same)
            print_error("%s\n", rows[i].file.path);
        assert_int_equal(strcmp(before, after) == 0, rows[i].same);
        free(after);
    }
    free(before);
}

/* Every option that is policy: the list that the documents name, and no other. */
static void these_are_policy(void **state)
{
    static const char *const names[] = {"allow", "deny", "ban-exempt", "ticket-secret-file", "partners-dir"};

    (void)state;
    for (int id = 0; id < CONF_BLOCKS; id++) {
        const struct conf_block *block = conf_block((enum conf_block_id)id);

        for (size_t i = 0; i < block->option_count; i++) {
            const struct conf_option *option = &block->options[i];
            bool expected = id == CONF_BLOCK_PARTNER ||
                            (id == CONF_BLOCK_TRUSTSTORE && strcmp(option->name, "announce") != 0);

            for (size_t k = 0; k < ROWS(names); k++)
                expected = expected || strcmp(option->name, names[k]) == 0;
            if (option->policy != expected)
                print_error("%s: %s\n", block->name, option->name);
            assert_int_equal(option->policy, expected);
        }
    }
}

/* The supervisor sees that a PIN or a key of a directory is another one, though it does not read it. */
static void files_that_are_not_read_count_by_their_marks(void **state)
{
    static const char text[] =
        "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; pin-file = \"pin\"; },\n"
        "  { alias = \"files\"; directory = \"k\"; } );\n"
        "listeners = ( { alias = \"a\"; protocol = \"ftps\"; bind = \"127.0.0.1:990\"; keystore = \"files\"; "
        "key-alias = \"x\"; backend = \"127.0.0.1:21\"; } );\n";
    static const char *const paths[] = {"pin", "k/x.key", "k/x.crt"};
    char directory[] = "/tmp/test_conf_shape.XXXXXX", command[64];

    (void)state;
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(mkdir("k", 0700), 0);
    fixture_write("p11gate.conf", text, strlen(text));
    for (size_t i = 0; i < ROWS(paths); i++) {
        char *shapes[2];

        for (int turn = 0; turn < 2; turn++) {
            struct conf_files *files = conf_files_from_disk();
            struct conf *conf = fixture_read(files, "p11gate.conf");

            shapes[turn] = strdup(conf->shape);
            conf_free(conf);
            conf_files_free(files);
            if (!turn)
                fixture_write(paths[i], "content", 7);
        }
        assert_string_not_equal(shapes[0], shapes[1]);
        free(shapes[0]);
        free(shapes[1]);
    }
    assert_int_equal(chdir("/"), 0);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_keeps_the_shape),
        cmocka_unit_test(everything_else_is_another_shape),
        cmocka_unit_test(bytes_of_files_count_where_their_option_does),
        cmocka_unit_test(these_are_policy),
        cmocka_unit_test(files_that_are_not_read_count_by_their_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
