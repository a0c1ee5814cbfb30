/* REST and RANG: the backend keeps them for the next transfer that it hears of, and so a transfer that it
 * never hears of takes them along. And replies that are awaited for long, or are long. */
#include "ftp_script.h"
#include "unit.h"

#define REST                                                                                                 \
    "C REST 5000\n"                                                                                          \
    "< REST 5000\n"                                                                                          \
    "B 350 ok\n"                                                                                             \
    "> 350 ok\n"
#define TAKEN_BACK                                                                                           \
    "< REST 0\n"                                                                                             \
    "B 350 ok\n"
#define STOR                                                                                                 \
    "C STOR f\n"                                                                                             \
    "= began\n"                                                                                              \
    "= connect 2000 P up\n"
#define UNHEARD_OF                                                                                           \
    "C STOR f\n"                                                                                             \
    "= began\n"                                                                                              \
    "> 425 Say EPSV or PASV first.\n"                                                                        \
    "= transfer STOR 425 refused\n"

#define STILL_ALIVE                                                                                          \
    "C PWD\n"                                                                                                \
    "< PWD\n"

static const struct ftp_script scripts[] = {
    {"a REST counts for the transfer behind it", 0,
     EPSV REST STOR "! connected\n"
                    "< STOR f\n"
                    "= start\n"
                    "B 150 go on\n"
                    "> 150 go on\n"
                    "B 226 complete\n"
                    "= complete\n"
                    "! done\n"
                    "> 226 complete\n"
                    "= transfer STOR 226 done\n" UNHEARD_OF},
    {"425: nothing is set up", 0, REST UNHEARD_OF TAKEN_BACK UNHEARD_OF},
    {"... and what the client has sent meanwhile waits", 0,
     REST "c STOR f\\r\\nABOR\\r\\nPWD\\r\\n\n"
          "= began\n"
          "> 425 Say EPSV or PASV first.\n"
          "= transfer STOR 425 refused\n" TAKEN_BACK "> 226 Nothing to abort.\n"
          "< PWD\n"},
    {"522: TLS on the data connection has failed", CONNECT_FAILS,
     EPSV REST STOR "= abort begun\n"
                    "> 522 TLS on the data connection failed.\n"
                    "= transfer STOR 522 data-tls-failed\n" TAKEN_BACK},
    {"425: the backend's data port does not accept", 0,
     EPSV REST STOR "! no-backend\n"
                    "= abort begun\n"
                    "> 425 The data connection to the server behind failed.\n"
                    "= transfer STOR 425 backend-unreachable\n" TAKEN_BACK},
    {"ABOR before the command was forwarded", 0,
     EPSV REST STOR "C ABOR\n"
                    "= abort begun\n"
                    "> 426 The transfer is aborted.\n"
                    "> 226 ABOR is done.\n"
                    "= transfer STOR 426 aborted\n" TAKEN_BACK},
    {"502: allow-commands has REST and no APPE", ALLOW_COMB,
     REST "C APPE f\n"
          "> 502 This command is not allowed here.\n"
          "= refused APPE\n" TAKEN_BACK},
    {"a REST that is said anew counts", 0,
     REST UNHEARD_OF TAKEN_BACK REST EPSV STOR "! connected\n"
                                               "< STOR f\n"
                                               "= start\n"},
    {"one that the backend refuses leaves nothing behind", 0,
     "C REST x\n"
     "< REST x\n"
     "B 501 what\n"
     "> 501 what\n" UNHEARD_OF UNHEARD_OF},
    {"350 to another command is none", 0,
     "C RNFR a\n"
     "< RNFR a\n"
     "B 350 to what\n"
     "> 350 to what\n" UNHEARD_OF UNHEARD_OF},
    {"RANG", 0,
     "C RANG 5 9\n"
     "< RANG 5 9\n"
     "B 350 ok\n"
     "> 350 ok\n" UNHEARD_OF "< RANG 1 0\n"
     "B 350 ok\n" UNHEARD_OF},
    {"a backend that does not take it back is left", 0,
     REST UNHEARD_OF "< REST 0\n"
                     "B 501 no\n"
                     "> 421 The server behind this one does not speak FTP.\n"
                     "= end backend-protocol\n"},
    {"REIN leaves it behind with its backend", 0,
     REST "C REIN\n"
          "= drop-backend\n"
          "= abort\n"
          "> 220 Ready for a new user.\n"
          "= begin-anew\n"
          "= connect-backend\n"
          "B 220 again\n"
          "C USER x\n"
          "< USER x\n"
          "B 230 ok\n"
          "> 230 ok\n"
          "= login x 230\n" UNHEARD_OF STILL_ALIVE},
};

static const struct ftp_script clear_script = {"521: the data connection is not protected", 0,
                                               AUTH_START WELCOME_ACME REST
                                               "C STOR f\n"
                                               "= began\n"
                                               "> 521 Data connections must be protected: say PROT P.\n"
                                               "= transfer STOR 521 refused\n" TAKEN_BACK};

static const struct ftp_script silence_scripts[] = {
    {"a backend that never answers", 0,
     "C XSHA256 huge\n"
     "< XSHA256 huge\n"
     "! silent\n"
     "> 421 The server behind this one does not answer.\n"
     "= end response-timeout\n"},
};

static void what_no_transfer_has_used_is_taken_back(void **state)
{
    (void)state;
    PLAY_ALL(scripts, ftp_script_play_logged_in);
    ftp_script_play(&clear_script);
}

static void a_backend_may_not_be_silent_for_ever(void **state)
{
    (void)state;
    PLAY_ALL(silence_scripts, ftp_script_play_logged_in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_transfer_has_used_is_taken_back),
        cmocka_unit_test(a_backend_may_not_be_silent_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
