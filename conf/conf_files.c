#include "conf_files.h"

#include "pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    struct file *next;
    char *path, *bytes; /* bytes has a NUL behind len */
    size_t len;
};

struct conf_files {
    bool from_disk;
    struct file *first, **last;
    size_t count, total_bytes;
};

static struct conf_files *files_new(bool from_disk)
{
    struct conf_files *files = calloc(1, sizeof *files);

    if (!files)
        return NULL;
    files->from_disk = from_disk;
    files->last = &files->first;
    return files;
}

struct conf_files *conf_files_from_disk(void)
{
    return files_new(true);
}

static void file_free(struct file *file)
{
    if (!file)
        return;
    free(file->path);
    free(file->bytes);
    free(file);
}

void conf_files_free(struct conf_files *files)
{
    if (!files)
        return;
    while (files->first) {
        struct file *file = files->first;

        files->first = file->next;
        file_free(file);
    }
    free(files);
}

static struct file *file_new(const char *path, size_t len)
{
    struct file *file = calloc(1, sizeof *file);

    if (!file)
        return NULL;
    file->len = len;
    file->path = strdup(path);
    file->bytes = malloc(len + 1);
    if (file->path && file->bytes) {
        file->bytes[len] = 0;
        return file;
    }
    file_free(file);
    return NULL;
}

static struct file *files_find(const struct conf_files *files, const char *path)
{
    for (struct file *file = files->first; file; file = file->next)
        if (strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

/* Takes the file, or leaves it to the caller when a limit is reached. */
static bool files_append(struct conf_files *files, struct file *file)
{
    if (files->count >= CONF_FILES_MAX || file->len > CONF_FILES_BYTES_MAX - files->total_bytes)
        return false;
    *files->last = file;
    files->last = &file->next;
    files->count++;
    files->total_bytes += file->len;
    return true;
}

static bool read_all(int fd, char *bytes, size_t len, struct err *err)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = read(fd, bytes + done, len - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_errno(err, "cannot be read");
            return false;
        }
        if (got == 0) {
            err_set(err, "changed while it was read");
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

/* The size of a file that may be read; a FIFO or device could block or never end. */
static bool readable_size(int fd, size_t *len, struct err *err)
{
    struct stat status;

    if (fstat(fd, &status) < 0) {
        err_errno(err, "cannot be read");
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        err_set(err, "not a regular file");
        return false;
    }
    if (status.st_size > CONF_FILE_BYTES_MAX) {
        err_set(err, "larger than %d MB", CONF_FILE_BYTES_MAX >> 20);
        return false;
    }
    *len = (size_t)status.st_size;
    return true;
}

static struct file *file_read(const char *path, struct err *err)
{
    struct file *file = NULL;
    size_t len;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        err_errno(err, "cannot be read");
        return NULL;
    }
    if (!readable_size(fd, &len, err))
        goto close_fd;
    file = file_new(path, len);
    if (!file) {
        err_set(err, "out of memory");
        goto close_fd;
    }
    if (!read_all(fd, file->bytes, len, err)) {
        file_free(file);
        file = NULL;
    }
close_fd:
    (void)close(fd);
    return file;
}

const char *conf_files_get(struct conf_files *files, const char *path, size_t *len, struct err *err)
{
    struct file *file = files_find(files, path);

    if (!file && !files->from_disk) {
        err_set(err, "not among the files that were read at the start");
        return NULL;
    }
    if (!file) {
        file = file_read(path, err);
        if (!file)
            return NULL;
        if (!files_append(files, file)) {
            err_set(err, "too much: a configuration has at most %d files and %d MB", CONF_FILES_MAX,
                    CONF_FILES_BYTES_MAX >> 20);
            file_free(file);
            return NULL;
        }
    }
    *len = file->len;
    return file->bytes;
}

const char *conf_files_first(const struct conf_files *files)
{
    return files->first ? files->first->path : NULL;
}

bool conf_files_pack(const struct conf_files *files, struct buf *out)
{
    if (!pack_u32(out, (uint32_t)files->count))
        return false;
    for (const struct file *file = files->first; file; file = file->next)
        if (!pack_text(out, file->path) || !pack_bytes(out, file->bytes, file->len))
            return false;
    return true;
}

static bool unpack_file(struct conf_files *files, struct unpack *in)
{
    const char *path = unpack_text(in);
    size_t len = 0;
    const uint8_t *bytes = unpack_bytes(in, &len);
    struct file *file;

    if (in->failed || !path[0] || len > CONF_FILE_BYTES_MAX || files_find(files, path))
        return false;
    file = file_new(path, len);
    if (!file)
        return false;
    if (len)
        memcpy(file->bytes, bytes, len);
    if (files_append(files, file))
        return true;
    file_free(file);
    return false;
}

struct conf_files *conf_files_from_memory(const void *data, size_t len)
{
    struct conf_files *files = files_new(false);
    struct unpack in;
    uint32_t count;

    if (!files)
        return NULL;
    unpack_start(&in, data, len);
    count = unpack_u32(&in);
    for (uint32_t i = 0; i < count; i++)
        if (!unpack_file(files, &in))
            goto malformed;
    if (unpack_done(&in))
        return files;
malformed:
    conf_files_free(files);
    return NULL;
}
