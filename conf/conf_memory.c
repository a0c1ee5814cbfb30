#include "conf_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    size_t size;
    max_align_t bytes[];
};

struct conf_memory {
    struct block *blocks;
};

struct conf_memory *conf_memory_new(void)
{
    return calloc(1, sizeof(struct conf_memory));
}

void conf_memory_free(struct conf_memory *memory)
{
    if (!memory)
        return;
    while (memory->blocks) {
        struct block *block = memory->blocks;

        memory->blocks = block->next;
        explicit_bzero(block->bytes, block->size); /* passwords and secrets are among them */
        free(block);
    }
    free(memory);
}

void *conf_memory_array(struct conf_memory *memory, size_t count, size_t size)
{
    struct block *block;

    if (count && size > (SIZE_MAX - sizeof *block) / count)
        return NULL;
    block = calloc(1, sizeof *block + count * size);
    if (!block)
        return NULL;
    block->next = memory->blocks;
    block->size = count * size;
    memory->blocks = block;
    return block->bytes;
}

char *conf_memory_bytes(struct conf_memory *memory, const char *data, size_t len)
{
    char *copy = len < SIZE_MAX ? conf_memory_array(memory, len + 1, 1) : NULL;

    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

char *conf_memory_text(struct conf_memory *memory, const char *text)
{
    return conf_memory_bytes(memory, text, strlen(text));
}
