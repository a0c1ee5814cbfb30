#include "counters_history.h"

#include <string.h>

/* The row of an alias ("": the first free one) in a table whose rows are stride bytes apart; count: none. */
static size_t row_find(const char *aliases, size_t stride, size_t count, const char *alias)
{
    for (size_t i = 0; i < count; i++)
        if (!strncmp(aliases + i * stride, alias, COUNTERS_NAME_MAX))
            return i;
    return count;
}

/* An alias that a row can hold: the configuration's have 1 to 255 bytes. */
static bool alias_fits(const char *alias)
{
    return alias && *alias && strlen(alias) < COUNTERS_NAME_MAX;
}

struct listener_history *counters_history_listener(struct counters_history *history, const char *alias)
{
    size_t row;

    if (!alias_fits(alias))
        return NULL;
    row = row_find(history->listeners[0].alias, sizeof history->listeners[0], COUNTERS_LISTENERS_MAX, alias);
    return row < COUNTERS_LISTENERS_MAX ? &history->listeners[row] : NULL;
}

struct keystore_history *counters_history_keystore(struct counters_history *history, const char *alias)
{
    size_t row;

    if (!alias_fits(alias))
        return NULL;
    row = row_find(history->keystores[0].alias, sizeof history->keystores[0], COUNTERS_KEYSTORES_MAX, alias);
    return row < COUNTERS_KEYSTORES_MAX ? &history->keystores[row] : NULL;
}

/* The row of an alias, which takes a free one if it has none yet; count: none. */
static size_t row_take(char *aliases, size_t stride, size_t count, const char *alias)
{
    size_t row;

    if (!alias_fits(alias))
        return count;
    row = row_find(aliases, stride, count, alias);
    if (row < count)
        return row;
    row = row_find(aliases, stride, count, "");
    if (row < count)
        memcpy(aliases + row * stride, alias, strlen(alias) + 1);
    return row;
}

static size_t listener_row(struct counters_history *history, const char *alias)
{
    return row_take(history->listeners[0].alias, sizeof history->listeners[0], COUNTERS_LISTENERS_MAX, alias);
}

static size_t keystore_row(struct counters_history *history, const char *alias)
{
    return row_take(history->keystores[0].alias, sizeof history->keystores[0], COUNTERS_KEYSTORES_MAX, alias);
}

/* A reader that sees an odd sequence, or another one at its end, has copied a move half done. */
static void move_begin(struct counters_history *history)
{
    atomic_fetch_add_explicit(&history->sequence, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

static void move_end(struct counters_history *history)
{
    atomic_thread_fence(memory_order_seq_cst);
    atomic_fetch_add_explicit(&history->sequence, 1, memory_order_relaxed);
}

void counters_history_take_worker(struct counters_history *history, const struct counters_names *names,
                                  struct counters_page *page)
{
    move_begin(history);
    for (size_t i = 0; i < names->listener_count && i < COUNTERS_LISTENERS_MAX; i++) {
        size_t row = listener_row(history, names->listeners[i]);

        if (row < COUNTERS_LISTENERS_MAX)
            listener_counters_add(&history->listeners[row].counters, &page->listeners[i]);
    }
    for (size_t i = 0; i < names->keystore_count && i < COUNTERS_KEYSTORES_MAX; i++) {
        size_t row = keystore_row(history, names->keystores[i]);

        if (row < COUNTERS_KEYSTORES_MAX)
            keystore_counters_add(&history->keystores[row].counters, &page->keystores[i]);
    }
    counter_add_saturating(&history->log_dropped, counter_get(&page->log_dropped));
    memset((void *)page, 0, sizeof *page);
    move_end(history);
}

void counters_history_take_signer(struct counters_history *history, const char *keystore,
                                  struct signer_page *page)
{
    size_t at;

    move_begin(history);
    at = keystore_row(history, keystore);
    if (at < COUNTERS_KEYSTORES_MAX) {
        struct keystore_history *row = &history->keystores[at];

        counter_add_saturating(&row->signer_signatures, counter_get(&page->signatures));
        counter_add_saturating(&row->signer_refused, counter_get(&page->refused));
        counter_add_saturating(&row->signer_failures, counter_get(&page->failures));
        ckr_counters_add(row->errors, page->errors);
    }
    memset((void *)page, 0, sizeof *page);
    move_end(history);
}

uint64_t counters_history_begin(struct counters_history *history)
{
    uint64_t begun = counter_get(&history->sequence);

    atomic_thread_fence(memory_order_seq_cst);
    return begun;
}

bool counters_history_same(struct counters_history *history, uint64_t begun)
{
    atomic_thread_fence(memory_order_seq_cst);
    return !(begun & 1) && counter_get(&history->sequence) == begun;
}
