#include "board.h"

#include "counters_history.h"
#include "metrics.h"
#include "roster.h"
#include "totals.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <time.h>

/* More than 10 generations of 64 workers and 16 x 64 signers. */
enum { BOARD_PAGES_MAX = 16384 };

/* A move into the history takes microseconds: a reader that met one looks again, but not for ever. */
enum { COLLECT_TRIES = 50, COLLECT_WAIT_NS = 100000 };

enum keystore_word { KEYSTORE_SILENT, KEYSTORE_SIGNS, KEYSTORE_AWAY };

struct page {
    uint32_t kind, index;
    struct roster *roster; /* the configuration that numbers it */
    size_t size;
    void *memory; /* NULL: gone; should its number come back, it is of the same configuration */
    LIST_ENTRY(page) entry;
};

LIST_HEAD(page_list, page);

struct board {
    pthread_mutex_t lock;
    struct roster *roster; /* of the newest configuration; NULL before the first */
    enum keystore_word words[COUNTERS_KEYSTORES_MAX];
    struct page_list pages;
    size_t page_count;
    struct totals totals; /* what was collected last */
    struct expiry *expiry;
};

/* -- pages --------------------------------------------------------------------------------------- */

static void page_free(struct board *board, struct page *page)
{
    LIST_REMOVE(page, entry);
    board->page_count--;
    if (page->memory)
        (void)munmap(page->memory, page->size);
    roster_drop(page->roster);
    free(page);
}

static struct page *page_find(struct board *board, uint32_t kind, uint32_t index)
{
    struct page *page;

    LIST_FOREACH(page, &board->pages, entry)
    {
        if (page->kind == kind && (page->index == index || kind == GRANT_HISTORY_PAGE))
            return page;
    }
    return NULL;
}

static size_t page_size(uint32_t kind)
{
    switch (kind) {
    case GRANT_WORKER_PAGE:
        return sizeof(struct counters_page);
    case GRANT_SIGNER_PAGE:
        return sizeof(struct signer_page);
    case GRANT_HISTORY_PAGE:
        return sizeof(struct counters_history);
    default:
        return 0;
    }
}

static struct page *page_new(const struct grant *grant, struct err *err)
{
    struct page *page = calloc(1, sizeof *page);

    if (!page) {
        err_set(err, "out of memory");
        return NULL;
    }
    page->kind = grant->kind;
    page->index = grant->index;
    page->size = page_size(grant->kind);
    page->memory = counters_view(grant->fd, page->size, err);
    if (!page->memory) {
        free(page);
        return NULL;
    }
    return page;
}

/* Under the lock. A signer that died in an old configuration and starts again is still the old one's, whether
 * or not its end was told before. */
static bool page_insert(struct board *board, struct page *page)
{
    struct page *old = page_find(board, page->kind, page->index);
    struct roster *roster = old ? old->roster : board->roster;

    if (!roster || (!old && board->page_count >= BOARD_PAGES_MAX))
        return false;
    page->roster = roster_hold(roster);
    if (old)
        page_free(board, old);
    LIST_INSERT_HEAD(&board->pages, page, entry);
    board->page_count++;
    return true;
}

bool board_add_page(struct board *board, const struct grant *grant, struct err *err)
{
    struct page *page;
    bool added;

    if (!page_size(grant->kind)) {
        err_set(err, "a grant of kind %u is no page", (unsigned)grant->kind);
        return false;
    }
    page = page_new(grant, err);
    if (!page)
        return false;
    pthread_mutex_lock(&board->lock);
    added = page_insert(board, page);
    pthread_mutex_unlock(&board->lock);
    if (added)
        return true;
    err_set(err, "a page came before a configuration, or too many");
    (void)munmap(page->memory, page->size);
    free(page);
    return false;
}

void board_remove_page(struct board *board, uint32_t kind, uint32_t index)
{
    struct page *page;

    pthread_mutex_lock(&board->lock);
    page = page_find(board, kind, index);
    if (page && page->memory) {
        (void)munmap(page->memory, page->size);
        page->memory = NULL;
    }
    pthread_mutex_unlock(&board->lock);
}

/* With a new configuration numbers begin anew, but for those that are in use. */
static void forget_gone_pages(struct board *board)
{
    struct page *page, *next;

    for (page = LIST_FIRST(&board->pages); page; page = next) {
        next = LIST_NEXT(page, entry);
        if (!page->memory)
            page_free(board, page);
    }
}

/* -- configuration and keystores ----------------------------------------------------------------- */

/* A keystore keeps what was said of it, whatever its number is now. */
static void words_move(enum keystore_word words[COUNTERS_KEYSTORES_MAX], const struct roster *from,
                       const struct roster *to)
{
    enum keystore_word moved[COUNTERS_KEYSTORES_MAX] = {KEYSTORE_SILENT};

    for (size_t i = 0; i < to->names.keystore_count; i++)
        for (size_t j = 0; from && j < from->names.keystore_count; j++)
            if (!strcmp(to->names.keystores[i], from->names.keystores[j]))
                moved[i] = words[j];
    memcpy(words, moved, sizeof moved);
}

bool board_configure(struct board *board, int fd, struct err *err)
{
    struct roster *roster = roster_read(fd, err), *old;

    if (!roster)
        return false;
    pthread_mutex_lock(&board->lock);
    old = board->roster;
    words_move(board->words, old, roster);
    board->roster = roster;
    roster_drop(old);
    forget_gone_pages(board);
    pthread_mutex_unlock(&board->lock);
    return true;
}

bool board_log_json(struct board *board)
{
    bool json;

    pthread_mutex_lock(&board->lock);
    json = board->roster && board->roster->log_json;
    pthread_mutex_unlock(&board->lock);
    return json;
}

void board_set_keystore(struct board *board, uint32_t keystore, bool can_sign)
{
    if (keystore >= COUNTERS_KEYSTORES_MAX)
        return;
    pthread_mutex_lock(&board->lock);
    board->words[keystore] = can_sign ? KEYSTORE_SIGNS : KEYSTORE_AWAY;
    pthread_mutex_unlock(&board->lock);
}

/* -- texts ---------------------------------------------------------------------------------------- */

static void add_page(struct totals *totals, struct page *page)
{
    const struct counters_names *names = &page->roster->names;
    uint32_t keystore = page->index >> 16;

    if (page->kind == GRANT_WORKER_PAGE)
        totals_add_worker(totals, names, page->memory);
    else if (page->kind == GRANT_SIGNER_PAGE && keystore < names->keystore_count)
        totals_add_signer(totals, names->keystores[keystore], page->memory);
}

static void collect_once(struct board *board, struct counters_history *history)
{
    struct totals *totals = &board->totals;
    struct page *page;

    totals_clear(totals);
    totals->now_seconds = (int64_t)time(NULL);
    if (!board->roster)
        return;
    totals_expect(totals, &board->roster->names);
    for (size_t i = 0; i < board->roster->names.keystore_count; i++)
        totals_expect_signers(totals, board->roster->names.keystores[i], board->roster->signers[i]);
    LIST_FOREACH(page, &board->pages, entry)
    {
        if (page->memory)
            add_page(totals, page);
    }
    if (history)
        totals_add_history(totals, history);
    totals_settle(totals);
}

static void collect(struct board *board)
{
    const struct timespec wait = {.tv_nsec = COLLECT_WAIT_NS};
    struct page *past = page_find(board, GRANT_HISTORY_PAGE, 0);
    struct counters_history *history = past ? past->memory : NULL;

    for (int i = 0; i < COLLECT_TRIES; i++) {
        uint64_t begun = history ? counters_history_begin(history) : 0;

        collect_once(board, history);
        if (!history || counters_history_same(history, begun))
            return;
        (void)nanosleep(&wait, NULL);
    }
}

bool board_metrics(struct board *board, struct buf *out)
{
    bool written;

    pthread_mutex_lock(&board->lock);
    collect(board);
    written = metrics_write(&board->totals, out);
    pthread_mutex_unlock(&board->lock);
    return written;
}

void board_tell_expiry(struct board *board, expiry_function *tell, void *owner)
{
    pthread_mutex_lock(&board->lock);
    collect(board);
    expiry_check(board->expiry, &board->totals, tell, owner);
    pthread_mutex_unlock(&board->lock);
}

static bool keystore_ready(struct board *board, size_t keystore, struct buf *out)
{
    const char *alias = board->roster->names.keystores[keystore];

    if (!board->roster->needed[keystore] || board->words[keystore] == KEYSTORE_SIGNS)
        return true;
    (void)buf_printf(out, "keystore \"%s\" cannot sign: %s\n", alias,
                     board->words[keystore] == KEYSTORE_AWAY ? "no signer of it has a working token"
                                                             : "none of its signers has been ready yet");
    return false;
}

bool board_ready(struct board *board, struct buf *out)
{
    bool ready = true;

    pthread_mutex_lock(&board->lock);
    if (!board->roster) {
        (void)buf_add_text(out, "no configuration is in force yet\n");
        ready = false;
    }
    for (size_t i = 0; board->roster && i < board->roster->names.keystore_count; i++)
        ready = keystore_ready(board, i, out) && ready;
    pthread_mutex_unlock(&board->lock);
    if (ready)
        (void)buf_add_text(out, "ready\n");
    return ready;
}

/* -- making --------------------------------------------------------------------------------------- */

struct board *board_new(struct err *err)
{
    struct board *board = calloc(1, sizeof *board);

    if (board)
        board->expiry = expiry_new();
    if (!board || !board->expiry || pthread_mutex_init(&board->lock, NULL)) {
        err_set(err, "out of memory");
        if (board)
            expiry_free(board->expiry);
        free(board);
        return NULL;
    }
    LIST_INIT(&board->pages);
    return board;
}

void board_free(struct board *board)
{
    struct page *page, *next;

    if (!board)
        return;
    for (page = LIST_FIRST(&board->pages); page; page = next) {
        next = LIST_NEXT(page, entry);
        page_free(board, page);
    }
    roster_drop(board->roster);
    expiry_free(board->expiry);
    (void)pthread_mutex_destroy(&board->lock);
    free(board);
}
