#include "rate_table.h"

#include <stddef.h>

enum { COUNT_BITS = 32 };

struct rate_set *rate_table_set(struct rate_table *table, enum limit_kind kind, uint64_t key)
{
    return kind == LIMIT_SIGNATURES ? &table->keystores : &table->others[key % COUNTERS_RATE_SETS];
}

/* Even and odd seconds have a cell each, which says whose it is: a number of another second counts nothing.
 */
static counter *cell_of(struct rate_row *row, uint32_t second)
{
    return &row->cells[second % 2];
}

static uint64_t count_of(struct rate_row *row, uint32_t second)
{
    uint64_t cell = atomic_load(cell_of(row, second));

    return cell >> COUNT_BITS == second ? cell & UINT32_MAX : 0;
}

static void set_count(struct rate_row *row, uint32_t second, uint64_t count)
{
    /* Before the others' counts are read: of two who come at once, none overlooks the other. */
    atomic_store(cell_of(row, second), (uint64_t)second << COUNT_BITS | count);
}

static struct rate_row *find(struct rate_set *set, uint64_t key)
{
    for (size_t i = 0; i < COUNTERS_RATE_ROWS; i++)
        if (counter_get(&set->rows[i].key) == key)
            return &set->rows[i];
    return NULL;
}

static struct rate_row *make(struct rate_set *set, uint64_t key, uint32_t second)
{
    struct rate_row *least = NULL;
    uint64_t least_done = UINT64_MAX;

    for (size_t i = 0; i < COUNTERS_RATE_ROWS && least_done; i++) {
        struct rate_row *row = &set->rows[i];
        uint64_t done = count_of(row, second) + count_of(row, second - 1);

        if (done < least_done) {
            least_done = done;
            least = row;
        }
    }
    counter_set(&least->cells[0], 0);
    counter_set(&least->cells[1], 0);
    counter_set(&least->key, key);
    return least;
}

void rate_set_add(struct rate_set *set, uint64_t key, uint32_t second)
{
    struct rate_row *row = find(set, key);

    if (!row)
        row = make(set, key, second);
    set_count(row, second, count_of(row, second) + 1);
}

void rate_set_subtract(struct rate_set *set, uint64_t key, uint32_t second)
{
    struct rate_row *row = find(set, key);
    uint64_t count = row ? count_of(row, second) : 0;

    if (count)
        set_count(row, second, count - 1);
}

struct rate_counts rate_set_counts(struct rate_set *set, uint64_t key, uint32_t second)
{
    struct rate_row *row = find(set, key);

    if (!row)
        return (struct rate_counts){0};
    return (struct rate_counts){count_of(row, second), count_of(row, second - 1)};
}
