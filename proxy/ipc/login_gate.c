#include "login_gate.h"

#include "clock.h"
#include "counters.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GATE_POLL_MS = 2 };

bool login_gate_take(struct login_gate *out, int fd, struct err *err)
{
    *out = (struct login_gate){.fd = fd, .page = counters_map(fd, sizeof *out->page, err)};
    if (!out->page)
        login_gate_close(out);
    return out->page;
}

bool login_gate_make(struct login_gate *out, struct err *err)
{
    int fd = counters_new("login-gate", sizeof *out->page, err);

    *out = LOGIN_GATE_NONE;
    return fd >= 0 && login_gate_take(out, fd, err);
}

bool login_gate_share(const struct login_gate *of, struct login_gate *out, struct err *err)
{
    int fd = fcntl(of->fd, F_DUPFD_CLOEXEC, 0);

    *out = LOGIN_GATE_NONE;
    if (fd < 0)
        err_errno(err, "cannot share the memory about logins");
    return fd >= 0 && login_gate_take(out, fd, err);
}

void login_gate_close(struct login_gate *gate)
{
    if (gate->page)
        (void)munmap(gate->page, sizeof *gate->page);
    if (gate->fd >= 0)
        close(gate->fd);
    *gate = LOGIN_GATE_NONE;
}

static bool gate_lock(const struct login_gate *gate, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(gate->fd, F_SETLK, &lock) == 0;
}

/* Asked again and again: the lock that waits cannot be given a deadline. */
bool login_gate_enter(const struct login_gate *gate, uint64_t wait_ms)
{
    uint64_t until_ms = clock_monotonic_ms() + wait_ms;

    if (gate->fd < 0)
        return true;
    while (!gate_lock(gate, F_WRLCK)) {
        if (clock_monotonic_ms() >= until_ms)
            return false;
        (void)poll(NULL, 0, GATE_POLL_MS);
    }
    return true;
}

void login_gate_leave(const struct login_gate *gate, bool refused)
{
    if (gate->fd < 0)
        return;
    if (refused)
        counter_set(&gate->page->refused, 1);
    (void)gate_lock(gate, F_UNLCK);
}

bool login_gate_refused(const struct login_gate *gate)
{
    return gate->page && counter_get(&gate->page->refused);
}
