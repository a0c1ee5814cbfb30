#include "spawn.h"

#include "channel.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef P11GATE_LIBEXECDIR
#define P11GATE_LIBEXECDIR "/usr/libexec/p11gate"
#endif

/* Opened programs stand above every descriptor that a child is given a meaning for. */
enum { PROGRAM_FD_FLOOR = 16 };

static int program_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), moved;

    if (fd < 0)
        return -1;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, PROGRAM_FD_FLOOR);
    close(fd);
    return moved;
}

/* The folder of the running program, without the slash. */
static bool own_folder(char folder[PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    char *slash;

    if (len <= 0)
        return false;
    folder[len] = '\0';
    slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

/* Beside us when installed together, in the build tree, or where packages put helpers. */
static int signer_open(struct err *err)
{
    static const char *const places[] = {"p11gate-signer", "../pkcs11/p11gate-signer"};
    char folder[PATH_MAX], path[PATH_MAX + 64];
    int fd = -1;

    if (own_folder(folder)) {
        for (size_t i = 0; fd < 0 && i < 2; i++) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, places[i]);
            fd = program_open(path);
        }
    }
    if (fd < 0)
        fd = program_open(P11GATE_LIBEXECDIR "/p11gate-signer");
    if (fd < 0)
        err_errno(err, "cannot find p11gate-signer beside p11gate or in %s", P11GATE_LIBEXECDIR);
    return fd;
}

bool programs_open(struct programs *out, struct err *err)
{
    out->signer = -1;
    out->self = program_open("/proc/self/exe");
    if (out->self < 0) {
        err_errno(err, "cannot open /proc/self/exe");
        return false;
    }
    out->signer = signer_open(err);
    return out->signer >= 0;
}

void programs_close(struct programs *programs)
{
    if (programs->self >= 0)
        close(programs->self);
    if (programs->signer >= 0)
        close(programs->signer);
    programs->self = programs->signer = -1;
}

/* -- in the child, between fork and exec ------------------------------------------------------- */

static bool place_descriptors(int channel)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        return false;
    if (channel == CHANNEL_FD ? fcntl(channel, F_SETFD, 0) < 0 : dup2(channel, CHANNEL_FD) < 0)
        return false;
    return syscall(SYS_close_range, CHANNEL_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

/* What a service manager, a terminal or a person sends to every process of ours is the supervisor's to act
 * on: transfers end, and logs are opened anew, by its word. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What sanitizer builds need, and nothing else. */
static void keep_options(const char *kept[4])
{
    static const char *const names[] = {"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS="};
    size_t count = 0;

    for (size_t i = 0; i < 3; i++)
        for (char **entry = environ; *entry; entry++)
            if (count < 3 && strncmp(*entry, names[i], strlen(names[i])) == 0)
                kept[count++] = *entry;
    kept[count] = NULL;
}

static void execute(const struct spawn_plan *plan)
{
    const char *kept[4];
    const char *const *environment = (const char *const *)environ;

    if (!plan->inherit_environment) {
        keep_options(kept);
        environment = kept;
    }
    (void)syscall(SYS_execveat, plan->program, "", plan->arguments, environment, AT_EMPTY_PATH);
}

static _Noreturn void child_main(const struct spawn_plan *plan, int channel, pid_t parent)
{
    const char *failed = "cannot set up its descriptors";
    struct err err;

    (void)setsid();
    if (!place_descriptors(channel))
        goto fault;
    failed = "cannot take the ids of its user";
    if (!account_become(plan->account))
        goto fault;
    /* After setuid, which clears it; and the supervisor may have died before it was set. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(CHILD_EXIT_AGAIN);
    reset_signals();
    execute(plan);
    failed = "cannot be executed by its user";

fault:
    err_errno(&err, "%s %s", plan->arguments[0], failed);
    (void)message_send_text(CHANNEL_FD, MESSAGE_FAULT, CHILD_EXIT_CONFIGURATION, err.text);
    _exit(CHILD_EXIT_CONFIGURATION);
}

pid_t spawn(const struct spawn_plan *plan, int *channel, struct err *err)
{
    sigset_t all, before;
    int ends[2];
    pid_t parent = getpid(), child;

    *channel = -1;
    if (!channel_pair(ends, err))
        return -1;
    /* A signal in the child before exec would run the supervisor's handlers on the shared loop. */
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    child = fork();
    if (child == 0)
        child_main(plan, ends[1], parent);
    if (child < 0)
        err_errno(err, "cannot fork");
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -1;
    }
    *channel = ends[0];
    return child;
}
