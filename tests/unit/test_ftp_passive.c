#include "ftp_passive.h"
#include "unit.h"

#include <string.h>

enum { NONE = 0 };

static const struct {
    const char *text;
    uint16_t port;
} rows_227[] = {
    {"227 Entering Passive Mode (127,0,0,1,200,10).\r\n", 51210},
    {"227 Entering Passive Mode 127,0,0,1,200,10\r\n", 51210},
    {"227 =127,0,0,1,0,21\r\n", 21},
    {"227 (0,0,0,0,255,255)\r\n", 65535},
    {"227-hello\r\n227 (10,0,0,5,1,0)\r\n", 0},
    {"227 10,0,0,5,1,0", 256},
    {"227 Entering Passive Mode\r\n", NONE},
    {"227 (127,0,0,1,200)\r\n", NONE},
    {"227 (127,0,0,1,200,256)\r\n", NONE},
    {"227 (256,0,0,1,200,10)\r\n", NONE},
    {"227 (127,0,0,1,200,-1)\r\n", NONE},
    {"227 (127,0,0,1,200,10,7)\r\n", NONE},
    {"227 (127,0,0,1,,10)\r\n", NONE},
    {"227 (127,0,0,1,0,0)\r\n", NONE},
    {"227 (127, 0, 0, 1, 200, 10)\r\n", NONE},
    {"227 (99999999999999999999,0,0,1,1,1)\r\n", NONE},
    {"227 (127,0,0,1,200,", NONE},
    {"227", NONE},
    {"227 ", NONE},
};

static const struct {
    const char *text;
    uint16_t port;
} rows_229[] = {
    {"229 Entering Extended Passive Mode (|||51210|)\r\n", 51210},
    {"229 ok (!!!21!)\r\n", 21},
    {"229 (|||65535|)", 65535},
    {"229 (|||65536|)\r\n", NONE},
    {"229 (|||0|)\r\n", NONE},
    {"229 (||||)\r\n", NONE},
    {"229 (|1|127.0.0.1|51210|)\r\n", NONE},
    {"229 (|||51210)\r\n", NONE},
    {"229 (|||51210|\r\n", NONE},
    {"229 (||!51210|)\r\n", NONE},
    {"229 (11151210|)\r\n", NONE},
    {"229 (|||-1|)\r\n", NONE},
    {"229 (|||99999999999999999999|)\r\n", NONE},
    {"229 |||51210|\r\n", NONE},
    {"229 (", NONE},
    {"229", NONE},
};

static void f9_the_port_of_a_227_is_read_from_the_first_digit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows_227); i++) {
        uint16_t port = NONE;
        bool fine = ftp_passive_read_227(rows_227[i].text, strlen(rows_227[i].text), &port);
        if (fine != (rows_227[i].port != NONE) || (fine && port != rows_227[i].port))
            fail_msg("%s: %d, port %u", rows_227[i].text, (int)fine, (unsigned)port);
    }
}

static void f9_the_port_of_a_229_stands_between_delimiters(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows_229); i++) {
        uint16_t port = NONE;
        bool fine = ftp_passive_read_229(rows_229[i].text, strlen(rows_229[i].text), &port);
        if (fine != (rows_229[i].port != NONE) || (fine && port != rows_229[i].port))
            fail_msg("%s: %d, port %u", rows_229[i].text, (int)fine, (unsigned)port);
    }
}

static void f9_what_is_written_can_be_read(void **state)
{
    struct addr at;
    struct err err;
    char reply[FTP_PASSIVE_LEN];
    uint16_t port;
    (void)state;
    assert_true(addr_parse_host("203.0.113.7", &at, &err));
    ftp_passive_write_227(&at, 30001, reply);
    assert_string_equal(reply, "227 Entering Passive Mode (203,0,113,7,117,49).\r\n");
    assert_true(ftp_passive_read_227(reply, strlen(reply), &port) && port == 30001);
    assert_true(addr_parse_host("255.255.255.255", &at, &err));
    ftp_passive_write_227(&at, 65535, reply);
    assert_string_equal(reply, "227 Entering Passive Mode (255,255,255,255,255,255).\r\n");
    ftp_passive_write_229(65535, reply);
    assert_string_equal(reply, "229 Entering Extended Passive Mode (|||65535|)\r\n");
    assert_true(ftp_passive_read_229(reply, strlen(reply), &port) && port == 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f9_the_port_of_a_227_is_read_from_the_first_digit),
        cmocka_unit_test(f9_the_port_of_a_229_stands_between_delimiters),
        cmocka_unit_test(f9_what_is_written_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
