/* C1-C3: the two tables of webMethods for client certificates, all rows; and where a login begins. */
#include "conf_partner.h"
#include "ftp_identity.h"
#include "ftp_line.h"
#include "unit.h"

#include <string.h>

enum { NONE = CONF_CLIENT_NONE, REQUEST = CONF_CLIENT_REQUEST, REQUIRE = CONF_CLIENT_REQUIRE };
enum { TYPED = FTP_IDENTITY_TYPED, MAPPED = FTP_IDENTITY_MAPPED, REFUSED = FTP_IDENTITY_REFUSED };

static const struct conf_partner acme = {
    .alias = "acme", .enabled = true, .ftp_user = "acme-ftp", .ftp_password = "s p a c e s"};
static const struct conf_partner no_user = {
    .alias = "none", .enabled = true, .ftp_user = "", .ftp_password = ""};
static const struct conf_partner disabled = {.alias = "off", .ftp_user = "off", .ftp_password = "x"};
static const struct conf_partner no_password = {
    .alias = "free", .enabled = true, .ftp_user = "free", .ftp_password = ""};
static const struct conf_partner two_lines = {
    .alias = "two", .enabled = true, .ftp_user = "two", .ftp_password = "a\r\nDELE b"};
static const struct conf_partner two_names = {
    .alias = "two", .enabled = true, .ftp_user = "two\nDELE b", .ftp_password = "x"};

static const struct {
    const char *name;
    bool cert_map;
    int mode;
    enum tls_verdict verdict;
    const struct conf_partner *partner;
    int fails, want;
} rows[] = {
    {"cert-map, none, no certificate", true, NONE, TLS_NO_CERTIFICATE, NULL, 0, TYPED},
    {"cert-map, request, trusted and mapped", true, REQUEST, TLS_TRUSTED, &acme, 0, MAPPED},
    {"cert-map, request, trusted, nobody's", true, REQUEST, TLS_TRUSTED, NULL, 0, TYPED},
    {"cert-map, request, trusted, a partner without ftp-user", true, REQUEST, TLS_TRUSTED, &no_user, 0,
     TYPED},
    {"cert-map, request, untrusted", true, REQUEST, TLS_UNTRUSTED, NULL, 0, TYPED},
    {"cert-map, request, untrusted, though a partner's", true, REQUEST, TLS_UNTRUSTED, &acme, 0, TYPED},
    {"cert-map, request, untrusted, bad-certificate fail", true, REQUEST, TLS_UNTRUSTED, NULL, 1, REFUSED},
    {"cert-map, request, none", true, REQUEST, TLS_NO_CERTIFICATE, NULL, 0, TYPED},
    {"cert-map, request, none, bad-certificate fail", true, REQUEST, TLS_NO_CERTIFICATE, NULL, 1, TYPED},
    {"cert-map, require, trusted and mapped", true, REQUIRE, TLS_TRUSTED, &acme, 0, MAPPED},
    {"cert-map, require, a partner without password", true, REQUIRE, TLS_TRUSTED, &no_password, 0, MAPPED},
    {"cert-map, require, trusted, nobody's", true, REQUIRE, TLS_TRUSTED, NULL, 0, REFUSED},
    {"cert-map, require, a partner without ftp-user", true, REQUIRE, TLS_TRUSTED, &no_user, 0, REFUSED},
    {"cert-map, require, a disabled partner", true, REQUIRE, TLS_TRUSTED, &disabled, 0, REFUSED},
    {"cert-map, require, untrusted", true, REQUIRE, TLS_UNTRUSTED, NULL, 0, REFUSED},
    {"cert-map, require, untrusted, though a partner's", true, REQUIRE, TLS_UNTRUSTED, &acme, 0, REFUSED},
    {"cert-map, require, none", true, REQUIRE, TLS_NO_CERTIFICATE, NULL, 0, REFUSED},
    {"none, no certificate", false, NONE, TLS_NO_CERTIFICATE, NULL, 0, TYPED},
    {"request, trusted", false, REQUEST, TLS_TRUSTED, NULL, 0, TYPED},
    {"request, trusted: its user is ignored", false, REQUEST, TLS_TRUSTED, &acme, 0, TYPED},
    {"request, untrusted", false, REQUEST, TLS_UNTRUSTED, NULL, 0, TYPED},
    {"request, untrusted, bad-certificate fail", false, REQUEST, TLS_UNTRUSTED, NULL, 1, REFUSED},
    {"request, none", false, REQUEST, TLS_NO_CERTIFICATE, NULL, 0, TYPED},
    {"require, trusted", false, REQUIRE, TLS_TRUSTED, NULL, 0, TYPED},
    {"require, trusted: its user is ignored", false, REQUIRE, TLS_TRUSTED, &acme, 0, TYPED},
    {"require, untrusted", false, REQUIRE, TLS_UNTRUSTED, NULL, 0, REFUSED},
    {"require, none", false, REQUIRE, TLS_NO_CERTIFICATE, NULL, 0, REFUSED},
    {"a password of two lines", true, REQUEST, TLS_TRUSTED, &two_lines, 0, REFUSED},
    {"a user of two lines", true, REQUEST, TLS_TRUSTED, &two_names, 0, REFUSED},
};

static void c1_c3_the_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct ftp_identity_facts facts = {
            .mode = (enum conf_client_certificate)rows[i].mode,
            .bad_certificate = rows[i].fails ? CONF_BAD_FAIL : CONF_BAD_IGNORE,
            .cert_map = rows[i].cert_map,
            .verdict = rows[i].verdict,
            .partner = rows[i].partner,
        };
        struct ftp_identity out;
        ftp_identity_decide(&facts, &out);
        if ((int)out.kind != rows[i].want)
            fail_msg("%s: %d", rows[i].name, (int)out.kind);
        if (out.kind == FTP_IDENTITY_MAPPED) {
            assert_ptr_equal(out.user, rows[i].partner->ftp_user);
            assert_ptr_equal(out.password, rows[i].partner->ftp_password);
        }
        assert_int_equal(out.kind == FTP_IDENTITY_REFUSED, out.reason[0] != '\0');
    }
}

/* What does not fit into a command is refused, never cut. */
static void c3_names_have_a_limit(void **state)
{
    static char name[FTP_COMMAND_MAX + 1];
    struct conf_partner partner = {.enabled = true, .ftp_user = name, .ftp_password = ""};
    struct ftp_identity_facts facts = {
        .mode = CONF_CLIENT_REQUEST, .cert_map = true, .verdict = TLS_TRUSTED, .partner = &partner};
    struct ftp_identity out;
    (void)state;
    memset(name, 'n', FTP_COMMAND_MAX);
    ftp_identity_decide(&facts, &out);
    assert_int_equal(out.kind, FTP_IDENTITY_REFUSED);
}

static const struct {
    const char *pattern, *user, *want; /* NULL: refused */
} directories[] = {
    {"/in", "acme", "/in"},
    {"/home/%u", "acme", "/home/acme"},
    {"%u", "a b", "a b"},
    {"/%u/%u%%x%", "a", "/a/a%x%"},
    {"/in", "../etc", "/in"},
    {"/home/%u", "..", NULL},
    {"/home/%u", ".", NULL},
    {"/home/%u", "", NULL},
    {"/home/%u", "a/b", NULL},
    {"/home/%u", "../etc", NULL},
    {"/home/%u", "a\\b", NULL},
    {"/home/%u", "a\r\nDELE b", NULL},
    {"/a\nb", "acme", NULL},
    {"/1234567/%u", "12345678", NULL},
    {"/1234567/%u", "123456", "/1234567/123456"},
    {"/123456789012345", "x", NULL},
};

static void login_directories(void **state)
{
    char out[16];
    (void)state;
    for (size_t i = 0; i < ROWS(directories); i++) {
        bool made = ftp_identity_directory(directories[i].pattern, directories[i].user, out, sizeof out);
        if (made != (directories[i].want != NULL) || (made && strcmp(out, directories[i].want) != 0))
            fail_msg("%s for %s: %s", directories[i].pattern, directories[i].user, made ? out : "refused");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1_c3_the_tables),
        cmocka_unit_test(c3_names_have_a_limit),
        cmocka_unit_test(login_directories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
