#include "totals.h"

#include <string.h>

void totals_clear(struct totals *totals)
{
    memset((void *)totals, 0, sizeof *totals);
}

/* Finds or makes; NULL when there are too many. */
static struct listener_totals *listener_of(struct totals *totals, const char *alias)
{
    for (size_t i = 0; i < totals->listener_count; i++)
        if (!strcmp(totals->listeners[i].alias, alias))
            return &totals->listeners[i];
    if (totals->listener_count == TOTALS_LISTENERS_MAX)
        return NULL;
    totals->listeners[totals->listener_count].alias = alias;
    return &totals->listeners[totals->listener_count++];
}

static struct keystore_totals *keystore_of(struct totals *totals, const char *alias)
{
    for (size_t i = 0; i < totals->keystore_count; i++)
        if (!strcmp(totals->keystores[i].alias, alias))
            return &totals->keystores[i];
    if (totals->keystore_count == TOTALS_KEYSTORES_MAX)
        return NULL;
    totals->keystores[totals->keystore_count].alias = alias;
    return &totals->keystores[totals->keystore_count++];
}

void totals_expect(struct totals *totals, const struct counters_names *names)
{
    for (size_t i = 0; i < names->listener_count; i++)
        (void)listener_of(totals, names->listeners[i]);
    for (size_t i = 0; i < names->keystore_count; i++)
        (void)keystore_of(totals, names->keystores[i]);
}

void totals_expect_signers(struct totals *totals, const char *keystore, uint32_t count)
{
    struct keystore_totals *row = keystore_of(totals, keystore);

    if (row)
        row->signers_wanted = count;
}

static void add_listener(struct listener_totals *row, struct listener_counters *from)
{
    listener_counters_add(&row->counters, from);
    counter_add_saturating(&row->counters.sessions, counter_get(&from->sessions));
    counter_add_saturating(&row->counters.passive_ports_in_use, counter_get(&from->passive_ports_in_use));
}

static void add_keystore(struct keystore_totals *row, struct keystore_counters *from)
{
    keystore_counters_add(&row->counters, from);
    counter_add_saturating(&row->counters.in_flight, counter_get(&from->in_flight));
    counter_add_saturating(&row->counters.waiting, counter_get(&from->waiting));
}

/* Texts of pages may change while they are read, and need not end. */
static void copy_text(char out[COUNTERS_TEXT_MAX], const char *from)
{
    size_t len = 0;

    for (; len < COUNTERS_TEXT_MAX - 1 && from[len]; len++)
        out[len] = from[len];
    out[len] = 0;
}

static void add_backend(struct totals *totals, struct backend_counters *from)
{
    char text[COUNTERS_TEXT_MAX];
    uint64_t health = counter_get(&from->health);
    size_t i = 0;

    copy_text(text, from->text);
    while (i < totals->backend_count && strcmp(totals->backends[i].text, text) != 0)
        i++;
    if (i == sizeof totals->backends / sizeof totals->backends[0])
        return;
    if (i == totals->backend_count) {
        memcpy(totals->backends[i].text, text, sizeof text);
        totals->backend_count++;
    }
    totals->backends[i].known = totals->backends[i].known || health != BACKEND_UNKNOWN;
    totals->backends[i].down = totals->backends[i].down || health == BACKEND_DOWN;
}

static void add_certificate(struct totals *totals, const struct counters_names *names,
                            struct certificate_expiry *from)
{
    uint32_t listener = atomic_load_explicit(&from->listener, memory_order_relaxed);
    uint64_t not_after = counter_get(&from->not_after);
    struct certificate_totals *row = totals->certificates;
    char alias[COUNTERS_TEXT_MAX];
    size_t i = 0;

    if (!not_after || listener >= names->listener_count)
        return;
    copy_text(alias, from->alias);
    while (i < totals->certificate_count &&
           (strcmp(row[i].listener, names->listeners[listener]) != 0 || strcmp(row[i].alias, alias) != 0))
        i++;
    if (i == sizeof totals->certificates / sizeof totals->certificates[0])
        return;
    if (i == totals->certificate_count) {
        row[i].listener = names->listeners[listener];
        memcpy(row[i].alias, alias, sizeof alias);
        totals->certificate_count++;
    }
    row[i].not_after = not_after > row[i].not_after ? not_after : row[i].not_after;
}

void totals_add_worker(struct totals *totals, const struct counters_names *names, struct counters_page *page)
{
    for (size_t i = 0; i < names->listener_count && i < COUNTERS_LISTENERS_MAX; i++) {
        struct listener_totals *row = listener_of(totals, names->listeners[i]);

        if (row)
            add_listener(row, &page->listeners[i]);
    }
    for (size_t i = 0; i < names->keystore_count && i < COUNTERS_KEYSTORES_MAX; i++) {
        struct keystore_totals *row = keystore_of(totals, names->keystores[i]);

        if (row)
            add_keystore(row, &page->keystores[i]);
    }
    for (size_t i = 0; i < COUNTERS_BACKENDS_MAX && counter_get(&page->backends[i].named); i++)
        add_backend(totals, &page->backends[i]);
    for (size_t i = 0; i < COUNTERS_CERTIFICATES_MAX; i++)
        add_certificate(totals, names, &page->certificates[i]);
    counter_add_saturating(&totals->log_dropped, counter_get(&page->log_dropped));
}

/* A state that does not exist is a fault of the one that wrote it. */
static size_t signer_state(struct signer_page *page)
{
    uint64_t state = counter_get(&page->state);

    if (state > SIGNER_FAULTY)
        return SIGNER_FAULTY;
    if (counter_get(&page->login_since_ms))
        return SIGNER_LOGGING_IN;
    if (state == SIGNER_READY && counter_get(&page->busy_since_ms))
        return SIGNER_BUSY;
    return (size_t)state;
}

void totals_add_signer(struct totals *totals, const char *keystore, struct signer_page *page)
{
    struct keystore_totals *row = keystore_of(totals, keystore);

    if (!row)
        return;
    row->signers[signer_state(page)]++;
    counter_add_saturating(&row->signer_signatures, counter_get(&page->signatures));
    counter_add_saturating(&row->signer_refused, counter_get(&page->refused));
    counter_add_saturating(&row->signer_failures, counter_get(&page->failures));
    ckr_counters_add(row->errors, page->errors);
}

void totals_add_history(struct totals *totals, struct counters_history *history)
{
    for (size_t i = 0; i < totals->listener_count; i++) {
        struct listener_totals *row = &totals->listeners[i];
        struct listener_history *past = counters_history_listener(history, row->alias);

        if (past)
            listener_counters_add(&row->counters, &past->counters);
    }
    for (size_t i = 0; i < totals->keystore_count; i++) {
        struct keystore_totals *row = &totals->keystores[i];
        struct keystore_history *past = counters_history_keystore(history, row->alias);

        if (!past)
            continue;
        keystore_counters_add(&row->counters, &past->counters);
        counter_add_saturating(&row->signer_signatures, counter_get(&past->signer_signatures));
        counter_add_saturating(&row->signer_refused, counter_get(&past->signer_refused));
        counter_add_saturating(&row->signer_failures, counter_get(&past->signer_failures));
        ckr_counters_add(row->errors, past->errors);
    }
    counter_add_saturating(&totals->log_dropped, counter_get(&history->log_dropped));
    counter_set(&totals->bans, counter_get(&history->bans));
}

void totals_settle(struct totals *totals)
{
    for (size_t i = 0; i < totals->keystore_count; i++) {
        struct keystore_totals *row = &totals->keystores[i];
        uint32_t there = 0;

        for (size_t state = 0; state < TOTALS_DOWN; state++)
            there += row->signers[state];
        row->signers[TOTALS_DOWN] = row->signers_wanted > there ? row->signers_wanted - there : 0;
    }
}
