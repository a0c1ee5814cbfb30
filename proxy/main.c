/*
 * The command line. p11gate starts as the supervisor; the supervisor starts the same program again as
 * a worker or as the housekeeper (--process, not for people).
 */
#include "ctl.h"
#include "housekeeper.h"
#include "spawn.h"
#include "supervisor.h"
#include "worker.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

#define DEFAULT_CONFIGURATION "/etc/p11gate/p11gate.conf"

static const char usage[] =
    "usage: p11gate [-c FILE] [--force-login]       run in the foreground\n"
    "       p11gate -t [-c FILE] [--no-token]       check the configuration and the tokens\n"
    "       p11gate keys [--module FILE] [--token URI]   list the keys, ready to paste\n"
    "       p11gate ctl [-s SOCKET] status|reload   talk to a running p11gate (p11gate ctl --help)\n"
    "       p11gate --version | --help\n"
    "\n"
    "  -c, --config FILE   the configuration (" DEFAULT_CONFIGURATION ")\n"
    "  -t, --check         say whether the configuration is fine; exit 0, 1 or 77\n"
    "      --no-token      with -t: leave the tokens alone\n"
    "      --force-login   log in although a token warns of its last tries\n"
    "\n"
    "Exit codes: 0 fine, 1 the configuration is wrong, 2 wrong usage, 77 a token refused the PIN.\n"
    "Signals: HUP reload, TERM stop, TERM again stop now, USR1 reopen logs.\n";

static int run_process(const char *name)
{
    if (strcmp(name, "worker") == 0) {
        (void)prctl(PR_SET_NAME, "p11gate-worker", 0, 0, 0);
        return worker_main();
    }
    if (strcmp(name, "housekeeper") == 0) {
        (void)prctl(PR_SET_NAME, "p11gate-keeper", 0, 0, 0);
        return housekeeper_main();
    }
    (void)fprintf(stderr, "p11gate: no process is called \"%s\"\n", name);
    return EXIT_USAGE;
}

/* p11gate-signer is what has the libraries for it. */
static int run_keys(char **argv)
{
    static char keys[] = "--keys";
    struct programs programs;
    struct err err;

    argv[1] = keys;
    if (programs_open(&programs, &err)) {
        (void)fexecve(programs.signer, argv, environ);
        err_errno(&err, "p11gate-signer cannot be started");
    }
    (void)fprintf(stderr, "p11gate: %s\n", err.text);
    return 1;
}

enum { OPTION_NO_TOKEN = 256, OPTION_FORCE_LOGIN, OPTION_VERSION, OPTION_HELP };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, 't'},
    {"no-token", no_argument, NULL, OPTION_NO_TOKEN},
    {"force-login", no_argument, NULL, OPTION_FORCE_LOGIN},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct supervisor_options *options)
{
    int option;

    while ((option = getopt_long(argc, argv, "c:t", long_options, NULL)) >= 0) {
        switch (option) {
        case 'c':
            options->configuration = optarg;
            break;
        case 't':
            options->check = true;
            break;
        case OPTION_NO_TOKEN:
            options->no_token = true;
            break;
        case OPTION_FORCE_LOGIN:
            options->force_login = true;
            break;
        case OPTION_VERSION:
            (void)printf("p11gate %s\n", P11GATE_VERSION);
            return 0;
        case OPTION_HELP:
            (void)fputs(usage, stdout);
            return 0;
        default:
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc)
        (void)fprintf(stderr, "p11gate: \"%s\" is not an option\n%s", argv[optind], usage);
    else if (options->no_token && !options->check)
        (void)fprintf(stderr, "p11gate: --no-token goes with -t\n%s", usage);
    else
        return -1;
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct supervisor_options options = {.configuration = DEFAULT_CONFIGURATION};
    int code;

    if (argc == 3 && strcmp(argv[1], "--process") == 0)
        return run_process(argv[2]);
    if (argc >= 2 && strcmp(argv[1], "keys") == 0)
        return run_keys(argv);
    if (argc > 1 && strcmp(argv[1], "ctl") == 0)
        return ctl_main(argc - 1, argv + 1);
    code = read_options(argc, argv, &options);
    return code >= 0 ? code : supervisor_main(&options);
}
