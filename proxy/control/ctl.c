#include "ctl.h"

#include "buf.h"
#include "ctl_status.h"
#include "err.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CTL_DONE, CTL_FAILED, CTL_USAGE };
enum { ANSWER_MAX = 16 * 1024 * 1024, READ_BYTES = 65536, OPTION_JSON = 256 };

#define DEFAULT_SOCKET "/run/p11gate/control"

static const char usage[] =
    "usage: p11gate ctl [-s SOCKET] [--json] status    generations, keystores and listeners of a running "
    "p11gate\n"
    "       p11gate ctl [-s SOCKET] reload             read the configuration anew, and wait for the "
    "outcome\n"
    "       p11gate ctl [-s SOCKET] unban IP           end the ban of an address; all: every ban\n"
    "       p11gate ctl [-s SOCKET] [--json] sessions  who is connected\n"
    "       p11gate ctl [-s SOCKET] kick ID            end a session\n"
    "       p11gate ctl [-s SOCKET] disable WHAT       close a listener (an alias, or group:NAME); or\n"
    "                                                  backend:HOST:PORT: no new sessions for it\n"
    "       p11gate ctl [-s SOCKET] enable WHAT        take that back\n"
    "       p11gate ctl [-s SOCKET] drain              no new sessions; end with the last that there is\n"
    "       p11gate ctl [-s SOCKET] reopen-logs        open the log's file anew, as USR1 does\n"
    "\n"
    "  -s, --socket SOCKET   admin.control-socket of the configuration (" DEFAULT_SOCKET ")\n"
    "      --json            the answer for machines\n";

struct request {
    const char *socket, *command, *argument; /* argument "": none */
    bool json;
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int wants_argument(const char *command)
{
    static const char *const words[] = {"unban", "disable", "enable", "kick"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(command, words[i]) == 0)
            return 1;
    return 0;
}

/* -1: go on; else the exit code. */
static int read_request(int argc, char **argv, struct request *request)
{
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "s:h", long_options, NULL)) >= 0) {
        if (option == 's') {
            request->socket = optarg;
        } else if (option == OPTION_JSON) {
            request->json = true;
        } else {
            (void)fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? CTL_DONE : CTL_USAGE;
        }
    }
    if (optind >= argc || argc - optind != 1 + wants_argument(argv[optind])) {
        (void)fputs(usage, stderr);
        return CTL_USAGE;
    }
    request->command = argv[optind];
    request->argument = wants_argument(argv[optind]) ? argv[optind + 1] : "";
    return -1;
}

static int ctl_connect(const char *path, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = -1;

    if (strlen(path) >= sizeof at.sun_path) {
        err_set(err, "%s: a socket's path has at most %zu bytes", path, sizeof at.sun_path - 1);
        return -1;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    err_errno(err, "cannot reach p11gate at %s", path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool ctl_ask(int fd, const struct request *request, struct buf *answer, struct err *err)
{
    struct buf line;
    ssize_t got = -1;
    bool sent;

    buf_init(&line, READ_BYTES);
    sent =
        buf_printf(&line, request->argument[0] ? "%s %s\n" : "%s%s\n", request->command, request->argument) &&
        send(fd, buf_data(&line), buf_len(&line), MSG_NOSIGNAL) == (ssize_t)buf_len(&line);
    buf_free(&line);
    while (sent) {
        uint8_t *room = buf_reserve(answer, READ_BYTES);

        got = room ? recv(fd, room, READ_BYTES, 0) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        buf_commit(answer, (size_t)got);
    }
    if (sent && got == 0 && buf_len(answer))
        return true;
    if (sent && got == 0)
        err_set(err, "p11gate gave no answer: it refused this user, or ended");
    else
        err_errno(err, "asking p11gate");
    return false;
}

/* The first line is the outcome; false: it is none. */
static bool take_outcome(struct buf *answer, bool *done)
{
    static const struct {
        const char *word;
        size_t len;
        bool done;
    } outcomes[] = {{"ok\n", 3, true}, {"error\n", 6, false}};

    for (size_t i = 0; i < 2; i++) {
        if (buf_len(answer) < outcomes[i].len ||
            memcmp(buf_data(answer), outcomes[i].word, outcomes[i].len) != 0)
            continue;
        *done = outcomes[i].done;
        buf_take(answer, outcomes[i].len);
        return true;
    }
    return false;
}

static void print(FILE *where, struct buf *text)
{
    if (!buf_len(text))
        return;
    (void)fwrite(buf_data(text), 1, buf_len(text), where);
    if (buf_data(text)[buf_len(text) - 1] != '\n')
        (void)fputc('\n', where);
}

/* JSON as text for a person. */
static void print_json(const struct request *request, struct buf *answer,
                       bool (*say)(const char *json, size_t len, struct buf *out))
{
    struct buf text;

    buf_init(&text, ANSWER_MAX);
    if (request->json || !say((const char *)buf_data(answer), buf_len(answer), &text))
        print(stdout, answer);
    else
        print(stdout, &text);
    buf_free(&text);
}

static void print_reload(const struct request *request, bool done, struct buf *answer)
{
    bool policy = done && buf_len(answer) >= 6 && memcmp(buf_data(answer), "policy", 6) == 0;

    if (request->json)
        (void)printf("{\"done\": %s, \"kind\": \"%s\"}\n", done ? "true" : "false",
                     !done    ? ""
                     : policy ? "policy"
                              : "generation");
    else if (done)
        (void)printf(policy ? "reloaded: the policy, in running workers\n"
                            : "reloaded: a new generation serves\n");
    if (!done)
        print(stderr, answer);
}

int ctl_main(int argc, char **argv)
{
    struct request request = {.socket = DEFAULT_SOCKET};
    struct buf answer;
    struct err err = {.text = ""};
    int code = read_request(argc, argv, &request), fd;
    bool done = false;

    if (code >= 0)
        return code;
    buf_init(&answer, ANSWER_MAX);
    fd = ctl_connect(request.socket, &err);
    if (fd < 0 || !ctl_ask(fd, &request, &answer, &err))
        (void)fprintf(stderr, "p11gate ctl: %s\n", err.text);
    else if (!take_outcome(&answer, &done))
        (void)fprintf(stderr, "p11gate ctl: an answer that is none came from %s\n", request.socket);
    else if (strcmp(request.command, "reload") == 0)
        print_reload(&request, done, &answer);
    else if (done && strcmp(request.command, "status") == 0)
        print_json(&request, &answer, ctl_status_text);
    else if (done && strcmp(request.command, "sessions") == 0)
        print_json(&request, &answer, ctl_sessions_text);
    else if (done)
        print(stdout, &answer);
    else
        print(stderr, &answer);
    if (fd >= 0)
        close(fd);
    buf_free(&answer);
    return done ? CTL_DONE : CTL_FAILED;
}
