#include "ban_keeper.h"

#include "access.h"
#include "bans.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { FAILURES_SETS = 1024, FAILURES_WAYS = 8 };

/* Of one address, since the first that counts. */
struct failures {
    uint8_t host[BANS_HOST_LEN];
    uint32_t count; /* 0: a free row */
    uint64_t since_ms;
};

struct ban_keeper {
    struct bans *bans;
    int fd, read_only;
    size_t banned;
    struct failures failures[FAILURES_SETS][FAILURES_WAYS];
};

struct ban_keeper *ban_keeper_new(struct err *err)
{
    struct ban_keeper *keeper = calloc(1, sizeof *keeper);
    uint64_t key[2];

    if (!keeper) {
        err_set(err, "out of memory");
        return NULL;
    }
    keeper->read_only = -1;
    keeper->fd = counters_new("bans", sizeof *keeper->bans, err);
    if (keeper->fd >= 0)
        keeper->bans = counters_map(keeper->fd, sizeof *keeper->bans, err);
    if (keeper->bans)
        keeper->read_only = counters_read_only(keeper->fd, err);
    if (keeper->read_only < 0) {
        ban_keeper_free(keeper);
        return NULL;
    }
    if (getrandom(key, sizeof key, 0) == (ssize_t)sizeof key) {
        counter_set(&keeper->bans->key[0], key[0]);
        counter_set(&keeper->bans->key[1], key[1]);
    }
    return keeper;
}

void ban_keeper_free(struct ban_keeper *keeper)
{
    if (!keeper)
        return;
    if (keeper->bans)
        (void)munmap(keeper->bans, sizeof *keeper->bans);
    if (keeper->fd >= 0)
        (void)close(keeper->fd);
    if (keeper->read_only >= 0)
        (void)close(keeper->read_only);
    free(keeper);
}

int ban_keeper_page(const struct ban_keeper *keeper)
{
    return keeper->read_only;
}

/* --- counting --- */

/* The address's row, begun anew when its last failures are too long ago. */
static struct failures *failures_of(struct ban_keeper *keeper, const uint8_t host[BANS_HOST_LEN],
                                    uint64_t span_ms, uint64_t now_ms)
{
    const struct keyed_hash_key key = bans_key(keeper->bans);
    struct failures *set = keeper->failures[keyed_hash(&key, host, BANS_HOST_LEN) % FAILURES_SETS];
    struct failures *row = &set[0];

    for (size_t i = 0; i < FAILURES_WAYS; i++) {
        if (set[i].count && memcmp(set[i].host, host, sizeof set[i].host) == 0) {
            row = &set[i];
            break;
        }
        if (!set[i].count || (row->count && set[i].since_ms < row->since_ms))
            row = &set[i];
    }
    if (!row->count || memcmp(row->host, host, sizeof row->host) != 0 || now_ms - row->since_ms > span_ms) {
        *row = (struct failures){.since_ms = now_ms};
        memcpy(row->host, host, sizeof row->host);
    }
    return row;
}

static void log_ban(const struct conf_listener *listener, const uint8_t host[BANS_HOST_LEN],
                    uint32_t failures)
{
    char text[ADDR_TEXT_LEN];
    struct log_line line;

    bans_host_text(host, text);
    log_begin(&line, LOG_LEVEL_WARNING, "ban");
    log_text(&line, "listener", listener->alias);
    log_text(&line, "client", text);
    log_number(&line, "failures", failures);
    log_number(&line, "ms", (int64_t)listener->ban_time_ms);
    log_end(&line);
}

void ban_keeper_failed(struct ban_keeper *keeper, const struct conf_listener *listener,
                       const struct addr *who, uint64_t now_ms)
{
    uint8_t host[BANS_HOST_LEN];
    struct failures *failures;
    bool banned;

    if (!listener->max_login_failures || !listener->ban_time_ms ||
        access_contains(&listener->ban_exempt, who))
        return;
    bans_host(who, host);
    failures = failures_of(keeper, host, listener->ban_time_ms, now_ms);
    if (++failures->count < listener->max_login_failures)
        return;
    banned = bans_has(keeper->bans, host, now_ms);
    bans_add(keeper->bans, host, now_ms + listener->ban_time_ms);
    if (!banned) {
        keeper->banned++;
        log_ban(listener, host, failures->count);
    }
    failures->count = 0;
}

/* --- their end --- */

static void log_unban(const uint8_t host[BANS_HOST_LEN], const char *reason)
{
    char text[ADDR_TEXT_LEN];
    struct log_line line;

    bans_host_text(host, text);
    log_begin(&line, LOG_LEVEL_INFO, "unban");
    log_text(&line, "client", text);
    log_text(&line, "reason", reason);
    log_end(&line);
}

static void on_over(void *owner, const uint8_t host[BANS_HOST_LEN])
{
    (void)owner;
    log_unban(host, "its time is over");
}

size_t ban_keeper_tick(struct ban_keeper *keeper, uint64_t now_ms)
{
    if (keeper->banned)
        keeper->banned = bans_expire(keeper->bans, now_ms, false, on_over, NULL);
    return keeper->banned;
}

static void on_asked(void *owner, const uint8_t host[BANS_HOST_LEN])
{
    size_t *ended = owner;

    ++*ended;
    log_unban(host, "asked for");
}

size_t ban_keeper_unban(struct ban_keeper *keeper, const struct addr *who)
{
    uint8_t host[BANS_HOST_LEN];
    size_t ended = 0;

    if (!who) {
        keeper->banned = bans_expire(keeper->bans, 0, true, on_asked, &ended);
        return ended;
    }
    bans_host(who, host);
    if (bans_remove(keeper->bans, host)) {
        on_asked(&ended, host);
        keeper->banned -= keeper->banned > 0;
    }
    return ended;
}
