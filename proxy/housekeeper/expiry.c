#include "expiry.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 2 * COUNTERS_CERTIFICATES_MAX, DAY_SECONDS = 86400 };

/* What was told of a certificate last. */
struct told {
    char listener[COUNTERS_NAME_MAX], alias[COUNTERS_TEXT_MAX];
    uint64_t not_after; /* 0: a free row */
    int step;
};

struct expiry {
    struct told rows[ROWS];
    size_t next; /* the row that is given away when all are taken */
};

struct expiry *expiry_new(void)
{
    return calloc(1, sizeof(struct expiry));
}

void expiry_free(struct expiry *expiry)
{
    free(expiry);
}

static int64_t days_left(uint64_t not_after, int64_t now)
{
    int64_t end = not_after < INT64_MAX ? (int64_t)not_after : INT64_MAX;

    return end <= now ? 0 : (end - now - 1) / DAY_SECONDS + 1;
}

/* 0: nothing to tell yet; the larger, the nearer the end. */
static int step_of(int64_t days)
{
    static const int64_t steps[] = {30, 14, 7, 1, 0};
    int step = 0;

    while (step < (int)(sizeof steps / sizeof steps[0]) && days <= steps[step])
        step++;
    return step;
}

static struct told *row_of(struct expiry *expiry, const struct certificate_totals *certificate)
{
    struct told *row;

    for (size_t i = 0; i < ROWS && expiry->rows[i].not_after; i++)
        if (strcmp(expiry->rows[i].listener, certificate->listener) == 0 &&
            strcmp(expiry->rows[i].alias, certificate->alias) == 0)
            return &expiry->rows[i];
    row = &expiry->rows[expiry->next++ % ROWS];
    memset(row, 0, sizeof *row);
    memcpy(row->listener, certificate->listener, strnlen(certificate->listener, sizeof row->listener - 1));
    memcpy(row->alias, certificate->alias, strnlen(certificate->alias, sizeof row->alias - 1));
    return row;
}

void expiry_check(struct expiry *expiry, const struct totals *totals, expiry_function *tell, void *owner)
{
    for (size_t i = 0; i < totals->certificate_count; i++) {
        const struct certificate_totals *certificate = &totals->certificates[i];
        int64_t days = days_left(certificate->not_after, totals->now_seconds);
        struct told *row = row_of(expiry, certificate);

        if (row->not_after != certificate->not_after)
            row->step = 0;
        row->not_after = certificate->not_after;
        if (step_of(days) > row->step)
            tell(owner, certificate->listener, certificate->alias, days);
        row->step = step_of(days);
    }
}
