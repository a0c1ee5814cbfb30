/* Partners: in the configuration, in a directory, with passwords; and secrets of tickets. */
#include "conf.h"

#include "conf_fixture.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define REST                                                                                                 \
    "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; } );\n"                                \
    "listeners = ( { alias = \"a\"; protocol = \"ftps\"; bind = \"127.0.0.1:990\"; keystore = \"edge\"; "    \
    "key-alias = \"k\"; backend = \"127.0.0.1:21\"; } );\n"
#define OTHER_CERTIFICATE "-----BEGIN CERTIFICATE-----\nMAAB\n-----END CERTIFICATE-----\n"

static struct conf_errors errors;

static void reads_a_partner(void **state)
{
    static const char text[] =
        "partners = ( { alias = \"acme\"; enabled = false; certificate-file = [ \"a.pem\", \"b.pem\" ];\n"
        "  as2-id = [ \"ACME\", \"acme\" ]; ftp-user = \"acme user\"; ftp-password-file = \"a.pw\";\n"
        "  allow = [ \"198.51.100.0/24\", \"2001:db8::7\" ]; max-sessions = 50; },\n"
        "  { alias = \"beta\"; certificate-file = \"c.pem\"; } );\n" REST;
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0},
        {"a.pem", "a\n" FIXTURE_CERTIFICATE, 0},
        {"b.pem", OTHER_CERTIFICATE, 0},
        {"c.pem", "-----BEGIN CERTIFICATE-----\nMAAC\n-----END CERTIFICATE-----\n", 0},
        {"a.pw", "pass word\r\n", 0},
        {NULL, NULL, 0},
    };
    struct conf_files *files = fixture_files(list);
    struct conf *conf = fixture_read(files, "p11gate.conf");
    const struct conf_partner *acme = &conf->partners[0], *beta = &conf->partners[1];

    (void)state;
    assert_int_equal(conf->partner_count, 2);
    assert_string_equal(conf->partners_dir, "");
    assert_int_equal(acme->line, 1);
    assert_string_equal(acme->file, "");
    assert_string_equal(acme->alias, "acme");
    assert_false(acme->enabled);
    assert_int_equal(acme->certificate_count, 2);
    assert_string_equal(acme->certificates[0].file, "a.pem");
    assert_string_equal(acme->certificates[0].pem, "a\n" FIXTURE_CERTIFICATE);
    assert_int_equal(acme->certificates[1].len, strlen(OTHER_CERTIFICATE));
    assert_int_equal(acme->as2_id_count, 2);
    assert_string_equal(acme->as2_ids[1], "acme"); /* H6: case counts */
    assert_string_equal(acme->ftp_user, "acme user");
    assert_string_equal(acme->ftp_password, "pass word");
    assert_int_equal(acme->allow.count, 2);
    assert_int_equal(acme->allow.items[0].prefix, 24);
    assert_int_equal(acme->max_sessions, 50);
    assert_int_equal(beta->line, 4);
    assert_true(beta->enabled);
    assert_int_equal(beta->as2_id_count, 0);
    assert_string_equal(beta->ftp_user, "");
    assert_string_equal(beta->ftp_password, "");
    assert_int_equal(beta->allow.count, 0);
    assert_int_equal(beta->max_sessions, 0);
    conf_free(conf);
    conf_files_free(files);
}

/* As a worker reads it: the list of the directory and the files are among the bytes that it got. */
static void reads_a_directory(void **state)
{
    static const char text[] = "partners-dir = \"partners.d\";\n"
                               "partners = ( { alias = \"acme\"; certificate-file = \"a.pem\"; } );\n" REST;
    const struct fixture_file list[] = {
        {"/etc/g/p11gate.conf", text, 0},
        {"/etc/g/a.pem", FIXTURE_CERTIFICATE, 0},
        {"/etc/g/partners.d", "beta.conf\ngamma.conf\n", 0},
        {"/etc/g/partners.d/beta.conf",
         "# as it stands in the list\n{ alias = \"beta\";\n"
         "certificate-file = \"beta.pem\"; };\n",
         0},
        {"/etc/g/partners.d/beta.pem", OTHER_CERTIFICATE, 0},
        {"/etc/g/partners.d/gamma.conf", "\n\nalias = \"gamma\"; certificate-file = \"/gamma.pem\";", 0},
        {"/gamma.pem", "-----BEGIN CERTIFICATE-----\nMAAC\n-----END CERTIFICATE-----\n", 0},
        {NULL, NULL, 0},
    };
    struct conf_files *files = fixture_files(list);
    struct conf *conf = fixture_read(files, "/etc/g/p11gate.conf");

    (void)state;
    assert_string_equal(conf->partners_dir, "/etc/g/partners.d");
    assert_int_equal(conf->partner_count, 3);
    assert_string_equal(conf->partners[0].alias, "acme");
    assert_string_equal(conf->partners[1].alias, "beta");
    assert_string_equal(conf->partners[1].file, "/etc/g/partners.d/beta.conf");
    assert_string_equal(conf->partners[1].certificates[0].file, "/etc/g/partners.d/beta.pem");
    assert_string_equal(conf->partners[2].alias, "gamma");
    conf_free(conf);
    conf_files_free(files);
}

/* A first partner may come any day, and a last one may go: nothing that needs one is an error. */
static void an_empty_directory_may_be_filled_later(void **state)
{
    static const char text[] =
        "partners-dir = \"partners.d\";\n"
        "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; } );\n"
        "listeners = ( { alias = \"a\"; protocol = \"ftps\"; bind = \"127.0.0.1:990\"; keystore = \"edge\";\n"
        "  key-alias = \"k\"; backend = \"127.0.0.1:21\"; client-certificate = \"require\"; cert-map = true; "
        "},\n"
        "  { alias = \"b\"; protocol = \"https\"; bind = \"127.0.0.1:443\"; keystore = \"edge\";\n"
        "  key-alias = \"k\"; backend = \"127.0.0.1:80\"; client-certificate = \"require\";\n"
        "  require-as2-id = true; } );\n";
    const struct fixture_file list[] = {{"p11gate.conf", text, 0}, {"partners.d", "", 0}, {NULL, NULL, 0}};
    struct conf_files *files = fixture_files(list);
    struct conf *conf = fixture_read(files, "p11gate.conf");

    (void)state;
    assert_int_equal(conf->partner_count, 0);
    assert_true(conf->listeners[0].cert_map);
    assert_true(conf->listeners[1].require_as2_id);
    conf_free(conf);
    conf_files_free(files);
}

static void assert_said(const struct fixture_file *list, const char *expected)
{
    struct conf_files *files = fixture_files(list);
    struct conf *conf = conf_read(files, "p11gate.conf", &errors);

    assert_null(conf);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.items[0].text, expected);
    conf_files_free(files);
}

/* It goes to the backend as the argument of PASS, so it must not hold a second command. */
static void refuses_passwords_of_more_than_a_line(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{"", 0}, {"\n", 1}, {"a\nDELE b\n", 9}, {"a\r\n\n", 4}, {"a\0b", 3}, {"a\x7f", 2}};
    static const char text[] =
        "partners = ( { alias = \"acme\"; certificate-file = \"a.pem\"; ftp-user = \"a\"; "
        "ftp-password-file = \"a.pw\"; } );\n" REST;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct fixture_file list[] = {
            {"p11gate.conf", text, 0},
            {"a.pem", FIXTURE_CERTIFICATE, 0},
            {"a.pw", rows[i].bytes, rows[i].len},
            {NULL, NULL, 0},
        };

        assert_said(list, "p11gate.conf:1: partner \"acme\": ftp-password-file = \"a.pw\": does not hold one "
                          "line with a password of 1 to 255 bytes");
    }
}

static void refuses_secrets_of_other_lengths(void **state)
{
    static const size_t rows[] = {0, 1, 32, 47, 49, 79, 81, 160};
    static const char bytes[200] = "some secret";
    static const char text[] =
        "keystores = ( { alias = \"edge\"; token = \"pkcs11:token=edge\"; } );\n"
        "listeners = ( { alias = \"a\"; protocol = \"https\"; bind = \"127.0.0.1:990\"; keystore = "
        "\"edge\";\n"
        "key-alias = \"k\"; backend = \"127.0.0.1:21\"; ticket-secret-file = \"t.key\"; } );\n";

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct fixture_file list[] = {
            {"p11gate.conf", text, 0}, {"t.key", rows[i] ? bytes : "", rows[i]}, {NULL, NULL, 0}};

        assert_said(list,
                    "p11gate.conf:3: listener \"a\": ticket-secret-file = \"t.key\": holds not 80 (or 48) "
                    "bytes: openssl rand -out FILE 80 makes it");
    }
}

static void a_file_of_the_directory_must_be_among_the_bytes(void **state)
{
    static const char text[] = "partners-dir = \"partners.d\";\n" REST;
    const struct fixture_file list[] = {
        {"p11gate.conf", text, 0}, {"partners.d", "beta.conf", 0}, {NULL, NULL, 0}};

    (void)state;
    assert_said(list, "partners.d/beta.conf: not among the files that were read at the start");
}

/* Reading time grows with their number and not with its square. */
static void reads_thousands_of_partners(void **state)
{
    enum { COUNT = 4096, EACH = 160 };
    static char text[COUNT * EACH + 1024];
    static struct fixture_file list[COUNT + 2];
    static char paths[COUNT][16], bytes[COUNT][96];
    size_t len = (size_t)snprintf(text, sizeof text, "partners = (");
    struct conf_files *files;
    struct conf *conf;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "%s{ alias = \"p%d\"; certificate-file = \"%d.pem\"; as2-id = \"P%d\"; }\n",
                                i ? "," : "", i, i, i);
        (void)snprintf(paths[i], sizeof paths[i], "%d.pem", i);
        (void)snprintf(bytes[i], sizeof bytes[i],
                       "-----BEGIN CERTIFICATE-----\nM%07d\n-----END CERTIFICATE-----\n", i);
        list[i + 1] = (struct fixture_file){paths[i], bytes[i], 0};
    }
    (void)snprintf(text + len, sizeof text - len, ");\n%s", REST);
    list[0] = (struct fixture_file){"p11gate.conf", text, 0};
    files = fixture_files(list);
    conf = fixture_read(files, "p11gate.conf");
    assert_int_equal(conf->partner_count, COUNT);
    conf_free(conf);
    conf_files_free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_partner),
        cmocka_unit_test(reads_a_directory),
        cmocka_unit_test(an_empty_directory_may_be_filled_later),
        cmocka_unit_test(refuses_passwords_of_more_than_a_line),
        cmocka_unit_test(refuses_secrets_of_other_lengths),
        cmocka_unit_test(a_file_of_the_directory_must_be_among_the_bytes),
        cmocka_unit_test(reads_thousands_of_partners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
