/* F10: what PORT and EPRT may name, alone and through the control filter. */
#include "ftp_port.h"
#include "ftp_script.h"
#include "unit.h"

#include <string.h>

enum {
    OK = FTP_PORT_OK,
    MALFORMED = FTP_PORT_MALFORMED,
    PROTOCOL = FTP_PORT_PROTOCOL,
    FOREIGN = FTP_PORT_FOREIGN
};

static const struct {
    const char *text;
    int v4, v6; /* for a client at 192.0.2.1, at 2001:db8::1 */
} extended[] = {
    {"|1|192.0.2.1|1029|", OK, PROTOCOL},
    {"|2|2001:db8::1|1024|", PROTOCOL, OK},
    {"!2!2001:0db8:0::1!65535!", PROTOCOL, OK},
    {"|1|192.0.2.1|1023|", FOREIGN, PROTOCOL},
    {"|1|192.0.2.1|0|", FOREIGN, PROTOCOL},
    {"|1|192.0.2.2|1029|", FOREIGN, PROTOCOL},
    {"|1|127.0.0.1|1029|", FOREIGN, PROTOCOL},
    {"|2|2001:db8::2|1029|", PROTOCOL, FOREIGN},
    {"|2|::ffff:192.0.2.1|1029|", PROTOCOL, FOREIGN},
    {"|2|192.0.2.1|1029|", PROTOCOL, MALFORMED},
    {"|1|2001:db8::1|1029|", MALFORMED, PROTOCOL},
    {"|3|192.0.2.1|1029|", PROTOCOL, PROTOCOL},
    {"|1|192.0.2.1|65536|", MALFORMED, PROTOCOL},
    {"|1|192.0.2.1|-1|", MALFORMED, PROTOCOL},
    {"|1|192.0.2.1|1029", MALFORMED, MALFORMED},
    {"|1|192.0.2.1|1029|x", MALFORMED, MALFORMED},
    {"|1|192.0.2.1|1029||", MALFORMED, MALFORMED},
    {"|1|192.0.2.1||", MALFORMED, PROTOCOL},
    {"|1||1029|", MALFORMED, PROTOCOL},
    {"||192.0.2.1|1029|", MALFORMED, MALFORMED},
    {"|1|localhost|1029|", MALFORMED, PROTOCOL},
    {"|1|192.0.2.1%eth0|1029|", MALFORMED, PROTOCOL},
    {"|1|192.0.2.0001|1029|", MALFORMED, PROTOCOL},
    {"1192.0.2.11", MALFORMED, MALFORMED},
    {" 1 192.0.2.1 1029 ", MALFORMED, MALFORMED},
    {"|", MALFORMED, MALFORMED},
    {"||||", MALFORMED, MALFORMED},
    {"", MALFORMED, MALFORMED},
    {"\xff"
     "1\xff"
     "192.0.2.1\xff"
     "1029\xff",
     MALFORMED, MALFORMED},
    {"|1|"
     "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
     "|1029|",
     MALFORMED, PROTOCOL},
};

static const struct {
    const char *text;
    int v4;
} plain[] = {
    {"192,0,2,1,4,5", OK},
    {"192,0,2,1,255,255", OK},
    {"192,0,2,1,4,0", OK},
    {"192,0,2,1,3,255", FOREIGN},
    {"192,0,2,2,4,5", FOREIGN},
    {"127,0,0,1,4,5", FOREIGN},
    {"0,0,0,0,4,5", FOREIGN},
    {"192,0,2,1,4", MALFORMED},
    {"192,0,2,1,4,5,6", MALFORMED},
    {"192,0,2,1,4,5,", MALFORMED},
    {",192,0,2,1,4,5", MALFORMED},
    {"192,0,2,1,4,256", MALFORMED},
    {"192,0,2,257,4,5", MALFORMED},
    {"192, 0,2,1,4,5", MALFORMED},
    {"192.0.2.1.4.5", MALFORMED},
    {"-192,0,2,1,4,5", MALFORMED},
    {"192,0,2,1,4,5 ", MALFORMED},
    {"4294967488,0,2,1,4,5", MALFORMED},
    {"", MALFORMED},
    {",,,,,", MALFORMED},
};

static struct addr host(const char *text)
{
    struct addr out;
    struct err err;
    assert_true(addr_parse_host(text, &out, &err));
    addr_set_port(&out, 40000); /* of the control connection: never the data connection's */
    return out;
}

static void check(const char *text, const struct addr *client, enum ftp_port_status have, int want,
                  const struct addr *out)
{
    if ((int)have != want)
        fail_msg("\"%s\": %d", text, (int)have);
    if (have != FTP_PORT_OK)
        return;
    assert_true(addr_same_host(out, client));
    assert_in_range(addr_port(out), 1024, 65535);
    assert_int_not_equal(addr_port(out), 40000);
}

static void f10_arguments(void **state)
{
    struct addr v4 = host("192.0.2.1"), v6 = host("2001:db8::1"), out;
    (void)state;
    for (size_t i = 0; i < ROWS(extended); i++) {
        check(extended[i].text, &v4, ftp_port_read_extended(extended[i].text, &v4, &out), extended[i].v4,
              &out);
        check(extended[i].text, &v6, ftp_port_read_extended(extended[i].text, &v6, &out), extended[i].v6,
              &out);
    }
    for (size_t i = 0; i < ROWS(plain); i++) {
        check(plain[i].text, &v4, ftp_port_read(plain[i].text, &v4, &out), plain[i].v4, &out);
        check(plain[i].text, &v6, ftp_port_read(plain[i].text, &v6, &out), FTP_PORT_PROTOCOL, &out);
    }
}

/* Nobody can name the scope of a link-local address; it is the control connection's. */
static void f10_link_local(void **state)
{
    struct addr client = host("fe80::1"), out;
    (void)state;
    client.sa.v6.sin6_scope_id = 3;
    assert_int_equal(ftp_port_read_extended("|2|fe80::1|1029|", &client, &out), FTP_PORT_OK);
    assert_int_equal(out.sa.v6.sin6_scope_id, 3);
    assert_int_equal(addr_port(&out), 1029);
}

#define PORT                                                                                                 \
    "C PORT 10,0,0,1,4,5\n"                                                                                  \
    "= abort\n"                                                                                              \
    "< PASV\n"                                                                                               \
    "B 227 ok (10,0,0,5,7,208)\n"                                                                            \
    "= dial 10.0.0.1:1029 P\n"                                                                               \
    "> 200 PORT is set.\n"

static const struct ftp_script scripts[] = {
    {"F10, F17: active for the client, passive for the backend", ACTIVE,
     PORT "C STOR f\n"
          "= began\n"
          "= connect 2000 P up\n"
          "! connected\n"
          "< STOR f\n"
          "= start\n"
          "B 150 go on\n"
          "> 150 go on\n"
          "B 226 done\n"
          "= complete\n"
          "! done\n"
          "> 226 done\n"
          "= transfer STOR 226 done\n"
          "C STOR f\n"
          "= began\n"
          "> 425 Say EPSV, PASV, EPRT or PORT first.\n"
          "= transfer STOR 425 refused\n"},
    {"F10: REST stays beside its transfer", ACTIVE,
     PORT "C REST 5\n"
          "< REST 5\n"
          "B 350 ok\n"
          "> 350 ok\n"
          "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "! connected\n"
          "< RETR f\n"
          "= start\n"},
    {"F10: EPRT, and a backend without EPSV", ACTIVE,
     "C EPRT |1|10.0.0.1|2048|\n"
     "= abort\n"
     "< EPSV\n"
     "B 500 what\n"
     "< PASV\n"
     "B 227 ok (10,0,0,5,7,208)\n"
     "= dial 10.0.0.1:2048 P\n"
     "> 200 EPRT is set.\n"},
    {"F10: a client on IPv6 and a backend on IPv4", ACTIVE | CLIENT_V6,
     "C EPRT |2|2001:db8::1|2048|\n"
     "= abort\n"
     "< EPSV\n"
     "B 229 ok (|||2000|)\n"
     "= dial [2001:db8::1]:2048 P\n"
     "> 200 EPRT is set.\n"
     "C PORT 10,0,0,1,4,5\n"
     "> 501 PORT cannot name an IPv6 address; say EPRT.\n"
     "C EPRT |1|10.0.0.1|2048|\n"
     "> 522 Another network protocol; use (2)\n"},
    {"F10: a client on IPv4 and a backend on IPv6", ACTIVE | BACKEND_V6,
     "C PORT 10,0,0,1,4,5\n"
     "= abort\n"
     "< EPSV\n"
     "B 229 ok (|||2000|)\n"
     "= dial 10.0.0.1:1029 P\n"
     "> 200 PORT is set.\n"},
    {"F10: others", ACTIVE,
     "C PORT 10,0,0,2,4,5\n"
     "> 501 Only your own address, and ports from 1024 on.\n"
     "C PORT 10,0,0,1,0,22\n"
     "> 501 Only your own address, and ports from 1024 on.\n"
     "C EPRT |1|10.0.0.2|2048|\n"
     "> 501 Only your own address, and ports from 1024 on.\n"
     "C PORT nonsense\n"
     "> 501 PORT needs six numbers.\n"
     "C EPRT\n"
     "> 501 EPRT needs a protocol, an address and a port.\n"
     "C EPRT |2|2001:db8::1|2048|\n"
     "> 522 Another network protocol; use (1)\n"},
    {"F9: after EPSV ALL", ACTIVE,
     "C EPSV ALL\n"
     "> 200 EPSV ALL.\n"
     "C PORT 10,0,0,1,4,5\n"
     "> 503 EPSV ALL was said.\n"
     "C EPRT |1|10.0.0.1|2048|\n"
     "> 503 EPSV ALL was said.\n"},
    {"F10: a refused one leaves the one before", ACTIVE,
     PORT "C PORT 10,0,0,2,4,5\n"
          "> 501 Only your own address, and ports from 1024 on.\n"
          "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"},
    {"F10: PASV gives it up", ACTIVE,
     PORT "C PASV\n"
          "= abort\n"
          "< PASV\n"
          "B 227 ok (10,0,0,5,7,208)\n"
          "= listen P\n"
          "> 227 Entering Passive Mode (203,0,113,7,117,49).\n"},
    {"F5: the level is looked at when the transfer begins", ACTIVE | CLEAR_DATA,
     PORT "C PBSZ 0\n"
          "> 200 PBSZ=0\n"
          "C PROT C\n"
          "> 200 Data connections are in clear.\n"
          "C RETR f\n"
          "= began\n"
          "= connect 2000 C down\n"},
    {"F17: a client that cannot be reached", ACTIVE,
     PORT "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "! connected\n"
          "< RETR f\n"
          "= start\n"
          "! absent\n"
          "= abort begun\n"
          "= deadline 30000\n"
          "B 426 broken\n"
          "> 425 No data connection came.\n"
          "= transfer RETR 425 client-absent\n"},
    {"no backend, no port", ACTIVE,
     "C PORT 10,0,0,1,4,5\n"
     "= abort\n"
     "< PASV\n"
     "B 421 gone\n"
     "> 421 gone\n"
     "= end backend-closed\n"},
    {"out of memory", ACTIVE | NO_DIAL,
     "C PORT 10,0,0,1,4,5\n"
     "= abort\n"
     "< PASV\n"
     "B 227 ok (10,0,0,5,7,208)\n"
     "= dial 10.0.0.1:1029 P\n"
     "> 425 No data connection now; try again.\n"
     "C LIST\n"
     "= began\n"
     "> 425 Say EPSV, PASV, EPRT or PORT first.\n"
     "= transfer LIST 425 refused\n"},
};

static void f10_scripts(void **state)
{
    (void)state;
    PLAY_ALL(scripts, ftp_script_play_logged_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f10_arguments),
        cmocka_unit_test(f10_link_local),
        cmocka_unit_test(f10_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
