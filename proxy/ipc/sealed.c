#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t written = write(fd, data + done, len - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return true;
}

int sealed_new(const char *name, const void *data, size_t len, struct err *err)
{
    int fd;

    if (len > SEALED_BYTES_MAX) {
        err_set(err, "%s: %zu bytes are more than sealed memory takes (%d)", name, len, SEALED_BYTES_MAX);
        return -1;
    }
    fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        err_errno(err, "%s: cannot make memory to share", name);
        return -1;
    }
    /* A memfd is born 0777: whoever sees it in /proc could open it. */
    if (fchmod(fd, 0600) || !write_all(fd, data, len) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)) {
        err_errno(err, "%s: cannot fill and seal %zu bytes", name, len);
        close(fd);
        return -1;
    }
    return fd;
}

bool sealed_map(int fd, size_t max, struct sealed *out, struct err *err)
{
    static const uint8_t nothing[1];
    const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int seals = fcntl(fd, F_GET_SEALS);
    off_t size;
    void *memory;

    *out = (struct sealed){.data = nothing};
    if (seals < 0 || (seals & needed) != needed) {
        err_set(err, "the memory is not sealed");
        return false;
    }
    /* Not fstat: it comes as a call with a path, which a worker's sandbox refuses. */
    size = lseek(fd, 0, SEEK_END);
    if (size < 0 || (uint64_t)size > max) {
        err_set(err, "the memory has more than %zu bytes", max);
        return false;
    }
    if (size == 0)
        return true;
    /* Private: kernels before 6.7 refuse a shared mapping of write-sealed memory even for reading. */
    memory = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
        err_errno(err, "cannot map sealed memory");
        return false;
    }
    *out = (struct sealed){.data = memory, .len = (size_t)size};
    return true;
}

void sealed_unmap(struct sealed *sealed)
{
    union {
        const uint8_t *in;
        void *out;
    } memory = {.in = sealed->data};

    if (sealed->len)
        (void)munmap(memory.out, sealed->len);
    *sealed = (struct sealed){0};
}

bool sealed_same(int a, int b, size_t max)
{
    struct sealed one, two;
    struct err err;
    bool same;

    if (!sealed_map(a, max, &one, &err))
        return false;
    same = sealed_map(b, max, &two, &err) && one.len == two.len && memcmp(one.data, two.data, one.len) == 0;
    sealed_unmap(&one);
    sealed_unmap(&two);
    return same;
}
