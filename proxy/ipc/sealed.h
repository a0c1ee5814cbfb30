/*
 * Read-only memory handed to another process: a memfd with mode 0600, sealed against growing,
 * shrinking and writing. Any process; never blocks.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEALED_BYTES_MAX = 64 * 1024 * 1024 };

/* Copies the bytes; returns the descriptor (close-on-exec), the caller's, or -1. */
int sealed_new(const char *name, const void *data, size_t len, struct err *err);

struct sealed {
    const uint8_t *data;
    size_t len;
};

/* Maps it read-only after checking the seals and the size (at most max bytes). fd stays the caller's. */
bool sealed_map(int fd, size_t max, struct sealed *out, struct err *err);
void sealed_unmap(struct sealed *sealed);

/* Both are sealed and hold the same bytes (at most max). */
bool sealed_same(int a, int b, size_t max);
