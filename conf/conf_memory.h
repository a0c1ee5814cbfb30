/*
 * Memory that is given back all at once: what a configuration is made of. Owned by the struct conf
 * that it was made for. Any process; never blocks.
 */
#pragma once

#include <stddef.h>

struct conf_memory;

struct conf_memory *conf_memory_new(void);
void conf_memory_free(struct conf_memory *memory);

/* count zeroed members of size bytes, aligned for anything; NULL when memory is out. count may be 0. */
void *conf_memory_array(struct conf_memory *memory, size_t count, size_t size);

/* A copy with a NUL behind it. */
char *conf_memory_bytes(struct conf_memory *memory, const char *data, size_t len);
char *conf_memory_text(struct conf_memory *memory, const char *text);
