#include "counters_rows.h"

#include "counters.h"

#include <string.h>

struct backend_counters *counters_backend(struct counters_page *page, const char *text)
{
    if (!text[0] || strlen(text) >= COUNTERS_TEXT_MAX)
        return NULL;
    for (size_t i = 0; i < COUNTERS_BACKENDS_MAX; i++) {
        struct backend_counters *row = &page->backends[i];

        if (!counter_get(&row->named)) {
            memcpy(row->text, text, strlen(text) + 1);
            atomic_store_explicit(&row->named, 1, memory_order_release);
        }
        if (strcmp(row->text, text) == 0)
            return row;
    }
    return NULL;
}

void counters_certificate(struct counters_page *page, uint32_t listener, const char *alias,
                          uint64_t not_after)
{
    size_t len = strnlen(alias, COUNTERS_TEXT_MAX - 1);

    for (size_t i = 0; i < COUNTERS_CERTIFICATES_MAX; i++) {
        struct certificate_expiry *row = &page->certificates[i];
        bool is_free = !counter_get(&row->not_after);

        if (is_free) {
            atomic_store_explicit(&row->listener, listener, memory_order_relaxed);
            memcpy(row->alias, alias, len);
            row->alias[len] = 0;
        }
        if (is_free || (atomic_load_explicit(&row->listener, memory_order_relaxed) == listener &&
                        strncmp(row->alias, alias, len) == 0 && !row->alias[len])) {
            atomic_store_explicit(&row->not_after, not_after, memory_order_release);
            return;
        }
    }
}
