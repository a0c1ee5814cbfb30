#include "sandbox.h"

#include "sandbox_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef P11GATE_RELAXED_SANDBOX
enum { RELAXED = 1 };
#else
enum { RELAXED = 0 };
#endif

void sandbox_hide(void)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

bool sandbox_no_new_privs(struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return true;
    err_errno(err, "cannot give up new privileges");
    return false;
}

/* -- Landlock ---------------------------------------------------------------------------------- */

static int landlock_ruleset(uint64_t handled)
{
    const struct landlock_ruleset_attr wanted = {.handled_access_fs = handled};

    return (int)syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted.handled_access_fs, 0);
}

/*
 * Every filesystem right that this kernel knows, asked one by one: a right that is younger than this
 * source is handled as well. Zero and errno when the kernel gives none.
 */
static uint64_t landlock_rights(void)
{
    uint64_t rights = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        int fd = landlock_ruleset(UINT64_C(1) << bit);

        if (fd < 0 && errno == EINVAL)
            break;
        if (fd < 0)
            return 0;
        rights |= UINT64_C(1) << bit;
        close(fd);
    }
    return rights;
}

bool sandbox_landlock(struct err *warning, struct err *err)
{
    uint64_t rights = landlock_rights();
    int fd;

    if (!rights && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        err_errno(warning,
                  "the kernel has no Landlock: files are kept away by the user id and seccomp alone");
        return true;
    }
    fd = rights ? landlock_ruleset(rights) : -1;
    if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) != 0) {
        err_errno(err, "cannot enter Landlock");
        if (fd >= 0)
            close(fd);
        return false;
    }
    close(fd);
    return true;
}

/* -- seccomp ----------------------------------------------------------------------------------- */

/* Whatever the arguments are. */
static const int allowed[] = {
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(connect),
    SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpeername),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(listen),
    SCMP_SYS(lseek),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(shutdown),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sysinfo),
    SCMP_SYS(time),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

/* Libraries look for files now and then; they are told that they may not, and live on. */
static const int no_access[] = {
    SCMP_SYS(open),      SCMP_SYS(openat),     SCMP_SYS(openat2),    SCMP_SYS(creat), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),       SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx),     SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
};

/* No honest worker asks for these: somebody else is at the wheel. */
static const int deadly[] = {
    SCMP_SYS(execve),     SCMP_SYS(execveat),        SCMP_SYS(kill),
    SCMP_SYS(tkill),      SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd),     SCMP_SYS(pidfd_send_signal),
};

/* The same, but a sanitizer's leak check does these at the end of the process. */
static const int deadly_unless_relaxed[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(bpf),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(mount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
};

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
            return false;
    return true;
}

static struct scmp_arg_cmp equal(unsigned argument, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}

static struct scmp_arg_cmp not_equal(unsigned argument, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = argument, .op = SCMP_CMP_NE, .datum_a = value, .datum_b = 0};
}

static struct scmp_arg_cmp masked_equal(unsigned argument, uint64_t mask, uint64_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

/* Allowed when one argument has one of the values. */
static bool add_values(scmp_filter_ctx filter, int call, unsigned argument, const uint64_t *values,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, equal(argument, values[i])) != 0)
            return false;
    return true;
}

/* Named one by one: the listening sockets are shared with all workers, and a filter or a time-out on one of
 * them would be everybody's. */
static bool add_options(scmp_filter_ctx filter)
{
    static const struct {
        uint64_t level, option;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR},   {SOL_SOCKET, SO_LINGER},    {SOL_SOCKET, SO_KEEPALIVE},
        {SOL_SOCKET, SO_OOBINLINE},   {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_KEEPIDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_TCP, TCP_KEEPCNT}, {IPPROTO_TCP, TCP_USER_TIMEOUT},
        {IPPROTO_IPV6, IPV6_V6ONLY},
    };

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 2, equal(1, options[i].level),
                             equal(2, options[i].option)) != 0)
            return false;
    return true;
}

static bool add_sockets(scmp_filter_ctx filter, bool asks_dns)
{
    static const uint64_t families[] = {AF_INET, AF_INET6};
    const uint64_t type = UINT32_MAX & ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);

    /* Protocol 0 is TCP; the kernel would load others (SCTP, SMC) for the asking. */
    for (size_t i = 0; i < 2; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, equal(0, families[i]),
                             masked_equal(1, type, SOCK_STREAM), equal(2, 0)) != 0)
            return false;
    /* And protocol 0 is UDP: only for a configuration with names. */
    for (size_t i = 0; asks_dns && i < 2; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, equal(0, families[i]),
                             masked_equal(1, type, SOCK_DGRAM), equal(2, 0)) != 0)
            return false;
    /* Reply pairs. Other types of AF_UNIX could be connected to a socket of somebody else's. */
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2, equal(0, AF_UNIX),
                         masked_equal(1, type, SOCK_SEQPACKET)) != 0)
        return false;
    return add_options(filter);
}

/* Calls that are allowed in one form only. */
static bool add_conditions(scmp_filter_ctx filter)
{
    /* SIOCOUTQ: how much the peer has not acknowledged. F_SETOWN would send signals, so commands are named.
     * And flags never lose O_NONBLOCK: they are the socket's, so every worker would wait in accept. */
    static const uint64_t fcntls[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GET_SEALS};

    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, equal(1, SIOCOUTQ)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, equal(1, F_SETFL),
                            masked_equal(2, O_NONBLOCK, O_NONBLOCK)) == 0 &&
           add_values(filter, SCMP_SYS(fcntl), 1, fcntls, 5) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, masked_equal(2, PROT_EXEC, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, masked_equal(2, PROT_EXEC, 0)) ==
               0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, equal(0, 0), equal(2, 0)) == 0;
}

/* abort() signals its own thread; a signal to any other is deadly. */
static bool add_own_signal(scmp_filter_ctx filter)
{
    const uint64_t pid = (uint64_t)getpid(), tid = (uint64_t)gettid();

    return (RELAXED || seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, equal(0, pid),
                                        equal(1, tid)) == 0) &&
           seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(tgkill), 1, not_equal(0, pid)) == 0;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool fill_filter(scmp_filter_ctx filter, bool asks_dns)
{
    if (!add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT_OF(deadly)) || !add_own_signal(filter))
        return false;
    if (RELAXED)
        return true;
    return add_all(filter, SCMP_ACT_KILL_PROCESS, deadly_unless_relaxed, COUNT_OF(deadly_unless_relaxed)) &&
           add_all(filter, SCMP_ACT_ERRNO(EACCES), no_access, COUNT_OF(no_access)) &&
           add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT_OF(allowed)) && add_sockets(filter, asks_dns) &&
           add_conditions(filter);
}

bool sandbox_seccomp(bool asks_dns, struct err *err)
{
    scmp_filter_ctx filter = seccomp_init(RELAXED ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
    int failed;

    if (!filter) {
        err_set(err, "cannot make a system call filter");
        return false;
    }
    /* A call through another architecture's table walks around every rule. */
    failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A search tree instead of a list: every system call of the data path goes through it. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed && !fill_filter(filter, asks_dns))
        failed = -EINVAL;
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed) {
        errno = -failed;
        err_errno(err, "cannot load the system call filter");
    }
    return !failed;
}

bool sandbox_enter(bool asks_dns, struct err *warning, struct err *err)
{
    warning->text[0] = '\0';
    if (!sandbox_no_new_privs(err))
        return false;
    if (!RELAXED && !sandbox_landlock(warning, err))
        return false;
    return sandbox_seccomp(asks_dns, err);
}
