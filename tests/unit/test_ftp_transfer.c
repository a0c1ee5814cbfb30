/* Passive set-up and transfers through the control filter, played by scripts behind a login. */
#include "ftp_script.h"
#include "unit.h"

#define RETR_150                                                                                             \
    RETR "B 150 coming\n"                                                                                    \
         "> 150 coming\n"
#define STOR_150                                                                                             \
    EPSV "C STOR f\n"                                                                                        \
         "= began\n"                                                                                         \
         "= connect 2000 P up\n"                                                                             \
         "! connected\n"                                                                                     \
         "< STOR f\n"                                                                                        \
         "= start\n"                                                                                         \
         "B 150 go on\n"                                                                                     \
         "> 150 go on\n"
#define STILL_ALIVE                                                                                          \
    "C PWD\n"                                                                                                \
    "< PWD\n"                                                                                                \
    "B 257 /\n"                                                                                              \
    "> 257 /\n"

#define RETR_ENDS_THEN_421                                                                                   \
    "B 226 complete\n"                                                                                       \
    "= complete\n"                                                                                           \
    "! done\n"                                                                                               \
    "> 226 complete\n"                                                                                       \
    "= transfer RETR 226 done\n"                                                                             \
    "> 421 The service is closing.\n"                                                                        \
    "= end stopping\n"

static const struct ftp_script passive_scripts[] = {
    {"F9: PASV names our address, whatever the backend's is", 0,
     "C PASV\n"
     "= abort\n"
     "< PASV\n"
     "B 227 Entering Passive Mode (10,0,0,5,7,208)\n"
     "= listen P\n"
     "> 227 Entering Passive Mode (203,0,113,7,117,49).\n"
     "C LIST\n"
     "= began\n"
     "= connect 2000 P down\n"},
    {"F9: EPSV", 0, EPSV},
    {"F9: EPSV with the protocol that is spoken", 0,
     "C EPSV 1\n"
     "= abort\n"
     "< EPSV\n"
     "B 229 ok (|||2000|)\n"
     "= listen P\n"
     "> 229 Entering Extended Passive Mode (|||30001|)\n"
     "C EPSV 2\n"
     "> 522 Another network protocol; use (1)\n"
     "C EPSV x\n"
     "> 522 Another network protocol; use (1)\n"},
    {"F9: after EPSV ALL only EPSV", 0,
     "C EPSV ALL\n"
     "> 200 EPSV ALL.\n"
     "C PASV\n"
     "> 503 EPSV ALL was said.\n"
     "C PORT 10,0,0,1,4,5\n"
     "> 503 EPSV ALL was said.\n" EPSV},
    {"F9, C6: PASV on IPv6", CLIENT_V6,
     "C PASV\n"
     "> 425 PASV cannot name an IPv6 address; say EPSV.\n"
     "C EPSV 1\n"
     "> 522 Another network protocol; use (2)\n"
     "C EPSV 2\n"
     "= abort\n"
     "< EPSV\n"},
    {"F9: a backend without EPSV is asked for PASV, and next time at once", 0,
     "C EPSV\n"
     "= abort\n"
     "< EPSV\n"
     "B 500 what\n"
     "< PASV\n"
     "B 227 ok (10,0,0,5,7,208)\n"
     "= listen P\n"
     "> 229 Entering Extended Passive Mode (|||30001|)\n"
     "C EPSV\n"
     "= abort\n"
     "< PASV\n"},
    {"F9: a backend without PASV is asked for EPSV", 0,
     "C PASV\n"
     "= abort\n"
     "< PASV\n"
     "B 502 no\n"
     "< EPSV\n"
     "B 229 ok (|||2000|)\n"
     "= listen P\n"
     "> 227 Entering Passive Mode (203,0,113,7,117,49).\n"},
    {"F9: a backend on IPv6 is asked for EPSV", BACKEND_V6,
     "C PASV\n"
     "= abort\n"
     "< EPSV\n"},
    {"F9: a backend with neither", 0,
     "C EPSV\n"
     "= abort\n"
     "< EPSV\n"
     "B 500 what\n"
     "< PASV\n"
     "B 530 never\n"
     "> 530 never\n"
     "C LIST\n"
     "= began\n"
     "> 425 Say EPSV or PASV first.\n"
     "= transfer LIST 425 refused\n"},
    {"F9: a backend that names no port", 0,
     "C PASV\n"
     "= abort\n"
     "< PASV\n"
     "B 227 Entering Passive Mode (10,0,0,5,0,0)\n"
     "> 425 The server behind named no passive port.\n"
     "C EPSV\n"
     "= abort\n"
     "< EPSV\n"
     "B 229 (|1|10.0.0.5|2000|)\n"
     "> 425 The server behind named no passive port.\n"
     "C EPSV\n"
     "= abort\n"
     "< EPSV\n"
     "B 250 what\n"
     "> 425 The server behind named no passive port.\n"},
    {"C6: no port of ours is free", NO_PORT,
     "C EPSV\n"
     "= abort\n"
     "< EPSV\n"
     "B 229 ok (|||2000|)\n"
     "= listen P\n"
     "> 425 No passive port is free; try again later.\n"
     "C LIST\n"
     "= began\n"
     "> 425 Say EPSV or PASV first.\n"
     "= transfer LIST 425 refused\n"},
};

static const struct ftp_script protection_scripts[] = {
    {"F5: PROT C where data must be protected", CLEAR_LOGIN,
     "C PBSZ 0\n"
     "> 200 PBSZ=0\n"
     "C PROT C\n"
     "> 534 Data connections must be protected here.\n" EPSV},
    {"F5: PROT C where it is allowed", CLEAR_DATA,
     "C PBSZ 0\n"
     "> 200 PBSZ=0\n"
     "C PROT C\n"
     "> 200 Data connections are in clear.\n"
     "C EPSV\n"
     "= abort\n"
     "< EPSV\n"
     "B 229 ok (|||2000|)\n"
     "= listen C\n"
     "> 229 Entering Extended Passive Mode (|||30001|)\n"
     "C STOU\n"
     "= began\n"
     "= connect 2000 C up\n"},
    {"F5: the handshake failed before the transfer command", CONNECT_FAILS,
     EPSV "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "= abort begun\n"
          "> 522 TLS on the data connection failed.\n"
          "= transfer RETR 522 data-tls-failed\n" STILL_ALIVE},
    {"F5: ... or while it is under way", 0,
     RETR_150 "! tls\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 426 broken\n"
              "> 522 TLS on the data connection failed.\n"
              "= transfer RETR 522 data-tls-failed\n" STILL_ALIVE},
};

/* F5: the level is Clear after AUTH, and looked at when the transfer is asked for. */
static const struct ftp_script clear_script = {"F5: no PROT after AUTH", 0,
                                               AUTH_START WELCOME_ACME
                                               "C EPSV\n"
                                               "= abort\n"
                                               "< EPSV\n"
                                               "B 229 ok (|||2000|)\n"
                                               "= listen C\n"
                                               "> 229 Entering Extended Passive Mode (|||30001|)\n"
                                               "C LIST\n"
                                               "= began\n"
                                               "> 521 Data connections must be protected: say PROT P.\n"
                                               "= transfer LIST 521 refused\n"};

static const struct ftp_script transfer_scripts[] = {
    {"F14: 226 after the data side has finished", 0,
     RETR_150 "B 226 complete\n"
              "= complete\n"
              "! done\n"
              "> 226 complete\n"
              "= transfer RETR 226 done\n" STILL_ALIVE},
    {"F14: an upload", 0,
     STOR_150 "B 226 complete\n"
              "= complete\n"
              "! done\n"
              "> 226 complete\n"
              "= transfer STOR 226 done\n"},
    {"F14: an upload that is over when the backend says so", ENDS_AT_ONCE,
     STOR_150 "b 226 complete\\r\\n421 bye\\r\\n\n"
              "= complete\n"
              "> 226 complete\n"
              "= transfer STOR 226 done\n"
              "> 421 bye\n"
              "= end backend-closed\n"},
    {"F14: what the backend says behind its 226 waits", 0,
     RETR_150 "b 226 complete\\r\\n421 bye\\r\\n\n"
              "= complete\n"
              "! done\n"
              "> 226 complete\n"
              "= transfer RETR 226 done\n"
              "> 421 bye\n"
              "= end backend-closed\n"},
    {"F17: a final reply without data ends the transfer", 0,
     RETR "B 550 no such file\n"
          "= abort\n"
          "> 550 no such file\n"
          "= transfer RETR 550 refused\n" STILL_ALIVE},
    {"F17: ... and after 150", 0,
     STOR_150 "B 452 disk full\n"
              "= abort begun\n"
              "> 452 disk full\n"
              "= transfer STOR 452 refused\n" STILL_ALIVE},
    {"F17: the backend's data port does not accept: the command is not forwarded", 0,
     EPSV "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "! no-backend\n"
          "= abort begun\n"
          "> 425 The data connection to the server behind failed.\n"
          "= transfer RETR 425 backend-unreachable\n" STILL_ALIVE},
    {"F17: the client does not come", 0,
     RETR_150 "! absent\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 426 broken\n"
              "> 425 No data connection came.\n"
              "= transfer RETR 425 client-absent\n" STILL_ALIVE},
    {"a passive port serves one transfer", 0,
     RETR_150 "B 226 complete\n"
              "= complete\n"
              "! done\n"
              "> 226 complete\n"
              "= transfer RETR 226 done\n"
              "C RETR f\n"
              "= began\n"
              "> 425 Say EPSV or PASV first.\n"
              "= transfer RETR 425 refused\n"},
    {"F15: a cut upload, and the backend calls it complete", 0,
     STOR_150 "! cut\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 226 complete\n"
              "> 426 The data connection was cut; the transfer is incomplete.\n"
              "= transfer STOR 426 client-cut\n" STILL_ALIVE},
    {"F15: a cut before 150: both replies are swallowed", 0,
     EPSV "C STOR f\n"
          "= began\n"
          "= connect 2000 P up\n"
          "! connected\n"
          "< STOR f\n"
          "= start\n"
          "! cut\n"
          "= abort begun\n"
          "= deadline 30000\n"
          "b 150 go on\\r\\n426 broken\\r\\n\n"
          "> 426 The data connection was cut; the transfer is incomplete.\n"
          "= transfer STOR 426 client-cut\n" STILL_ALIVE},
    {"F15: the backend has nothing more to say about it", 0,
     STOR_150 "! cut\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "! expired\n"
              "> 426 The data connection was cut; the transfer is incomplete.\n"
              "= transfer STOR 426 client-cut\n"
              "> 421 The server behind this one does not answer.\n"
              "= end backend-protocol\n"},
    {"F15: the backend's data connection breaks; it says why", 0,
     RETR_150 "! backend-cut\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 451 read error\n"
              "> 451 read error\n"
              "= transfer RETR 451 backend-failed\n"},
    {"F17: nothing was begun, so nothing is cut (ProFTPD resets its data connection in front of its 550)", 0,
     RETR "! backend-cut\n"
          "= abort\n"
          "= deadline 30000\n"
          "B 550 nothing\n"
          "> 550 nothing\n"
          "= transfer RETR 550 backend-failed\n" STILL_ALIVE},
    {"F15: ... or thinks that all is well", 0,
     RETR_150 "! backend-cut\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 226 complete\n"
              "> 426 The data connection of the server behind was cut.\n"
              "= transfer RETR 426 backend-failed\n"},
    {"F15: the backend dies in a download", 0,
     RETR_150 "! backend-lost\n"
              "= abort begun\n"
              "= transfer RETR 421 backend-failed\n"
              "> 421 The server behind this one is not available.\n"
              "= end backend-closed\n"},
    {"F15: ... with a last word", 0,
     RETR_150 "B 421 going down\n"
              "= abort begun\n"
              "= transfer RETR 421 backend-failed\n"
              "> 421 going down\n"
              "= end backend-closed\n"},
    {"F15: a positive reply to an upload that has not ended", 0,
     STOR_150 "B 226 complete\n"
              "= complete\n"
              "! incomplete\n"
              "= abort begun\n"
              "> 426 The server ended the transfer before its data.\n"
              "= transfer STOR 426 backend-protocol\n" STILL_ALIVE},
    {"the client goes in the middle", 0,
     STOR_150 "! client-lost\n"
              "= abort begun\n"
              "= transfer STOR 0 client-closed\n"
              "= end client-closed\n"},
    {"F14: 421 between transfers when draining", 0, RETR_150 "! drain\n" RETR_ENDS_THEN_421},
    {"F14: who has a passive port and begins nothing has had its time", 0,
     EPSV "! drain\n"
          "= deadline 20000\n"
          "C NOOP\n"
          "< NOOP\n"
          "! expired\n"
          "B 200 ok\n"
          "> 200 ok\n"
          "> 421 The service is closing.\n"
          "= end stopping\n"},
    {"F14: ... also one who says nothing", 0,
     EPSV "! drain\n"
          "= deadline 20000\n"
          "! expired\n"
          "> 421 The service is closing.\n"
          "= end stopping\n"},
    {"F14: a transfer that was begun in time is not cut when it is over", 0,
     EPSV "! drain\n"
          "= deadline 20000\n"
          "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "! expired\n"
          "! connected\n"
          "< RETR f\n"
          "= start\n"
          "! expired\n" RETR_ENDS_THEN_421},
    {"F14: a transfer begins with its passive port: 421 comes after it", 0,
     EPSV "! drain\n"
          "= deadline 20000\n"
          "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "! connected\n"
          "< RETR f\n"
          "= start\n"
          "B 150 coming\n"
          "> 150 coming\n" RETR_ENDS_THEN_421},
    {"nothing that comes late or twice does anything", 0,
     RETR_150 "! connected\n"
              "! done\n"
              "! expired\n"
              "B 226 complete\n"
              "= complete\n"
              "! done\n"
              "> 226 complete\n"
              "= transfer RETR 226 done\n"
              "! done\n"
              "! cut\n"
              "! expired\n" STILL_ALIVE},
};

static const struct ftp_script during_scripts[] = {
    {"F11: only STAT and ABOR act", 0,
     RETR_150 "C NOOP\n"
              "C PWD\n"
              "C STAT\n"
              "> 211 A transfer is under way.\n"
              "C STAT x\n"
              "> 211 A transfer is under way.\n"
              "B 226 complete\n"
              "= complete\n"
              "! done\n"
              "> 226 complete\n"
              "= transfer RETR 226 done\n"
              "< NOOP\n"
              "B 200 ok\n"
              "> 200 ok\n"
              "< PWD\n"},
    {"F11: ABOR, with Telnet's signs", 0,
     RETR_150 "C NOOP\n"
              "c \\xff\\xf4\\xff\\xf2\n"
              "C ABOR\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 426 broken\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer RETR 426 aborted\n"
              "< NOOP\n"},
    {"F11, F15: ABOR of an upload cuts it at the backend, whatever that makes of it", 0,
     STOR_150 "C ABOR\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 226 complete\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer STOR 426 aborted\n" STILL_ALIVE},
    {"F11, F15: ABOR of an upload that the backend thinks to be complete while bytes are on their way", 0,
     STOR_150 "B 226 complete\n"
              "= complete\n"
              "C ABOR\n"
              "= abort begun\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer STOR 426 aborted\n"
              "! done\n" STILL_ALIVE},
    {"F11: ABOR of a transfer that was quicker at the backend", 0,
     RETR_150 "C ABOR\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 226 complete\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer RETR 426 aborted\n" STILL_ALIVE},
    {"F11: a backend whose last word about a cut transfer is a second 150", 0,
     RETR_150 "C ABOR\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 150 0.001 seconds\n"
              "< NOOP\n"
              "B 200 zzz\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer RETR 426 aborted\n" STILL_ALIVE},
    {"F11: ... or that says more all the same, and does not know NOOP", 0,
     RETR_150 "C ABOR\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "B 150 still\n"
              "< NOOP\n"
              "B 150 still\n"
              "B 451 broken\n"
              "B 500 what\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer RETR 426 aborted\n" STILL_ALIVE},
    {"F11: a first 150 that comes after ABOR is none of them", 0,
     RETR "C ABOR\n"
          "= abort begun\n"
          "= deadline 30000\n"
          "B 150 here it comes\n"
          "B 426 broken\n"
          "> 426 The transfer is aborted.\n"
          "> 226 ABOR is done.\n"
          "= transfer RETR 426 aborted\n" STILL_ALIVE},
    {"F11: ABOR while the client's data is on its way", 0,
     RETR_150 "B 226 complete\n"
              "= complete\n"
              "C ABOR\n"
              "= abort begun\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer RETR 426 aborted\n"
              "! done\n" STILL_ALIVE},
    {"F11: ABOR before the command was forwarded", 0,
     EPSV "C RETR f\n"
          "= began\n"
          "= connect 2000 P down\n"
          "C ABOR\n"
          "= abort begun\n"
          "> 426 The transfer is aborted.\n"
          "> 226 ABOR is done.\n"
          "= transfer RETR 426 aborted\n"
          "! connected\n" STILL_ALIVE},
    {"F11: ABOR of what has failed already, and twice", 0,
     RETR_150 "! cut\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "C ABOR\n"
              "C ABOR\n"
              "B 426 broken\n"
              "> 426 The data connection was cut; the transfer is incomplete.\n"
              "= transfer RETR 426 client-cut\n"
              "> 226 Nothing to abort.\n"
              "> 226 Nothing to abort.\n"},
    {"F11: ABOR without a transfer", 0,
     "C ABOR\n"
     "> 226 Nothing to abort.\n"},
    {"F11: no final reply within 30 s", 0,
     RETR_150 "C ABOR\n"
              "= abort begun\n"
              "= deadline 30000\n"
              "! expired\n"
              "> 426 The transfer is aborted.\n"
              "> 226 ABOR is done.\n"
              "= transfer RETR 426 aborted\n"
              "> 421 The server behind this one does not answer.\n"
              "= end backend-protocol\n"},
    {"F11: ABOR pipelined behind its transfer", 0,
     EPSV "c RETR f\\r\\nABOR\\r\\nPWD\\r\\n\n"
          "= began\n"
          "= connect 2000 P down\n"
          "= abort begun\n"
          "> 426 The transfer is aborted.\n"
          "> 226 ABOR is done.\n"
          "= transfer RETR 426 aborted\n"
          "< PWD\n"},
    {"transfers pipelined", CONNECT_FAILS,
     "c RETR f\\r\\nRETR g\\r\\nPWD\\r\\n\n"
     "= began\n"
     "> 425 Say EPSV or PASV first.\n"
     "= transfer RETR 425 refused\n"
     "= began\n"
     "> 425 Say EPSV or PASV first.\n"
     "= transfer RETR 425 refused\n"
     "< PWD\n"},
};

static void f9_c6_passive(void **state)
{
    (void)state;
    PLAY_ALL(passive_scripts, ftp_script_play_logged_in);
}

static void f5_protection(void **state)
{
    (void)state;
    PLAY_ALL(protection_scripts, ftp_script_play_logged_in);
    ftp_script_play(&clear_script);
}

static void f14_f15_f17_transfers(void **state)
{
    (void)state;
    PLAY_ALL(transfer_scripts, ftp_script_play_logged_in);
}

static void f11_during_a_transfer(void **state)
{
    (void)state;
    PLAY_ALL(during_scripts, ftp_script_play_logged_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f9_c6_passive),
        cmocka_unit_test(f5_protection),
        cmocka_unit_test(f14_f15_f17_transfers),
        cmocka_unit_test(f11_during_a_transfer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
