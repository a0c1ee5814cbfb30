/* New beginnings and ends of TLS through the control filter, played by scripts: REIN and CCC (F7), quirks. */
#include "ftp_script.h"
#include "unit.h"

#define LOGIN                                                                                                \
    "C USER x\n"                                                                                             \
    "< USER x\n"                                                                                             \
    "B 230 in\n"                                                                                             \
    "> 230 in\n"                                                                                             \
    "= login x 230\n"
#define NEW_BEGINNING                                                                                        \
    "C REIN\n"                                                                                               \
    "= drop-backend\n"                                                                                       \
    "= abort\n"                                                                                              \
    "> 220 Ready for a new user.\n"                                                                          \
    "= begin-anew\n"                                                                                         \
    "= connect-backend\n"                                                                                    \
    "B 220 hello\n"
#define TEN_NEW_BEGINNINGS                                                                                   \
    NEW_BEGINNING NEW_BEGINNING NEW_BEGINNING NEW_BEGINNING NEW_BEGINNING NEW_BEGINNING NEW_BEGINNING        \
        NEW_BEGINNING NEW_BEGINNING NEW_BEGINNING
#define REIN_IN_CLEAR                                                                                        \
    "C REIN\n"                                                                                               \
    "= drop-backend\n"                                                                                       \
    "= abort\n"                                                                                              \
    "> 220 Ready for a new user.\n"                                                                          \
    "= clear-tls\n"                                                                                          \
    "= begin-anew\n"

static const struct ftp_script rein_scripts[] = {
    {"F7: everything is forgotten, and the session is in clear", CLEAR_DATA,
     AUTH_START LOGIN "C EPSV ALL\n"
                      "> 200 EPSV ALL.\n"
                      "C PBSZ 0\n"
                      "> 200 PBSZ=0\n" REIN_IN_CLEAR "C PWD\n"
                      "> 530 TLS is required here; say AUTH TLS first.\n"
                      "C USER x\n"
                      "> 530 TLS is required here; say AUTH TLS first.\n"
                      "C PROT P\n"
                      "> 503 Say AUTH TLS first.\n"
                      "C AUTH TLS\n"
                      "= abort\n"
                      "> 234 Begin TLS.\n"
                      "= start-tls\n"
                      "! secured\n"
                      "= connect-backend\n"
                      "B 220 hello\n"
                      "C PROT P\n"
                      "> 503 Say PBSZ 0 first.\n"
                      "C PWD\n"
                      "> 530 Log in with USER and PASS first.\n" LOGIN "C PASV\n"
                      "= abort\n"
                      "< PASV\n"},
    {"F7: the certificate of an ended TLS counts for nothing", CLEAR_LOGIN | MAPPED,
     AUTH_START REIN_IN_CLEAR "C USER x\n"
                              "= connect-backend\n"
                              "B 220 hello\n"
                              "> 331 The password, please.\n"
                              "C PASS typed\n"
                              "= login x 530\n"
                              "> 530 A trusted client certificate is required.\n"},
    {"F7: where TLS comes first it stays", IMPLICIT,
     IMPLICIT_START LOGIN "C REIN\n"
                          "= drop-backend\n"
                          "= abort\n"
                          "> 220 Ready for a new user.\n"
                          "= begin-anew\n"
                          "= connect-backend\n"
                          "C PWD\n"
                          "b 220 again\\r\\n\n"
                          "> 530 Log in with USER and PASS first.\n" LOGIN EPSV},
    {"F7: but not without end", IMPLICIT,
     IMPLICIT_START TEN_NEW_BEGINNINGS TEN_NEW_BEGINNINGS
     "C REIN\n"
     "> 421 Too many new beginnings; open a new connection.\n"
     "= end bad-request\n"},
    {"F7: in clear, with nothing to forget", 0,
     "> 220 ready\n"
     "C REIN\n"
     "= abort\n"
     "> 220 Ready for a new user.\n"
     "= begin-anew\n"},
    {"F7: it waits behind the command that is under way, and drops late words", IMPLICIT,
     IMPLICIT_START LOGIN "C PWD\n"
                          "< PWD\n"
                          "C REIN\n"
                          "b 257 /\\r\\n250 late\\r\\n\n"
                          "> 257 /\n"
                          "= drop-backend\n"
                          "= abort\n"
                          "> 220 Ready for a new user.\n"
                          "= begin-anew\n"
                          "= connect-backend\n"
                          "B 220 hello\n"},
    {"F7: nothing may follow it when it ends TLS", 0,
     AUTH_START "c REIN\\r\\nUSER mallory\\r\\n\n"
                "= end bad-request\n"},
    {"F8: FEAT behind it is what the backend said", IMPLICIT,
     IMPLICIT_START LOGIN "C FEAT\n"
                          "< FEAT\n"
                          "b 211-F\\r\\n MLST type*;\\r\\n AUTH GSSAPI\\r\\n211 End\\r\\n\n"
                          "> 211-Features:\n"
                          ">  AUTH TLS\n"
                          ">  EPSV\n"
                          ">  PBSZ\n"
                          ">  PROT\n"
                          ">  MLST type*;\n"
                          "> 211 End\n" NEW_BEGINNING "C FEAT\n"
                          "> 211-Features:\n"
                          ">  AUTH TLS\n"
                          ">  EPSV\n"
                          ">  PBSZ\n"
                          ">  PROT\n"
                          ">  MLST type*;\n"
                          "> 211 End\n"},
};

static const struct ftp_script ccc_scripts[] = {
    {"F7: CCC with the quirk", CCC,
     AUTH_START LOGIN "C PBSZ 0\n"
                      "> 200 PBSZ=0\n"
                      "C PROT P\n"
                      "> 200 Data connections are protected.\n"
                      "C CCC\n"
                      "> 200 The control connection goes on in clear.\n"
                      "= clear-tls\n"
                      "C CCC\n"
                      "> 533 The control connection is in clear.\n"
                      "C AUTH TLS\n"
                      "> 503 TLS is established already.\n"
                      "C REIN\n"
                      "> 502 Not after CCC; open a new connection.\n" EPSV},
    {"F7: passwords go first", CCC,
     AUTH_START "C CCC\n"
                "> 530 Log in with USER and PASS first.\n"},
    {"F7: nothing to clear", CCC | CLEAR_LOGIN,
     "> 220 ready\n"
     "C CCC\n"
     "> 533 The control connection is in clear.\n"},
    {"F7: nothing may follow it", CCC,
     AUTH_START LOGIN "c CCC\\r\\nP\n"
                      "= end bad-request\n"},
    {"F7: without the quirk", 0,
     AUTH_START LOGIN "C CCC\n"
                      "> 534 The control connection stays protected.\n"},
    {"F8: it is a feature then", CCC | HOSTS | ACTIVE,
     "> 220 ready\n"
     "C FEAT\n"
     "> 211-Features:\n"
     ">  AUTH TLS\n"
     ">  CCC\n"
     ">  EPRT\n"
     ">  EPSV\n"
     ">  HOST\n"
     ">  PBSZ\n"
     ">  PROT\n"
     ">  MDTM\n"
     ">  REST STREAM\n"
     ">  SIZE\n"
     ">  UTF8\n"
     "> 211 End\n"},
};

static const struct ftp_script quirk_scripts[] = {
    {"F4: no-pbsz", NO_PBSZ,
     AUTH_START "C PROT P\n"
                "> 200 Data connections are protected.\n"},
    {"F1, F5: auth-implies-private", AUTH_PRIVATE,
     "> 220 ready\n"
     "C AUTH TLS-P\n"
     "= abort\n"
     "> 234 Begin TLS.\n"
     "= start-tls\n"
     "! secured\n"
     "= connect-backend\n"
     "B 220 hello\n" LOGIN EPSV},
    {"F1, F5: auth-implies-private, but TLS-C says clear", AUTH_PRIVATE,
     "> 220 ready\n"
     "C AUTH TLS-C\n"
     "= abort\n"
     "> 234 Begin TLS.\n"
     "= start-tls\n"
     "! secured\n"
     "= connect-backend\n"
     "B 220 hello\n" LOGIN "C LIST\n"
     "= began\n"
     "> 521 Data connections must be protected: say PROT P.\n"
     "= transfer LIST 521 refused\n"},
};

#define SWALLOWED                                                                                            \
    "= abort begun\n"                                                                                        \
    "= deadline 30000\n"                                                                                     \
    "B 426 broken\n"

/* What is wrong with a data channel's TLS, in the words of RFC 4217. */
static const struct ftp_script level_scripts[] = {
    {"F5, F16: it did not resume", 0,
     RETR "! not-resumed\n" SWALLOWED
          "> 522 The data connection must resume the TLS session of the control connection.\n"
          "= transfer RETR 522 data-not-resumed\n"},
    {"F6: it showed another certificate", 0,
     RETR "! certificate\n" SWALLOWED "> 522 The client certificate is not that of the control connection.\n"
          "= transfer RETR 522 certificate-refused\n"},
    {"F5: its handshake failed", 0,
     RETR "! tls\n" SWALLOWED "> 522 TLS on the data connection failed.\n"
          "= transfer RETR 522 data-tls-failed\n"},
    {"F5, F22: ... because the token is away", 0,
     RETR "! key-lost\n"
          "! tls\n" SWALLOWED "> 431 TLS is not available now; try again later.\n"
          "= transfer RETR 431 token-down\n"},
    {"F14: nothing moved", 0,
     RETR "! stalled\n" SWALLOWED "> 426 Nothing moved on the data connection; the transfer is incomplete.\n"
          "= transfer RETR 426 stall-timeout\n"},
    {"F14: ... and the client leaves before the backend's word about it: the reason is what came first", 0,
     RETR "! stalled\n"
          "= abort begun\n"
          "= deadline 30000\n"
          "! client-lost\n"
          "= abort begun\n"
          "= transfer RETR 0 stall-timeout\n"
          "= end client-closed\n"},
    {"C6: the address of PASV is not known", NO_ADDRESS,
     "C PASV\n"
     "= abort\n"
     "< PASV\n"
     "B 227 ok (10,0,0,5,7,208)\n"
     "> 425 The address for PASV is not known now; say EPSV.\n" EPSV},
    {"C5: no longer welcome", 0,
     "! disabled\n"
     "C LIST\n"
     "= began\n"
     "> 421 Your access has ended.\n"
     "= transfer LIST 421 certificate-refused\n"
     "= end certificate-refused\n"},
};

static void f7_rein(void **state)
{
    (void)state;
    PLAY_ALL(rein_scripts, ftp_script_play);
}

static void f7_ccc(void **state)
{
    (void)state;
    PLAY_ALL(ccc_scripts, ftp_script_play);
}

static void f1_f4_f5_quirks(void **state)
{
    (void)state;
    PLAY_ALL(quirk_scripts, ftp_script_play);
}

static void f5_f6_c5_c6_levels(void **state)
{
    (void)state;
    PLAY_ALL(level_scripts, ftp_script_play_logged_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f7_rein),
        cmocka_unit_test(f7_ccc),
        cmocka_unit_test(f1_f4_f5_quirks),
        cmocka_unit_test(f5_f6_c5_c6_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
