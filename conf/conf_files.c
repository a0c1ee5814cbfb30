#include "conf_files.h"

#include "pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUCKETS = 4096 };

struct file {
    struct file *next, *same_bucket;
    char *path, *bytes; /* bytes has a NUL behind len */
    size_t len;
};

struct conf_files {
    bool from_disk;
    struct file *first, **last;
    struct file *buckets[BUCKETS]; /* by path */
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
    if (file->bytes)
        explicit_bzero(file->bytes, file->len); /* it may be a password or a secret */
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

/* FNV-1a */
static size_t bucket_of(const char *path)
{
    uint32_t hash = 2166136261u;

    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 16777619u;
    return hash % BUCKETS;
}

static struct file *files_find(const struct conf_files *files, const char *path)
{
    for (struct file *file = files->buckets[bucket_of(path)]; file; file = file->same_bucket)
        if (strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

/* Takes the file, or leaves it to the caller when a limit is reached. */
static bool files_append(struct conf_files *files, struct file *file)
{
    struct file **bucket = &files->buckets[bucket_of(file->path)];

    if (files->count >= CONF_FILES_MAX || file->len > CONF_FILES_BYTES_MAX - files->total_bytes)
        return false;
    *files->last = file;
    files->last = &file->next;
    file->same_bucket = *bucket;
    *bucket = file;
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
static bool readable_size(int fd, bool secret, size_t *len, struct err *err)
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
    if (secret && status.st_mode & (S_IROTH | S_IWOTH)) {
        err_set(err, "everybody may read it: chmod o= takes that away");
        return false;
    }
    *len = (size_t)status.st_size;
    return true;
}

static struct file *file_read(const char *path, bool secret, struct err *err)
{
    struct file *file = NULL;
    size_t len;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        err_errno(err, "cannot be read");
        return NULL;
    }
    if (!readable_size(fd, secret, &len, err))
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

/* Takes the file; false: it is freed. */
static bool files_keep(struct conf_files *files, struct file *file, struct err *err)
{
    if (files_append(files, file))
        return true;
    err_set(err, "too much: a configuration has at most %d files and %d MB", CONF_FILES_MAX,
            CONF_FILES_BYTES_MAX >> 20);
    file_free(file);
    return false;
}

static const char *files_get(struct conf_files *files, const char *path, bool secret, size_t *len,
                             struct err *err)
{
    struct file *file = files_find(files, path);

    if (!file && !files->from_disk) {
        err_set(err, "not among the files that were read at the start");
        return NULL;
    }
    if (!file) {
        file = file_read(path, secret, err);
        if (!file || !files_keep(files, file, err))
            return NULL;
    }
    *len = file->len;
    return file->bytes;
}

const char *conf_files_get(struct conf_files *files, const char *path, size_t *len, struct err *err)
{
    return files_get(files, path, false, len, err);
}

const char *conf_files_secret(struct conf_files *files, const char *path, size_t *len, struct err *err)
{
    return files_get(files, path, true, len, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names, sorted, one a line; a file that stands for the directory. */
static struct file *list_new(const char *path, const char **names, size_t count)
{
    struct file *file;
    size_t len = 0;
    char *to;

    for (size_t i = 0; i < count; i++)
        len += strlen(names[i]) + 1;
    file = file_new(path, len);
    if (!file)
        return NULL;
    qsort(names, count, sizeof names[0], by_name);
    to = file->bytes;
    for (size_t i = 0; i < count; i++) {
        to = stpcpy(to, names[i]);
        *to++ = '\n';
    }
    *to = 0;
    return file;
}

/* A name with a newline would be two of the list, and is left out with the hidden ones. */
static bool is_listed(const char *name, const char *ending)
{
    size_t len = strlen(name), end = strlen(ending);

    return name[0] != '.' && len > end && strcmp(name + len - end, ending) == 0 && !strchr(name, '\n');
}

static struct file *directory_read(const char *path, const char *ending, struct err *err)
{
    DIR *directory = opendir(path);
    const char **names = calloc(CONF_FILES_MAX, sizeof names[0]);
    const struct dirent *entry;
    struct file *file = NULL;
    size_t count = 0;

    if (!directory)
        err_errno(err, "cannot be read");
    while (directory && names && count < CONF_FILES_MAX && (entry = readdir(directory)) != NULL)
        if (is_listed(entry->d_name, ending) && (names[count] = strdup(entry->d_name)) != NULL)
            count++;
    if (directory && names)
        file = list_new(path, names, count);
    if (directory && !file)
        err_set(err, "out of memory");
    while (count)
        free((void *)(uintptr_t)names[--count]);
    free(names);
    if (directory)
        (void)closedir(directory);
    return file;
}

const char *conf_files_list(struct conf_files *files, const char *directory, const char *ending,
                            struct err *err)
{
    struct file *file = files_find(files, directory);

    if (!file && !files->from_disk) {
        err_set(err, "not among the files that were read at the start");
        return NULL;
    }
    if (!file) {
        file = directory_read(directory, ending, err);
        if (!file || !files_keep(files, file, err))
            return NULL;
    }
    return file->bytes;
}

void conf_files_mark(const struct conf_files *files, const char *path, char *out, size_t size)
{
    struct stat status;

    out[0] = 0;
    if (!files->from_disk || stat(path, &status) < 0)
        return;
    (void)snprintf(out, size, "%ju %jd %jd.%09ld", (uintmax_t)status.st_ino, (intmax_t)status.st_size,
                   (intmax_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
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
