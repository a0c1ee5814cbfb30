/*
 * The sandbox, proven one promise after the other: each case runs in a child of its own, which enters the
 * sandbox and then does what an intruder would do. What a sanitizer needs open is not asked
 * of a relaxed build.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "sandbox_parts.h"

enum { FINE = 0, WRONG = 1, NOT_ENTERED = 2 };

#ifdef P11GATE_RELAXED_SANDBOX
enum { RELAXED = 1 };
#else
enum { RELAXED = 0 };
#endif

static pid_t parent;

static void enter_whole(void)
{
    struct err warning, err;

    sandbox_hide();
    if (!sandbox_enter(false, &warning, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        _exit(NOT_ENTERED);
    }
}

static void enter_landlock_alone(void)
{
    struct err warning = {.text = ""}, err;

    if (!sandbox_no_new_privs(&err) || !sandbox_landlock(&warning, &err) || warning.text[0]) {
        (void)fprintf(stderr, "%s%s\n", warning.text, err.text);
        _exit(NOT_ENTERED);
    }
}

static void enter_seccomp_alone(void)
{
    struct err err;

    if (!sandbox_no_new_privs(&err) || !sandbox_seccomp(false, &err))
        _exit(NOT_ENTERED);
}

static void enter_with_names(void)
{
    struct err warning, err;

    sandbox_hide();
    if (!sandbox_enter(true, &warning, &err))
        _exit(NOT_ENTERED);
}

/* How the child ended: its exit code, or 1000 + the signal. */
static int run(void (*enter)(void), int (*act)(void))
{
    pid_t child;
    int status = -1;

    parent = getpid();
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        enter();
        _exit(act());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int refused_with(long result, int wanted)
{
    if (result == -1 && errno == wanted)
        return FINE;
    (void)fprintf(stderr, "result %ld, errno %d (%s)\n", result, errno, strerror(errno));
    return WRONG;
}

/* -- files ------------------------------------------------------------------------------------- */

static int opens_by_openat(void)
{
    return refused_with(open("/dev/null", O_RDONLY | O_CLOEXEC), EACCES);
}

static int opens_by_open(void)
{
    return refused_with(syscall(SYS_open, "/dev/null", O_RDONLY), EACCES);
}

static int opens_by_openat2(void)
{
    uint64_t how[3] = {O_RDONLY, 0, 0};

    return refused_with(syscall(SYS_openat2, AT_FDCWD, "/dev/null", how, sizeof how), EACCES);
}

static int creates(void)
{
    return refused_with(syscall(SYS_creat, "/tmp/p11gate-sandbox-test", 0600), EACCES);
}

static int looks_at_a_file(void)
{
    struct stat status;

    return refused_with(stat("/etc/passwd", &status), EACCES);
}

static int removes(void)
{
    return refused_with(unlink("/tmp/p11gate-sandbox-test"), EPERM);
}

static void no_file_opens(void **state)
{
    static int (*const acts[])(void) = {opens_by_openat, opens_by_open,   opens_by_openat2,
                                        creates,         looks_at_a_file, removes};

    (void)state;
    if (RELAXED)
        skip();
    for (size_t i = 0; i < ROWS(acts); i++) {
        assert_int_equal(run(enter_whole, acts[i]), FINE);
        assert_int_equal(run(enter_seccomp_alone, acts[i]), FINE);
    }
}

static int reads_and_writes_files(void)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    if (refused_with(fd, EACCES))
        return WRONG;
    if (refused_with(open("/dev/null", O_WRONLY | O_CLOEXEC), EACCES))
        return WRONG;
    if (refused_with(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES))
        return WRONG;
    return refused_with(execl("/bin/true", "true", (char *)NULL), EACCES);
}

static void landlock_alone_keeps_files_away(void **state)
{
    (void)state;
    assert_int_equal(run(enter_landlock_alone, reads_and_writes_files), FINE);
}

/* -- other processes --------------------------------------------------------------------------- */

static int executes(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return WRONG;
}

static int executes_at(void)
{
    char *const none[] = {NULL};

    (void)syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0);
    return WRONG;
}

static int traces(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return WRONG;
}

static int kills_another(void)
{
    (void)kill(parent, 0);
    return WRONG;
}

static int kills_itself_by_kill(void)
{
    (void)kill(getpid(), 0);
    return WRONG;
}

static int signals_another_thread(void)
{
    (void)syscall(SYS_tgkill, parent, parent, 0);
    return WRONG;
}

static int signals_by_tkill(void)
{
    (void)syscall(SYS_tkill, parent, 0);
    return WRONG;
}

static int reads_another_memory(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};

    (void)process_vm_readv(parent, &here, 1, &there, 1, 0);
    return WRONG;
}

static int opens_a_process(void)
{
    (void)syscall(SYS_pidfd_open, parent, 0);
    return WRONG;
}

static void what_touches_other_processes_is_deadly(void **state)
{
    static const struct {
        int (*act)(void);
        const char *what;
        int relaxed_too;
    } rows[] = {
        {executes, "execve", 1},
        {executes_at, "execveat", 1},
        {kills_another, "kill of another", 1},
        {kills_itself_by_kill, "kill of itself", 1},
        {signals_another_thread, "tgkill of another", 1},
        {signals_by_tkill, "tkill", 1},
        {opens_a_process, "pidfd_open", 1},
        {traces, "ptrace", 0},
        {reads_another_memory, "process_vm_readv", 0},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int end = RELAXED && !rows[i].relaxed_too ? 1000 + SIGSYS : run(enter_whole, rows[i].act);

        if (end != 1000 + SIGSYS)
            fail_msg("%s: ended with %d", rows[i].what, end);
    }
}

static int aborts(void)
{
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static void an_abort_is_still_an_abort(void **state)
{
    (void)state;
    assert_int_equal(run(enter_whole, aborts), 1000 + SIGABRT);
}

static int forks(void)
{
    return refused_with(fork(), EPERM);
}

static int maps_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory != MAP_FAILED)
        return WRONG;
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return WRONG;
    return refused_with(mprotect(memory, 4096, PROT_READ | PROT_EXEC), EPERM);
}

static int opens_other_sockets(void)
{
    static const struct {
        int family, type;
    } rows[] = {{AF_INET, SOCK_DGRAM},  {AF_INET, SOCK_RAW},     {AF_UNIX, SOCK_STREAM},
                {AF_NETLINK, SOCK_RAW}, {AF_PACKET, SOCK_DGRAM}, {AF_VSOCK, SOCK_STREAM}};
    int pair[2];

    for (size_t i = 0; i < ROWS(rows); i++)
        if (refused_with(socket(rows[i].family, rows[i].type | SOCK_CLOEXEC, 0), EPERM))
            return WRONG;
    return refused_with(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), EPERM);
}

/* What names need, and nothing else of it. */
static int opens_datagram_sockets(void)
{
    int v4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
        v6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (v4 < 0 || (v6 < 0 && errno != EAFNOSUPPORT))
        return WRONG;
    if (refused_with(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EPERM) ||
        refused_with(socket(AF_UNIX, SOCK_DGRAM, 0), EPERM))
        return WRONG;
    return refused_with(socket(AF_INET, SOCK_RAW, IPPROTO_UDP), EPERM);
}

static int takes_signals_of_a_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? WRONG : refused_with(fcntl(fd, F_SETOWN, parent), EPERM);
}

/* A listening socket is shared: what is set on it is set for every worker. */
static int makes_a_shared_socket_useless(void)
{
    const struct timeval soon = {1, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), off = 0;

    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return WRONG;
    return refused_with(fcntl(fd, F_SETFL, 0), EPERM) || refused_with(ioctl(fd, FIONBIO, &off), EPERM) ||
                   refused_with(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof off), EPERM) ||
                   refused_with(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), EPERM)
               ? WRONG
               : FINE;
}

static int raises_a_limit(void)
{
    const struct rlimit more = {100, 100};
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now))
        return WRONG;
    return refused_with(setrlimit(RLIMIT_NOFILE, &more), EPERM);
}

static int talks_to_a_device(void)
{
    char terminal[256];

    return refused_with(ioctl(STDERR_FILENO, TIOCGWINSZ, terminal), EPERM);
}

static void host_names_allow_datagrams_of_ip(void **state)
{
    (void)state;
    if (RELAXED)
        skip();
    assert_int_equal(run(enter_with_names, opens_datagram_sockets), FINE);
    assert_int_equal(run(enter_whole, opens_datagram_sockets), WRONG);
}

static void what_a_worker_does_not_need_is_refused(void **state)
{
    static const struct {
        int (*act)(void);
        const char *what;
    } rows[] = {
        {forks, "fork"},
        {maps_code, "memory that can be executed"},
        {opens_other_sockets, "other sockets than TCP"},
        {takes_signals_of_a_socket, "F_SETOWN"},
        {makes_a_shared_socket_useless, "blocking, or a filter, on a socket that is shared"},
        {raises_a_limit, "setrlimit"},
        {talks_to_a_device, "another ioctl"},
    };

    (void)state;
    if (RELAXED)
        skip();
    for (size_t i = 0; i < ROWS(rows); i++)
        if (run(enter_whole, rows[i].act) != FINE)
            fail_msg("allowed: %s", rows[i].what);
}

/* -- the process itself ------------------------------------------------------------------------ */

/* The filter refuses prctl; the state is seen from outside. */
static int waits_to_be_seen(void)
{
    char byte;

    return write(STDOUT_FILENO, "x", 1) == 1 && read(STDIN_FILENO, &byte, 1) == 0 ? FINE : WRONG;
}

static bool status_has(pid_t pid, const char *wanted)
{
    char path[64], line[256];
    bool found = false;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    file = fopen(path, "re");
    assert_non_null(file);
    while (!found && fgets(line, sizeof line, file))
        found = strcmp(line, wanted) == 0;
    (void)fclose(file);
    return found;
}

static void no_new_privs_is_set_and_the_filter_is_in_force(void **state)
{
    int to[2], from[2], status;
    char byte;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        close(to[1]);
        enter_whole();
        _exit(waits_to_be_seen());
    }
    close(to[0]);
    close(from[1]);
    assert_int_equal(read(from[0], &byte, 1), 1);
    assert_true(status_has(child, "NoNewPrivs:\t1\n"));
    assert_true(status_has(child, "Seccomp:\t2\n"));
    close(to[1]);
    close(from[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void hide_only(void)
{
    sandbox_hide();
}

static int is_hidden(void)
{
    struct rlimit core;

    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && getrlimit(RLIMIT_CORE, &core) == 0 &&
                   core.rlim_cur == 0 && core.rlim_max == 0
               ? FINE
               : WRONG;
}

static void it_is_not_dumpable_and_leaves_no_core(void **state)
{
    (void)state;
    assert_int_equal(run(hide_only, is_hidden), FINE);
}

/* -- its work ---------------------------------------------------------------------------------- */

static int listening(struct sockaddr_in *at)
{
    const int yes = 1;
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        bind(fd, (const struct sockaddr *)at, len) || listen(fd, 4) ||
        getsockname(fd, (struct sockaddr *)at, &len))
        return -1;
    return fd;
}

static int connects_accepts_and_talks(void)
{
    struct sockaddr_in at;
    const int yes = 1;
    struct epoll_event event = {.events = EPOLLIN};
    int listener = listening(&at), client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int loop = epoll_create1(EPOLL_CLOEXEC), server, unsent = -1;
    char byte;

    if (listener < 0 || client < 0 || loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event))
        return WRONG;
    if (connect(client, (const struct sockaddr *)&at, sizeof at) || epoll_wait(loop, &event, 1, 5000) != 1)
        return WRONG;
    server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (server < 0 || setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes))
        return WRONG;
    if (send(client, "x", 1, MSG_NOSIGNAL) != 1 || epoll_ctl(loop, EPOLL_CTL_ADD, server, &event) ||
        epoll_wait(loop, &event, 1, 5000) != 1 || recv(server, &byte, 1, 0) != 1)
        return WRONG;
    if (ioctl(client, SIOCOUTQ, &unsent) || unsent < 0 || shutdown(client, SHUT_WR))
        return WRONG;
    return fcntl(server, F_SETFL, O_NONBLOCK) || close(server) ? WRONG : FINE;
}

static int makes_a_reply_pair_and_memory(void)
{
    int pair[2];
    void *memory = malloc(64u << 20);
    bool good = memory && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0;

    free(memory);
    return good ? FINE : WRONG;
}

static void sockets_still_work(void **state)
{
    (void)state;
    assert_int_equal(run(enter_whole, connects_accepts_and_talks), FINE);
    assert_int_equal(run(enter_whole, makes_a_reply_pair_and_memory), FINE);
}

static void the_rows_above_do_fail_without_a_sandbox(void **state)
{
    (void)state;
    assert_int_equal(run(hide_only, opens_by_openat), WRONG);
    assert_int_equal(run(hide_only, kills_another), WRONG);
    assert_int_equal(run(hide_only, maps_code), WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_opens),
        cmocka_unit_test(landlock_alone_keeps_files_away),
        cmocka_unit_test(what_touches_other_processes_is_deadly),
        cmocka_unit_test(an_abort_is_still_an_abort),
        cmocka_unit_test(what_a_worker_does_not_need_is_refused),
        cmocka_unit_test(host_names_allow_datagrams_of_ip),
        cmocka_unit_test(no_new_privs_is_set_and_the_filter_is_in_force),
        cmocka_unit_test(it_is_not_dumpable_and_leaves_no_core),
        cmocka_unit_test(sockets_still_work),
        cmocka_unit_test(the_rows_above_do_fail_without_a_sandbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
