/* Logins through the control filter, played by scripts: certificates that decide (C1-C3, C5), failures,
 * login-directory, HOST (F12), allow-commands and deny-commands (F20). */
#include "ftp_script.h"
#include "unit.h"

#define REFUSED                                                                                              \
    "= login x 530\n"                                                                                        \
    "> 530 A trusted client certificate is required.\n"
#define ASKED                                                                                                \
    "C USER x\n"                                                                                             \
    "> 331 The password, please.\n"

static const struct ftp_script mapped_scripts[] = {
    {"C2, C3: prompted all the same; what was typed is ignored", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 331 password\n"
                          "< PASS from file\n"
                          "b 230-welcome\\r\\n\n"
                          "B 230 partner\n"
                          "> 230-welcome\n"
                          "> 230 partner\n"
                          "= login partner typed x 230\n"
                          "C PWD\n"
                          "< PWD\n"},
    {"C3: pipelined", IMPLICIT | MAPPED,
     "> 220 ready\n"
     "= connect-backend\n"
     "c USER x\\r\\nPASS typed\\r\\nPWD\\r\\n\n"
     "B 220 hello\n"
     "> 331 The password, please.\n"
     "< USER partner\n"
     "B 331 password\n"
     "< PASS from file\n"
     "B 230 ok\n"
     "> 230 ok\n"
     "= login partner typed x 230\n"
     "< PWD\n"},
    {"C3: a backend that wants no password", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 230 in\n"
                          "> 230 in\n"
                          "= login partner typed x 230\n"},
    {"C3: a backend that refuses the user", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 530 no\n"
                          "> 530 no\n"
                          "= login partner typed x 530\n"
                          "C PASS typed\n"
                          "> 503 Say USER first.\n"},
    {"C3: a backend that refuses the password", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 331 password\n"
                          "< PASS from file\n"
                          "B 530 no\n"
                          "> 530 no\n"
                          "= login partner typed x 530\n"},
    {"C3: a backend that asks for more", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 331 password\n"
                          "< PASS from file\n"
                          "B 332 account\n"
                          "> 332 account\n"
                          "C ACCT 7\n"
                          "< ACCT 7\n"
                          "B 230 ok\n"
                          "> 230 ok\n"
                          "= login partner typed x 230\n"},
    {"C3: a backend that asks for the password again", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 331 password\n"
                          "< PASS from file\n"
                          "B 331 once more\n"
                          "> 331 once more\n"
                          "C PASS again\n"
                          "< USER partner\n"
                          "B 230 ok\n"
                          "> 230 ok\n"
                          "= login partner typed x 230\n"},
    {"C5: disabled between USER and PASS", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "! disabled\n"
                          "C PASS typed\n" REFUSED},
    {"C5: disabled between the backend's USER and PASS", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "! disabled\n"
                          "B 331 password\n"
                          "= login partner typed x 530\n"
                          "> 530 A trusted client certificate is required.\n"},
    {"C5: disabled between PASS and ACCT", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 331 password\n"
                          "< PASS from file\n"
                          "B 332 account\n"
                          "> 332 account\n"
                          "! disabled\n"
                          "C ACCT 7\n"
                          "= login partner typed x 530\n"
                          "> 530 A trusted client certificate is required.\n"},
    {"C3: another ftp-user meanwhile: its password is for nobody else", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "! renamed\n"
                          "B 331 password\n"
                          "= login partner typed x 530\n"
                          "> 530 A trusted client certificate is required.\n"},
    {"C5: disabled meanwhile: the next transfer ends the session", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 230 in\n"
                          "> 230 in\n"
                          "= login partner typed x 230\n"
                          "! disabled\n"
                          "C SYST\n"
                          "< SYST\n"
                          "B 215 UNIX\n"
                          "> 215 UNIX\n"
                          "C LIST\n"
                          "= began\n"
                          "> 421 Your access has ended.\n"
                          "= transfer LIST 421 certificate-refused\n"
                          "= end certificate-refused\n"},
    {"C5: ... and so does the next command that means a file", IMPLICIT | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 230 in\n"
                          "> 230 in\n"
                          "= login partner typed x 230\n"
                          "! disabled\n"
                          "C NOOP\n"
                          "< NOOP\n"
                          "B 200 ok\n"
                          "> 200 ok\n"
                          "C DELE invoice\n"
                          "> 421 Your access has ended.\n"
                          "= end certificate-refused\n"},
    {"C1: in clear no certificate counts", CLEAR_LOGIN | MAPPED,
     "> 220 ready\n"
     "C USER x\n"
     "= connect-backend\n"
     "B 220 hello\n"
     "> 331 The password, please.\n"
     "C PASS typed\n" REFUSED},
    {"a name that is no name", IMPLICIT,
     IMPLICIT_START
     "C USER "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
     "> 501 USER needs a name.\n"},
};

static const struct ftp_script failure_scripts[] = {
    {"F19: the third refusal of the backend ends the session", IMPLICIT,
     IMPLICIT_START "C USER x\n"
                    "< USER x\n"
                    "B 530 nobody\n"
                    "> 530 nobody\n"
                    "= login x 530\n"
                    "C USER x\n"
                    "< USER x\n"
                    "B 331 password\n"
                    "> 331 password\n"
                    "C PASS y\n"
                    "< PASS y\n"
                    "B 530 no\n"
                    "> 530 no\n"
                    "= login x 530\n"
                    "C USER x\n"
                    "< USER x\n"
                    "B 430 no\n"
                    "> 430 no\n"
                    "= login x 430\n"
                    "> 421 Too many failed logins.\n"
                    "= end login-failures\n"},
    {"trouble that may pass is no failure", IMPLICIT,
     IMPLICIT_START "C USER x\n"
                    "< USER x\n"
                    "B 450 later\n"
                    "> 450 later\n"
                    "= login x 450\n"
                    "C USER x\n"
                    "< USER x\n"
                    "B 450 later\n"
                    "> 450 later\n"
                    "= login x 450\n"
                    "C USER x\n"
                    "< USER x\n"
                    "B 450 later\n"
                    "> 450 later\n"
                    "= login x 450\n"},
};

#define TYPED_LOGIN                                                                                          \
    IMPLICIT_START "C USER x\n"                                                                              \
                   "< USER x\n"                                                                              \
                   "B 331 password\n"                                                                        \
                   "> 331 password\n"                                                                        \
                   "C PASS y\n"                                                                              \
                   "< PASS y\n"

#define WAY_OUT                                                                                              \
    "C USER ..\n"                                                                                            \
    "< USER ..\n"                                                                                            \
    "B 230 in\n"                                                                                             \
    "= login .. 530\n"                                                                                       \
    "> 530 The login directory cannot be entered.\n"                                                         \
    "= drop-backend\n"

static const struct ftp_script directory_scripts[] = {
    {"F19: our refusals are failures, too", IMPLICIT | DIRECTORY,
     IMPLICIT_START WAY_OUT "= connect-backend\n"
                            "B 220 hello\n" WAY_OUT "= connect-backend\n"
                            "B 220 hello\n" WAY_OUT "> 421 Too many failed logins.\n"
                            "= end login-failures\n"},
    {"entered, and nobody hears of it", IMPLICIT | DIRECTORY,
     TYPED_LOGIN "b 230-wel\\r\\n230 come\\r\\n\n"
                 "< CWD /home/x\n"
                 "C PWD\n"
                 "B 250 there\n"
                 "> 230-wel\n"
                 "> 230 come\n"
                 "= login x 230\n"
                 "< PWD\n"},
    {"of the user that the certificate maps to", IMPLICIT | DIRECTORY | MAPPED,
     IMPLICIT_START ASKED "C PASS typed\n"
                          "< USER partner\n"
                          "B 230 in\n"
                          "< CWD /home/partner\n"
                          "B 200 there\n"
                          "> 230 in\n"
                          "= login partner typed x 230\n"},
    {"not entered: not logged in, and with another backend connection", IMPLICIT | DIRECTORY,
     TYPED_LOGIN "B 230 in\n"
                 "< CWD /home/x\n"
                 "b 550 no\\r\\n230 late words\\r\\n\n"
                 "= login x 530\n"
                 "> 530 The login directory cannot be entered.\n"
                 "= drop-backend\n"
                 "= connect-backend\n"
                 "C PWD\n"
                 "B 220 hello again\n"
                 "> 530 Log in with USER and PASS first.\n"},
    {"a name that is a way out", IMPLICIT | DIRECTORY,
     IMPLICIT_START "C USER ../../etc\n"
                    "< USER ../../etc\n"
                    "B 230 in\n"
                    "= login ../../etc 530\n"
                    "> 530 The login directory cannot be entered.\n"
                    "= drop-backend\n"
                    "= connect-backend\n"},
    {"the backend goes while it is asked", IMPLICIT | DIRECTORY,
     TYPED_LOGIN "B 230 in\n"
                 "< CWD /home/x\n"
                 "! backend-lost\n"
                 "> 421 The server behind this one is not available.\n"
                 "= end backend-closed\n"},
};

static const struct ftp_script host_scripts[] = {
    {"F12: one that is served, one that is not, none", IMPLICIT | HOSTS,
     IMPLICIT_START "C HOST a.example\n"
                    "> 220 Host accepted.\n"
                    "C HOST c.example\n"
                    "> 504 No such host here.\n"
                    "C HOST\n"
                    "> 501 HOST needs a name.\n"
                    "C HOST a.example b.example\n"
                    "> 501 HOST needs a name.\n"},
    {"F12: another backend", IMPLICIT | HOSTS,
     IMPLICIT_START "C HOST b.example\n"
                    "> 220 Host accepted.\n"
                    "= drop-backend\n"
                    "= connect-backend\n"
                    "C USER x\n"
                    "B 220 b\n"
                    "< USER x\n"},
    {"F12: in clear nothing is connected for it", CLEAR_LOGIN | HOSTS,
     "> 220 ready\n"
     "C HOST b.example\n"
     "> 220 Host accepted.\n"
     "C USER x\n"
     "= connect-backend\n"},
    {"F12, RFC 7151: in clear where a login is not, for the handshake to come", HOSTS,
     "> 220 ready\n"
     "C HOST b.example\n"
     "> 220 Host accepted.\n"
     "C USER x\n"
     "> 530 TLS is required here; say AUTH TLS first.\n"
     "C AUTH TLS\n"
     "= abort\n"
     "> 234 Begin TLS.\n"
     "= start-tls b.example\n"
     "! secured\n"
     "= connect-backend\n"},
    {"F7, F12: REIN forgets it before another AUTH", HOSTS,
     "> 220 ready\n"
     "C HOST a.example\n"
     "> 220 Host accepted.\n"
     "C REIN\n"
     "= abort\n"
     "> 220 Ready for a new user.\n"
     "= begin-anew\n"
     "C AUTH TLS\n"
     "= abort\n"
     "> 234 Begin TLS.\n"
     "= start-tls\n"},
    {"F12: a HOST that is refused changes nothing", HOSTS,
     "> 220 ready\n"
     "C HOST a.example\n"
     "> 220 Host accepted.\n"
     "C HOST c.example\n"
     "> 504 No such host here.\n"
     "C AUTH TLS\n"
     "= abort\n"
     "> 234 Begin TLS.\n"
     "= start-tls a.example\n"},
    {"F12: before USER", IMPLICIT | HOSTS,
     IMPLICIT_START "C USER x\n"
                    "< USER x\n"
                    "B 331 password\n"
                    "> 331 password\n"
                    "C HOST a.example\n"
                    "> 503 HOST comes before USER.\n"},
};

static const struct ftp_script policy_scripts[] = {
    {"F20: deny-commands", DENY_SITE,
     "C SITE CHMOD 644 x\n"
     "> 502 This command is not allowed here.\n"
     "= refused SITE\n"
     "C site help\n"
     "> 502 This command is not allowed here.\n"
     "= refused SITE\n"
     "C USER x\n"
     "> 503 Logged in already.\n"
     "C PWD\n"
     "< PWD\n"},
    {"F20: allow-commands", ALLOW_RETR,
     "C STOR x\n"
     "> 502 This command is not allowed here.\n"
     "= refused STOR\n"
     "C SITE CHMOD 644 x\n"
     "< SITE CHMOD 644 x\n"
     "B 200 ok\n"
     "> 200 ok\n"
     "C OPTS UTF8 ON\n"
     "> 502 This command is not allowed here.\n"
     "= refused OPTS\n"
     "C NOOP\n"
     "< NOOP\n"
     "B 200 ok\n"
     "> 200 ok\n"
     "C RETR x\n"
     "= began\n"
     "> 425 Say EPSV or PASV first.\n"
     "= transfer RETR 425 refused\n"},
    {"F20: the old name of a command is the same command (RFC 775)", DENY_MAKING,
     "C XMKD a\n"
     "> 502 This command is not allowed here.\n"
     "= refused XMKD\n"
     "C RMD a\n"
     "> 502 This command is not allowed here.\n"
     "= refused RMD\n"
     "C XCWD a\n"
     "< XCWD a\n"
     "B 250 ok\n"
     "> 250 ok\n"
     "C PWD\n"
     "< PWD\n"
     "B 257 /\n"
     "> 257 /\n"
     "C XCUP\n"
     "> 502 This command is not allowed here.\n"
     "= refused XCUP\n"
     "C CDUP\n"
     "> 502 This command is not allowed here.\n"
     "= refused CDUP\n"},
    {"F20: STAT with a path is a listing", ALLOW_RETR,
     "C STAT /\n"
     "> 502 This command is not allowed here.\n"
     "= refused STAT\n"
     "C STAT\n"
     "> 211 Logged in; data connections are protected.\n"},
    {"F20: a command that p11gate does not know, and allow-commands does", ALLOW_COMB,
     "C COMB whole part-1 part-2\n"
     "< COMB whole part-1 part-2\n"
     "B 250 ok\n"
     "> 250 ok\n"
     "C GET x\n"
     "< GET x\n"
     "B 500 what\n"
     "> 500 what\n"
     "C CPSV\n"
     "> 502 Say EPSV or PASV.\n"
     "C XYZZY\n"
     "> 500 Unknown command.\n"
     "C FEAT\n"
     "< FEAT\n"
     "b 211-F\\r\\n COMB a;b\\r\\n XYZZY\\r\\n SIZE\\r\\n211 End\\r\\n\n"
     "> 211-Features:\n"
     ">  AUTH TLS\n"
     ">  EPSV\n"
     ">  PBSZ\n"
     ">  PROT\n"
     ">  COMB a;b\n"
     "> 211 End\n"},
    {"RFC 959: SMNT is the backend's affair", 0,
     "C SMNT /other\n"
     "< SMNT /other\n"
     "B 202 superfluous\n"
     "> 202 superfluous\n"},
    {"F20: commands with digits", 0,
     "C XSHA256 f\n"
     "< XSHA256 f\n"},
    {"F8, F20: nor are they features", DENY_SITE | ALLOW_RETR,
     "C FEAT\n"
     "< FEAT\n"
     "b 211-F\\r\\n SITE\\r\\n SIZE\\r\\n clnt\\r\\n UTF8\\r\\n211 End\\r\\n\n"
     "> 211-Features:\n"
     ">  AUTH TLS\n"
     ">  EPSV\n"
     ">  PBSZ\n"
     ">  PROT\n"
     ">  UTF8\n"
     "> 211 End\n"},
};

static void c1_c2_c3_c5_mapped(void **state)
{
    (void)state;
    PLAY_ALL(mapped_scripts, ftp_script_play);
}

static void f19_failures(void **state)
{
    (void)state;
    PLAY_ALL(failure_scripts, ftp_script_play);
}

static void directories(void **state)
{
    (void)state;
    PLAY_ALL(directory_scripts, ftp_script_play);
}

static void f12_hosts(void **state)
{
    (void)state;
    PLAY_ALL(host_scripts, ftp_script_play);
}

static void f20_policies(void **state)
{
    (void)state;
    PLAY_ALL(policy_scripts, ftp_script_play_logged_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1_c2_c3_c5_mapped), cmocka_unit_test(f19_failures), cmocka_unit_test(directories),
        cmocka_unit_test(f12_hosts),          cmocka_unit_test(f20_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
