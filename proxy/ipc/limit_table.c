#include "limit_table.h"

#include <string.h>

/* Rows that are looked at for one key; three kinds of keys for 16,384 sessions fill half of the table at
 * most. */
enum { PROBES = 48 };

uint64_t limit_key(const struct keyed_hash_key *hash, enum limit_kind kind, const char *alias,
                   const uint8_t *host)
{
    uint8_t bytes[1 + 16 + 256] = {(uint8_t)kind};
    size_t len = strnlen(alias, 256);
    uint64_t key;

    if (host)
        memcpy(bytes + 1, host, 16);
    memcpy(bytes + 17, alias, len);
    key = keyed_hash(hash, bytes, 17 + len);
    return key ? key : 1;
}

static struct limit_entry *row_at(struct limit_table *table, uint64_t key, size_t probe)
{
    return &table->entries[(key + probe) % COUNTERS_LIMITS_MAX];
}

static struct limit_entry *find(struct limit_table *table, uint64_t key)
{
    for (size_t i = 0; i < PROBES; i++) {
        struct limit_entry *row = row_at(table, key, i);
        uint64_t found = counter_get(&row->key);

        if (found == key)
            return row;
        if (!found)
            break; /* never used: nothing was put behind it */
    }
    return NULL;
}

/* Rows are taken again when their count is 0, never emptied: what stands behind them stays to be found. */
static struct limit_entry *make(struct limit_table *table, uint64_t key)
{
    for (size_t i = 0; i < PROBES; i++) {
        struct limit_entry *row = row_at(table, key, i);

        if (counter_get(&row->count))
            continue;
        counter_set(&row->key, key);
        return row;
    }
    return NULL;
}

bool limit_table_add(struct limit_table *table, uint64_t key)
{
    struct limit_entry *row = find(table, key);

    if (!row)
        row = make(table, key);
    if (row)
        /* Before the others' counts are read: of two who come at once, none overlooks the other. */
        atomic_store(&row->count, counter_get(&row->count) + 1);
    return row;
}

void limit_table_subtract(struct limit_table *table, uint64_t key)
{
    struct limit_entry *row = find(table, key);

    if (row && counter_get(&row->count))
        counter_set(&row->count, counter_get(&row->count) - 1);
}

void limit_table_set(struct limit_table *table, uint64_t key, uint64_t count)
{
    struct limit_entry *row = find(table, key);

    if (!row && count)
        row = make(table, key);
    if (row)
        atomic_store(&row->count, count);
}

uint64_t limit_table_count(struct limit_table *table, uint64_t key)
{
    struct limit_entry *row = find(table, key);

    return row ? atomic_load(&row->count) : 0;
}
