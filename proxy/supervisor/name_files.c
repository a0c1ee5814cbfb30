#include "name_files.h"

#include "buf.h"
#include "log.h"
#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const paths[NAME_FILES] = {"/etc/hosts", "/etc/resolv.conf"};

/* A directory, a pipe or a device in its place is not waited for: O_NONBLOCK, and reading fails or ends. */
static bool read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : 0;

    while (fd >= 0) {
        uint8_t *room = buf_reserve(out, NAME_FILE_BYTES_MAX / 16);

        if (!room)
            break; /* longer than anything that is meant to be read: what fits counts */
        got = read(fd, room, NAME_FILE_BYTES_MAX / 16);
        if (got <= 0)
            break;
        buf_commit(out, (size_t)got);
    }
    if (fd >= 0)
        (void)close(fd);
    return got >= 0;
}

bool name_files_seal(int out[NAME_FILES], struct err *err)
{
    for (size_t i = 0; i < NAME_FILES; i++)
        out[i] = -1;
    for (size_t i = 0; i < NAME_FILES; i++) {
        struct buf bytes;

        buf_init(&bytes, NAME_FILE_BYTES_MAX);
        if (!read_file(paths[i], &bytes)) {
            log_event(LOG_LEVEL_WARNING, "name-file-absent", "%s: %s", paths[i], strerror(errno));
            buf_take(&bytes, buf_len(&bytes));
        }
        out[i] = sealed_new("name-file", buf_len(&bytes) ? buf_data(&bytes) : (const uint8_t *)"",
                            buf_len(&bytes), err);
        buf_free(&bytes);
        if (out[i] < 0)
            return false;
    }
    return true;
}

void name_files_close(int files[NAME_FILES])
{
    for (size_t i = 0; i < NAME_FILES; i++) {
        if (files[i] >= 0)
            (void)close(files[i]);
        files[i] = -1;
    }
}
