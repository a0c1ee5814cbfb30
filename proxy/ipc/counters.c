#include "counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int counters_new(const char *name, size_t size, struct err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        err_errno(err, "%s: cannot make memory to share", name);
        return -1;
    }
    /* Sealed in size: a process that cut its own page would kill its readers with SIGBUS. */
    if (fchmod(fd, 0600) || ftruncate(fd, (off_t)size) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
        err_errno(err, "%s: cannot prepare %zu bytes of shared memory", name, size);
        close(fd);
        return -1;
    }
    return fd;
}

void *counters_map(int fd, size_t size, struct err *err)
{
    const int needed = F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);
    void *memory;

    if (seals < 0 || (seals & needed) != needed || lseek(fd, 0, SEEK_END) != (off_t)size) {
        err_set(err, "shared memory that is not sealed at %zu bytes", size);
        return NULL;
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        err_errno(err, "cannot map shared memory");
        return NULL;
    }
    return memory;
}
