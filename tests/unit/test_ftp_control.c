/* The control filter up to the login and beside transfers, played by scripts. */
#include "ftp_control.h"
#include "ftp_line.h"
#include "ftp_script.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define GREETING    "> 220 ready\n"
#define TLS_FIRST   "> 530 TLS is required here; say AUTH TLS first.\n"
#define LOGIN_FIRST "> 530 Log in with USER and PASS first.\n"

static const struct ftp_script auth_scripts[] = {
    {"F1: TLS", 0, AUTH_START},
    {"F1: SSL, as curl says it", 0,
     GREETING "C AUTH SSL\n"
              "= abort\n"
              "> 234 Begin TLS.\n"
              "= start-tls\n"},
    {"F1: tls-c in small letters", 0,
     GREETING "C auth tls-c\n"
              "= abort\n"
              "> 234 Begin TLS.\n"
              "= start-tls\n"},
    {"F1: others are unknown", 0,
     GREETING "C AUTH TLS-P\n"
              "> 504 Unknown mechanism; TLS is offered.\n"
              "C AUTH GSSAPI\n"
              "> 504 Unknown mechanism; TLS is offered.\n"
              "C AUTH TLS \n"
              "> 504 Unknown mechanism; TLS is offered.\n"
              "C AUTH\n"
              "> 501 AUTH needs a mechanism: TLS.\n"},
    {"F1: the token is down", NO_KEY,
     GREETING "C AUTH TLS\n"
              "> 431 TLS is not available now; try again later.\n"},
    {"F2: a command in clear behind AUTH", 0,
     GREETING "c AUTH TLS\\r\\nUSER mallory\\r\\n\n"
              "= end injected\n"},
    {"F2: a piece of one", 0,
     GREETING "c AUTH TLS\\r\\nU\n"
              "= end injected\n"},
    {"F2: AUTH waited, and so did what is behind it", CLEAR_LOGIN,
     GREETING "C USER acme\n"
              "= connect-backend\n"
              "C AUTH TLS\n"
              "c USER mal\n"
              "B 220 hello\n"
              "< USER acme\n"
              "B 331 password\n"
              "> 331 password\n"
              "= end injected\n"},
    {"F2: a second AUTH", IMPLICIT,
     IMPLICIT_START "C AUTH TLS\n"
                    "> 503 TLS is established already.\n"},
    {"F2: AUTH forgets a login in clear", CLEAR_LOGIN,
     GREETING "C USER acme\n"
              "= connect-backend\n"
              "B 220 hello\n"
              "< USER acme\n"
              "B 230 no password needed\n"
              "> 230 no password needed\n"
              "= login acme 230\n"
              "C AUTH TLS\n"
              "= drop-backend\n"
              "= abort\n"
              "> 234 Begin TLS.\n"
              "= start-tls\n"
              "! secured\n"
              "= connect-backend\n"
              "B 220 hello\n"
              "C PWD\n" LOGIN_FIRST},
    {"F2: what the forgotten backend had still to say", CLEAR_LOGIN,
     GREETING "C USER acme\n"
              "= connect-backend\n"
              "C AUTH TLS\n"
              "b 220 hello\\r\\n\n"
              "< USER acme\n"
              "b 331 password\\r\\n230 late\\r\\nrubbish\\r\\n\n"
              "> 331 password\n"
              "= drop-backend\n"
              "= abort\n"
              "> 234 Begin TLS.\n"
              "= start-tls\n"},
    {"F2: nothing goes to the backend before AUTH", 0,
     GREETING "C USER acme\n" TLS_FIRST "C PASS secret\n" TLS_FIRST "C SYST\n" TLS_FIRST "C LIST\n" TLS_FIRST
              "C NOOP\n"
              "> 200 OK.\n"
              "C ABOR\n"
              "> 226 Nothing to abort.\n"},
    {"F8: FEAT before AUTH", 0,
     GREETING "C FEAT\n"
              "> 211-Features:\n"
              ">  AUTH TLS\n"
              ">  EPSV\n"
              ">  PBSZ\n"
              ">  PROT\n"
              ">  MDTM\n"
              ">  REST STREAM\n"
              ">  SIZE\n"
              ">  UTF8\n"
              "> 211 End\n"},
    {"TLS where AUTH is expected", 0, GREETING "c \\x16\\x03\\x01\\x02\n= end bad-request\n"},
};

static const struct ftp_script protection_scripts[] = {
    {"F4: only under TLS", CLEAR_LOGIN,
     GREETING "C PBSZ 0\n"
              "> 503 Say AUTH TLS first.\n"
              "C PROT P\n"
              "> 503 Say AUTH TLS first.\n"},
    {"F4: PBSZ first", 0,
     AUTH_START "C PROT P\n"
                "> 503 Say PBSZ 0 first.\n"
                "C PBSZ\n"
                "> 501 PBSZ needs a number: 0.\n"
                "C PBSZ x\n"
                "> 501 PBSZ needs a number: 0.\n"
                "C PROT P\n"
                "> 503 Say PBSZ 0 first.\n"
                "C PBSZ 16384\n"
                "> 200 PBSZ=0\n"
                "C PROT p\n"
                "> 200 Data connections are protected.\n"},
    {"F4: the levels", 0,
     AUTH_START "C PBSZ 0\n"
                "> 200 PBSZ=0\n"
                "C PROT S\n"
                "> 536 TLS offers C and P.\n"
                "C PROT E\n"
                "> 536 TLS offers C and P.\n"
                "C PROT X\n"
                "> 504 Unknown protection level.\n"
                "C PROT PP\n"
                "> 504 Unknown protection level.\n"
                "C PROT\n"
                "> 501 PROT needs a level.\n"
                "C PROT C\n"
                "> 534 Data connections must be protected here.\n"},
    {"F4: PROT C where the policy allows it", CLEAR_DATA,
     AUTH_START "C PBSZ 0\n"
                "> 200 PBSZ=0\n"
                "C PROT C\n"
                "> 200 Data connections are in clear.\n"},
    {"F7: no way back to clear", IMPLICIT,
     IMPLICIT_START "C CCC\n"
                    "> 534 The control connection stays protected.\n"
                    "C MIC x\n"
                    "> 503 Protection comes from TLS.\n"
                    "C CONF x\n"
                    "> 503 Protection comes from TLS.\n"
                    "C ENC x\n"
                    "> 503 Protection comes from TLS.\n"},
};

static const struct ftp_script login_scripts[] = {
    {"the backend decides", 0,
     AUTH_START "C USER acme\n"
                "< USER acme\n"
                "B 331 password\n"
                "> 331 password\n"
                "C PASS secret\n"
                "< PASS secret\n"
                "B 530 no\n"
                "> 530 no\n"
                "= login acme 530\n"
                "C PASS secret\n"
                "> 503 Say USER first.\n"
                "C PWD\n" LOGIN_FIRST},
    {"a third question", IMPLICIT,
     IMPLICIT_START "C USER acme\n"
                    "< USER acme\n"
                    "B 331 password\n"
                    "> 331 password\n"
                    "C PASS secret\n"
                    "< PASS secret\n"
                    "B 332 account\n"
                    "> 332 account\n"
                    "C ACCT 7\n"
                    "< ACCT 7\n"
                    "B 230 fine\n"
                    "> 230 fine\n"
                    "= login acme 230\n"
                    "C USER other\n"
                    "> 503 Logged in already.\n"
                    "C PASS other\n"
                    "> 503 Logged in already.\n"},
    {"no name", IMPLICIT,
     IMPLICIT_START "C USER\n"
                    "> 501 USER needs a name.\n"
                    "C PASS x\n"
                    "> 503 Say USER first.\n"},
    {"what waits for the backend's greeting", IMPLICIT,
     "> 220 ready\n"
     "= connect-backend\n"
     "C USER acme\n"
     "C PASS secret\n"
     "b 220-hello\\r\\n\n"
     "b 220 the\n"
     "b re\\r\\n\n"
     "< USER acme\n"
     "B 331 password\n"
     "> 331 password\n"
     "< PASS secret\n"},
    {"C1, C2: a refused certificate is said after PASS", IMPLICIT | CERTIFICATE_REFUSED,
     IMPLICIT_START "C USER acme\n"
                    "> 331 The password, please.\n"
                    "C PASS secret\n"
                    "= login acme 530\n"
                    "> 530 A trusted client certificate is required.\n"
                    "C PASS secret\n"
                    "> 503 Say USER first.\n"
                    "C USER acme\n"
                    "> 331 The password, please.\n"
                    "C ACCT secret\n"
                    "= login acme 530\n"
                    "> 530 A trusted client certificate is required.\n"
                    "C USER acme\n"
                    "> 331 The password, please.\n"
                    "C PASS secret\n"
                    "= login acme 530\n"
                    "> 530 A trusted client certificate is required.\n"
                    "> 421 Too many failed logins.\n"
                    "= end certificate-refused\n"},
    {"the login takes too long", IMPLICIT,
     IMPLICIT_START "! login-expired\n"
                    "> 421 The login took too long.\n"
                    "= end login-timeout\n"},
    {"F2: no reply in clear after 234", 0,
     GREETING "C AUTH TLS\n"
              "= abort\n"
              "> 234 Begin TLS.\n"
              "= start-tls\n"
              "! login-expired\n"
              "= end login-timeout\n"},
    {"no backend", IMPLICIT,
     "> 220 ready\n"
     "= connect-backend\n"
     "! backend-lost\n"
     "> 421 The server behind this one is not available.\n"
     "= end backend-closed\n"},
    {"its greeting is a refusal", IMPLICIT,
     "> 220 ready\n"
     "= connect-backend\n"
     "B 530 not you\n"
     "> 421 The server behind this one is not available.\n"
     "= end backend-closed\n"},
    {"it takes its time", IMPLICIT,
     "> 220 ready\n"
     "= connect-backend\n"
     "B 120 in a minute\n"
     "B 220 hello\n"
     "C SYST\n"
     "< SYST\n"},
};

static const struct ftp_script hostile_scripts[] = {
    {"F19: HTTP", 0,
     GREETING "C GET / HTTP/1.1\n"
              "> 421 This is an FTP server.\n"
              "= end bad-request\n"},
    {"F19: HTTP inside TLS", IMPLICIT,
     IMPLICIT_START "C POST /as2 HTTP/1.1\n"
                    "> 421 This is an FTP server.\n"
                    "= end bad-request\n"},
    {"F19: five unknown commands", 0,
     GREETING "C XYZZY <script>\n"
              "> 500 Unknown command.\n"
              "C Host: example.com\n"
              "> 500 Unknown command.\n"
              "C \n"
              "> 500 Unknown command.\n"
              "C STOR a\\rDELE b\n"
              "> 500 Unknown command.\n"
              "C A\\x00B\n"
              "> 421 Too many unknown commands.\n"
              "= end bad-request\n"},
    {"F19: known ones in between do not count, nor reset", 0,
     GREETING "C A\n"
              "> 500 Unknown command.\n"
              "C NOOP\n"
              "> 200 OK.\n"
              "c A\\r\\nA\\r\\nA\\r\\nA\\r\\nNOOP\\r\\n\n"
              "> 500 Unknown command.\n"
              "> 500 Unknown command.\n"
              "> 500 Unknown command.\n"
              "> 421 Too many unknown commands.\n"
              "= end bad-request\n"},
    {"F13: the backend speaks no FTP", IMPLICIT,
     "> 220 ready\n"
     "= connect-backend\n"
     "B SSH-2.0-OpenSSH_9.2\n"
     "> 421 The server behind this one does not speak FTP.\n"
     "= end backend-protocol\n"},
    {"a reply out of nowhere", IMPLICIT,
     IMPLICIT_START "B 200 surprise\n"
                    "> 421 The server behind this one does not speak FTP.\n"
                    "= end backend-protocol\n"},
};

static const struct ftp_script command_scripts[] = {
    {"F13: commands go one by one, replies of many lines come back", 0,
     "c SYST\\r\\nPWD\\r\\nNO\n"
     "< SYST\n"
     "b 215-UNIX\\r\\n 215\\r\\n\n"
     "b 215 end\\r\\n\n"
     "> 215-UNIX\n"
     ">  215\n"
     "> 215 end\n"
     "< PWD\n"
     "B 257 /\n"
     "> 257 /\n"
     "c OP\\r\\n\n"
     "< NOOP\n"
     "B 200 ok\n"
     "> 200 ok\n"},
    {"what passes", 0,
     "C REST 100\n"
     "< REST 100\n"
     "B 350 ok\n"
     "> 350 ok\n"
     "C RNFR  a b \n"
     "< RNFR  a b \n"
     "B 350 ok\n"
     "> 350 ok\n"
     "C rnto c\n"
     "< rnto c\n"
     "B 553 no\n"
     "> 553 no\n"
     "C SITE CHMOD 644 x\n"
     "< SITE CHMOD 644 x\n"
     "B 150 wait\n"
     "> 150 wait\n"
     "B 200 ok\n"
     "> 200 ok\n"
     "C STAT /\n"
     "< STAT /\n"
     "B 213 ok\n"
     "> 213 ok\n"},
    {"what does not", 0,
     "C STAT\n"
     "> 211 Logged in; data connections are protected.\n"
     "C MODE Z\n"
     "> 504 Not offered.\n"
     "C STRU R\n"
     "> 504 Not offered.\n"
     "C PORT 10,0,0,1,4,5\n"
     "> 502 Active mode is not offered; say EPSV or PASV.\n"
     "C EPRT |1|10.0.0.1|1029|\n"
     "> 502 Active mode is not offered; say EPSV or PASV.\n"
     "C GET /\n"
     "> 500 Unknown command.\n"
     "C HOST a.example\n"
     "> 502 HOST is not offered.\n"
     "C LPRT 4,4,10,0,0,1\n"
     "> 502 Say EPRT or PORT.\n"},
    {"MODE and STRU as everybody has them", 0,
     "C MODE s\n"
     "< MODE s\n"
     "B 200 ok\n"
     "> 200 ok\n"
     "C STRU F\n"
     "< STRU F\n"
     "B 200 ok\n"
     "> 200 ok\n"},
    {"F8: FEAT is merged", 0,
     "C FEAT\n"
     "< FEAT\n"
     "b 211-Features:\\r\\n SIZE\\r\\n AUTH SSL\\r\\n EPRT\\r\\n211 End\\r\\n\n"
     "> 211-Features:\n"
     ">  AUTH TLS\n"
     ">  EPSV\n"
     ">  PBSZ\n"
     ">  PROT\n"
     ">  SIZE\n"
     "> 211 End\n"},
    {"F8: a backend without FEAT", 0,
     "C FEAT\n"
     "< FEAT\n"
     "B 500 what\n"
     "> 211-Features:\n"
     ">  AUTH TLS\n"
     ">  EPSV\n"
     ">  PBSZ\n"
     ">  PROT\n"
     "> 211 End\n"},
    {"QUIT is the backend's, too", 0,
     "C QUIT now\n"
     "< QUIT\n"
     "B 221 bye\n"
     "> 221 bye\n"
     "= end quit\n"},
    {"QUIT, and the backend goes without a word", 0,
     "C QUIT\n"
     "< QUIT\n"
     "! backend-lost\n"
     "> 221 Goodbye.\n"
     "= end quit\n"},
    {"the backend says 421", 0,
     "B 421 timeout\n"
     "> 421 timeout\n"
     "= end backend-closed\n"},
    {"the backend says 421 to a command", 0,
     "C PWD\n"
     "< PWD\n"
     "B 421 timeout\n"
     "> 421 timeout\n"
     "= end backend-closed\n"},
    {"F14: drained when nothing is under way", 0,
     "! drain\n"
     "> 421 The service is closing.\n"
     "= end stopping\n"},
    {"F14: drained after the command", 0,
     "C PWD\n"
     "< PWD\n"
     "C PWD\n"
     "! drain\n"
     "= deadline 20000\n"
     "B 257 /\n"
     "> 257 /\n"
     "> 421 The service is closing.\n"
     "= end stopping\n"},
    {"the client goes", 0,
     "C PWD\n"
     "< PWD\n"
     "! client-lost\n"
     "= end client-closed\n"},
};

static void f1_f2_f8_auth(void **state)
{
    (void)state;
    PLAY_ALL(auth_scripts, ftp_script_play);
}

static void f4_f7_protection(void **state)
{
    (void)state;
    PLAY_ALL(protection_scripts, ftp_script_play);
}

static void c1_c2_f20_login(void **state)
{
    (void)state;
    PLAY_ALL(login_scripts, ftp_script_play);
}

static void f13_f19_hostile(void **state)
{
    (void)state;
    PLAY_ALL(hostile_scripts, ftp_script_play);
}

static void f8_f13_f14_commands(void **state)
{
    (void)state;
    PLAY_ALL(command_scripts, ftp_script_play_logged_in);
}

/* F11: 32 wait, the 33rd is not taken; every one is answered in the end, in order. */
static void f11_the_queue_has_a_limit(void **state)
{
    static char text[64 * 1024];
    size_t len = 0;
    (void)state;
    len += (size_t)snprintf(text + len, sizeof text - len, "C CWD 0\n< CWD 0\nc ");
    for (unsigned i = 1; i <= 2 * FTP_WAITING_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "CWD %u\\r\\n", i);
    len += (size_t)snprintf(text + len, sizeof text - len, "\n");
    for (unsigned i = 1; i <= 2 * FTP_WAITING_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "B 250 %u\n> 250 %u\n< CWD %u\n%s", i - 1,
                                i - 1, i, i == FTP_WAITING_MAX ? "c \n" : "");
    ftp_script_play_logged_in(&(struct ftp_script){.name = "F11: the queue", .text = text});
}

/* F11: who reads no replies is not listened to, also in the middle of what came at once. */
static void f11_replies_do_not_pile_up(void **state)
{
    (void)state;
    ftp_script_play(&(struct ftp_script){.name = "F11: unread replies",
                                         .world = UNREAD,
                                         .text = "> 220 ready\n"
                                                 "c NOOP\\nNOOP\\nNOOP\\nPWD\\nAUTH TLS\\nU\n"
                                                 "> 200 OK.\n"
                                                 "> 200 OK.\n"
                                                 "c SER\n"
                                                 "! read\n"
                                                 "> 200 OK.\n"
                                                 "> 530 TLS is required here; say AUTH TLS first.\n"
                                                 "= end injected\n"});
}

/* F13: a line past the limit ends the session, whatever else waits. */
static void f13_a_line_has_a_limit(void **state)
{
    static char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", "C STOR ");
    (void)state;
    memset(text + len, 'a', FTP_COMMAND_MAX);
    (void)snprintf(text + len + FTP_COMMAND_MAX, 100, "\n> 500 The line is too long.\n= end too-long\n");
    ftp_script_play_logged_in(&(struct ftp_script){.name = "F13: too long", .text = text});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f1_f2_f8_auth),          cmocka_unit_test(f4_f7_protection),
        cmocka_unit_test(c1_c2_f20_login),        cmocka_unit_test(f13_f19_hostile),
        cmocka_unit_test(f8_f13_f14_commands),    cmocka_unit_test(f11_the_queue_has_a_limit),
        cmocka_unit_test(f13_a_line_has_a_limit), cmocka_unit_test(f11_replies_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
