#include "pin_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIN_MEMORY_BYTES = 4096 };

static bool pin_file_allowed(const char *path, const struct stat *status, uid_t signer_uid,
                             unsigned forbidden, struct err *err)
{
    if (!S_ISREG(status->st_mode)) {
        err_set(err, "%s is not a file", path);
        return false;
    }
    if (status->st_uid != 0 && status->st_uid != signer_uid && status->st_uid != geteuid()) {
        err_set(err, "%s belongs to uid %u: it must belong to root or to signer-user (chown root %s)", path,
                (unsigned)status->st_uid, path);
        return false;
    }
    if (status->st_mode & forbidden) {
        err_set(err, "%s is open to group or others (mode %04o): chmod 600 %s", path,
                (unsigned)status->st_mode & 07777, path);
        return false;
    }
    return true;
}

bool pin_new(struct pin *out, struct err *err)
{
    void *memory = mmap(NULL, PIN_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *out = (struct pin){0};
    if (memory == MAP_FAILED) {
        err_errno(err, "no memory for a PIN");
        return false;
    }
    /* Best effort: the limit of locked memory may be 0. */
    (void)mlock(memory, PIN_MEMORY_BYTES);
    (void)madvise(memory, PIN_MEMORY_BYTES, MADV_DONTDUMP);
    out->memory = memory;
    return true;
}

bool pin_copy(const struct pin *pin, struct pin *out, struct err *err)
{
    if (!pin_new(out, err))
        return false;
    memcpy(out->memory, pin->memory, pin->len);
    out->len = pin->len;
    out->changed = pin->changed;
    return true;
}

bool pin_same(const struct pin *a, const struct pin *b)
{
    return a->len == b->len && (!a->len || memcmp(a->memory, b->memory, a->len) == 0);
}

bool pin_same_age(const struct pin *a, const struct pin *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Up to one byte more than a PIN with its newline may have, so that too long is seen. */
static ssize_t pin_bytes(int fd, char *memory)
{
    size_t len = 0;

    while (len < PIN_BYTES_MAX + 2) {
        ssize_t got = read(fd, memory + len, PIN_BYTES_MAX + 2 - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static bool pin_take(const char *path, int fd, struct pin *pin, struct err *err)
{
    ssize_t len = pin_bytes(fd, pin->memory);

    if (len < 0) {
        err_errno(err, "cannot read %s", path);
        return false;
    }
    if (len && pin->memory[len - 1] == '\n')
        len--;
    if (len == 0 || len > PIN_BYTES_MAX || memchr(pin->memory, 0, (size_t)len)) {
        err_set(err, "%s must hold a PIN of 1 to %d bytes", path, PIN_BYTES_MAX);
        return false;
    }
    pin->len = (size_t)len;
    return true;
}

static bool pin_read(const char *path, uid_t signer_uid, unsigned forbidden, struct pin *out, struct err *err)
{
    /* Non-blocking, so that a FIFO in place of the file does not hold us up. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    bool taken = false;

    *out = (struct pin){0};
    if (fd < 0) {
        err_errno(err, "cannot open %s", path);
        return false;
    }
    if (fstat(fd, &status))
        err_errno(err, "cannot look at %s", path);
    else if (pin_file_allowed(path, &status, signer_uid, forbidden, err) && pin_new(out, err))
        taken = pin_take(path, fd, out, err);
    out->changed = status.st_ctim;
    close(fd);
    if (!taken)
        pin_wipe(out);
    return taken;
}

bool pin_file_read(const char *path, uid_t signer_uid, struct pin *out, struct err *err)
{
    return pin_read(path, signer_uid, 077, out, err);
}

bool pin_credential_read(const char *path, uid_t signer_uid, struct pin *out, struct err *err)
{
    return pin_read(path, signer_uid, 037, out, err);
}

int pin_pipe(const struct pin *pin, struct err *err)
{
    int ends[2];
    ssize_t written;

    if (pipe2(ends, O_CLOEXEC)) {
        err_errno(err, "cannot make a pipe");
        return -1;
    }
    /* An empty pipe takes a page without blocking. */
    written = write(ends[1], pin->memory, pin->len);
    close(ends[1]);
    if (written == (ssize_t)pin->len)
        return ends[0];
    err_set(err, "cannot write to a pipe");
    close(ends[0]);
    return -1;
}

void pin_wipe(struct pin *pin)
{
    if (!pin->memory)
        return;
    explicit_bzero(pin->memory, PIN_MEMORY_BYTES);
    (void)munmap(pin->memory, PIN_MEMORY_BYTES);
    *pin = (struct pin){0};
}
