/*
 * The files that a configuration is made of, as bytes under the paths by which it names them. In
 * the supervisor they come from disk, once; packed into sealed memory they are what workers see:
 * the same text, whatever happens to the files meanwhile.
 */
#pragma once

#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct conf_files;

enum {
    CONF_FILES_BYTES_MAX = 32 * 1024 * 1024,
    CONF_FILE_BYTES_MAX = 4 * 1024 * 1024,
    CONF_FILES_MAX = 16384 /* a partner may have four */
};

/* From disk, as they are asked for; blocks on files. */
struct conf_files *conf_files_from_disk(void);

/* From packed bytes (copied); NULL when malformed. Never touches a file. */
struct conf_files *conf_files_from_memory(const void *data, size_t len);

void conf_files_free(struct conf_files *files);

/* The bytes of a file, with a NUL behind them; borrowed until conf_files_free. NULL and err when there are
 * none. */
const char *conf_files_get(struct conf_files *files, const char *path, size_t *len, struct err *err);

/* The same, of a file that others must not read: on disk its mode is looked at. */
const char *conf_files_secret(struct conf_files *files, const char *path, size_t *len, struct err *err);

/* The names that end with `ending` in a directory, one a line, sorted; those that begin with a dot are left
 * out. Remembered and borrowed like the bytes of a file. */
const char *conf_files_list(struct conf_files *files, const char *directory, const char *ending,
                            struct err *err);

/* What the supervisor sees of a file that it names and does not read (a PIN, a key): another text when the
 * file is another one. "" in other processes and when there is no file. */
void conf_files_mark(const struct conf_files *files, const char *path, char *out, size_t size);

/* The path of the file that was asked for first, before it was packed or since: the configuration itself.
 * Borrowed; NULL when there is none. */
const char *conf_files_first(const struct conf_files *files);

/* Packs everything that was asked for so far, in that order. */
bool conf_files_pack(const struct conf_files *files, struct buf *out);
