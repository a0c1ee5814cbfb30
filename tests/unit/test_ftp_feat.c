#include "ftp_commands.h"
#include "ftp_feat.h"
#include "unit.h"

#include <string.h>

#define OWN "211-Features:\r\n AUTH TLS\r\n EPSV\r\n PBSZ\r\n PROT\r\n"
#define END "211 End\r\n"

static const struct ftp_command_policy everything;
static const struct ftp_feat_offer offer = {.commands = &everything};

static const struct {
    const char *backend, *merged;
} rows[] = {
    {"", OWN END},
    {"211 No features\r\n", OWN END},
    {"211-Features:\r\n SIZE\r\n MDTM\r\n211 End\r\n", OWN " SIZE\r\n MDTM\r\n" END},
    {"211-x:\r\n REST STREAM\r\n MLST type*;size*;\r\n UTF8\r\n TVFS\r\n PASV\r\n211 End\r\n",
     OWN " REST STREAM\r\n MLST type*;size*;\r\n UTF8\r\n TVFS\r\n PASV\r\n" END},
    /* what the backend can do for itself, but not through us */
    {"211-x:\r\n AUTH TLS;TLS-C;\r\n PBSZ\r\n PROT\r\n CCC\r\n EPSV\r\n EPRT\r\n HOST\r\n211 End\r\n",
     OWN END},
    {"211-x:\r\n MODE Z\r\n SSCN\r\n CPSV\r\n LANG EN*\r\n XYZZY\r\n211 End\r\n", OWN " LANG EN*\r\n" END},
    {"211-x:\r\n size\r\n211 End\r\n", OWN " size\r\n" END},
    {"211-x:\nSIZE\n MDTM\n211 End\n", OWN " MDTM\r\n" END},
    {"211-x:\r\n  SIZE\r\n \r\n SIZEX\r\n SIZ\r\n211 End\r\n", OWN END},
    {"211-x:\r\n SIZE \x1b[2J\r\n211 End\r\n", OWN END},
    {"211-x:\r\n SIZE", OWN " SIZE\r\n" END},
};

static void f8_features_are_the_backends_as_far_as_we_carry_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf out;
        buf_init(&out, FTP_FEAT_MAX);
        assert_true(ftp_feat_merge(&offer, rows[i].backend, strlen(rows[i].backend), &out));
        if (buf_len(&out) != strlen(rows[i].merged) ||
            memcmp(buf_data(&out), rows[i].merged, buf_len(&out)) != 0)
            fail_msg("row %zu: %.*s", i, (int)buf_len(&out), (const char *)buf_data(&out));
        buf_free(&out);
    }
}

static void f8_before_the_login_the_list_is_fixed(void **state)
{
    static const char *const words[] = {" AUTH TLS\r\n", " PBSZ\r\n", " PROT\r\n", " EPSV\r\n", " SIZE\r\n"};
    struct buf out;
    (void)state;
    buf_init(&out, FTP_FEAT_MAX);
    assert_true(ftp_feat_fixed(&offer, &out));
    for (size_t i = 0; i < ROWS(words); i++)
        assert_non_null(memmem(buf_data(&out), buf_len(&out), words[i], strlen(words[i])));
    buf_free(&out);
}

static void a_list_that_is_too_long_is_refused(void **state)
{
    static char text[FTP_FEAT_MAX * 2];
    struct buf out;
    size_t len = 0;
    (void)state;
    while (len + 7 < sizeof text) {
        memcpy(text + len, " SIZE\r\n", 7);
        len += 7;
    }
    buf_init(&out, FTP_FEAT_MAX);
    assert_false(ftp_feat_merge(&offer, text, len, &out));
    buf_free(&out);
}

static void the_table_has_each_verb_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ftp_command_count; i++) {
        const struct ftp_command_row *row = &ftp_command_rows[i];
        bool runs = row->carriage == FTP_CHECKED || row->carriage == FTP_OWN;
        assert_ptr_equal(ftp_command_find(row->verb), row);
        assert_true(strlen(row->verb) <= FTP_VERB_MAX);
        assert_true((row->run != NULL) == runs);
        assert_true((row->refusal != NULL) == (row->carriage == FTP_REFUSED));
        assert_false(ftp_command_is_http(row->verb));
    }
    assert_null(ftp_command_find(""));
    assert_null(ftp_command_find("XYZZY"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f8_features_are_the_backends_as_far_as_we_carry_them),
        cmocka_unit_test(f8_before_the_login_the_list_is_fixed),
        cmocka_unit_test(a_list_that_is_too_long_is_refused),
        cmocka_unit_test(the_table_has_each_verb_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
