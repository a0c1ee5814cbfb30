/*
 * What a child finds when it starts. This program starts itself: as a child it looks around and sends what
 * it sees over its channel.
 */
#include "unit.h"

#include "message.h"
#include "spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, OTHER_GROUP = 65533 };

static struct channel_message message;

/* -- the child --------------------------------------------------------------------------------- */

/* Open descriptors, but for the one that reads their list. */
static void see_descriptors(char *out, size_t size)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t len = 0;
    bool open[64] = {false};

    for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        long fd = strtol(entry->d_name, NULL, 10);

        if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < 64)
            open[fd] = true;
    }
    out[0] = '\0';
    for (int fd = 0; fd < 64; fd++)
        if (open[fd])
            len += (size_t)snprintf(out + len, size - len, "%d,", fd);
    if (dir)
        closedir(dir);
}

static void see_signals(char *out, size_t size)
{
    struct sigaction action;
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM};
    sigset_t mask;
    size_t ignored = 0, handled = 0, blocked = 0;

    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    /* Not all: a sanitizer has handlers of its own. */
    for (size_t i = 0; i < ROWS(numbers); i++) {
        int number = numbers[i];

        (void)sigaction(number, NULL, &action);
        ignored += action.sa_handler == SIG_IGN;
        handled += action.sa_handler != SIG_IGN && action.sa_handler != SIG_DFL;
        blocked += sigismember(&mask, number) == 1;
    }
    (void)sigaction(SIGPIPE, NULL, &action);
    (void)snprintf(out, size, "%zu/%zu/%zu/%s", ignored, handled, blocked,
                   action.sa_handler == SIG_IGN ? "pipe-ignored" : "pipe-default");
}

static int look_around(int argc, char **argv)
{
    char text[4000], descriptors[512], signals[64];
    struct stat null, in;
    int death = 0;
    gid_t groups[8];

    see_descriptors(descriptors, sizeof descriptors);
    see_signals(signals, sizeof signals);
    (void)prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
    if (stat("/dev/null", &null) || fstat(STDIN_FILENO, &in))
        return 9;
    (void)snprintf(
        text, sizeof text,
        "argc=%d last=%s fds=%s stdin=%s signals=%s death=%d leader=%d uid=%u euid=%u gid=%u groups=%d "
        "secret=%s lsan=%s path=%s",
        argc, argv[argc - 1], descriptors, null.st_rdev == in.st_rdev ? "null" : "other", signals, death,
        getsid(0) == getpid(), (unsigned)getuid(), (unsigned)geteuid(), (unsigned)getgid(),
        getgroups(8, groups), getenv("SECRET") ? "seen" : "none", getenv("LSAN_OPTIONS") ? "seen" : "none",
        getenv("PATH") ? "seen" : "none");
    (void)message_send_text(CHANNEL_FD, MESSAGE_FAULT, 5, text);
    return 5;
}

/* -- the parent -------------------------------------------------------------------------------- */

static int self(void)
{
    int low = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = fcntl(low, F_DUPFD_CLOEXEC, 16);

    assert_true(fd >= 0);
    close(low);
    return fd;
}

/* What the child says, and its exit code. */
static int run(const struct spawn_plan *plan, char *out, size_t size)
{
    struct err err;
    uint32_t number;
    const char *text;
    int channel, status = -1;
    pid_t child = spawn(plan, &channel, &err);

    assert_true(child > 0);
    assert_int_equal(fcntl(channel, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(channel_wait(channel, 20000, &message, &err), CHANNEL_OK);
    assert_true(message_read_text(&message, &number, &text));
    (void)snprintf(out, size, "%s ", text);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(channel);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), number);
    return WEXITSTATUS(status);
}

static const char *const child_arguments[] = {"test", "--child", "the last", NULL};

static void says(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("not \"%s\" in \"%s\"", wanted, text);
}

static void a_child_finds_its_channel_and_nothing_else(void **state)
{
    const struct account own = {.change = false};
    const struct spawn_plan plan = {.program = self(), .arguments = child_arguments, .account = &own};
    int stray = open("/dev/zero", O_RDONLY), high = fcntl(stray, F_DUPFD, 40);
    char text[4096];

    (void)state;
    (void)signal(SIGALRM, SIG_IGN);
    assert_int_equal(run(&plan, text, sizeof text), 5);
    says(text, "argc=3 last=the last ");
    says(text, " fds=0,1,2,3, ");
    says(text, " stdin=null ");
    says(text, " signals=6/0/0/pipe-ignored ");
    says(text, " death=9 ");
    says(text, " leader=1 ");
    close(stray);
    close(high);
    close(plan.program);
}

static void a_workers_environment_is_empty_and_a_signers_is_ours(void **state)
{
    const struct account own = {.change = false};
    struct spawn_plan plan = {.program = self(), .arguments = child_arguments, .account = &own};
    char text[4096];

    (void)state;
    assert_int_equal(setenv("SECRET", "1", 1), 0);
    assert_int_equal(setenv("LSAN_OPTIONS", "verbosity=0", 1), 0);
    (void)run(&plan, text, sizeof text);
    says(text, " secret=none lsan=seen path=none ");
    plan.inherit_environment = true;
    (void)run(&plan, text, sizeof text);
    says(text, " secret=seen lsan=seen ");
    close(plan.program);
}

static void a_child_has_the_ids_of_its_account(void **state)
{
    const struct account nobody = {
        .change = true, .uid = NOBODY, .gid = NOBODY, .groups = {NOBODY, OTHER_GROUP}, .group_count = 2};
    const struct spawn_plan plan = {.program = self(), .arguments = child_arguments, .account = &nobody};
    char text[4096];

    (void)state;
    if (geteuid() != 0)
        skip();
    (void)run(&plan, text, sizeof text);
    says(text, " uid=65534 euid=65534 gid=65534 groups=2 ");
    /* setuid clears it. */
    says(text, " death=9 ");
    close(plan.program);
}

static void a_program_that_cannot_run_says_so(void **state)
{
    static const char *const arguments[] = {"p11gate-signer", NULL};
    const struct account own = {.change = false};
    const struct spawn_plan plan = {
        .program = open("/etc/passwd", O_RDONLY | O_CLOEXEC), .arguments = arguments, .account = &own};
    char text[4096];

    (void)state;
    assert_int_equal(run(&plan, text, sizeof text), CHILD_EXIT_CONFIGURATION);
    says(text, "p11gate-signer cannot be executed by its user: Permission denied");
    close(plan.program);
}

static void an_account_that_does_not_exist_is_named(void **state)
{
    struct account account;
    struct err err;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_false(account_find("signer-user", "no-such-user-here", &account, &err));
    says(err.text, "signer-user = \"no-such-user-here\": there is no such user (useradd ");
    assert_false(account_find("user", "root", &account, &err));
    says(err.text, "root is not allowed");
    assert_true(account_find("user", "nobody", &account, &err));
    assert_true(account.change);
    assert_int_equal(account.uid, NOBODY);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_finds_its_channel_and_nothing_else),
        cmocka_unit_test(a_workers_environment_is_empty_and_a_signers_is_ours),
        cmocka_unit_test(a_child_has_the_ids_of_its_account),
        cmocka_unit_test(a_program_that_cannot_run_says_so),
        cmocka_unit_test(an_account_that_does_not_exist_is_named),
    };

    if (argc > 1 && strcmp(argv[1], "--child") == 0)
        return look_around(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
