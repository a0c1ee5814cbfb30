#include "orders.h"

#include "log.h"
#include "pack.h"
#include "sessions.h"
#include "setup.h"

#include <stdlib.h>
#include <string.h>

static bool order_unban(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    bool everybody = strcmp(argument, "all") == 0;
    struct addr who;
    struct err err;
    size_t ended;

    if (!everybody && !addr_parse_host(argument, &who, &err)) {
        (void)buf_printf(answer, "unban: %s, nor \"all\"\n", err.text);
        return false;
    }
    ended = ban_keeper_unban(supervisor->bans, everybody ? NULL : &who);
    if (!everybody && !ended) {
        (void)buf_printf(answer, "%s is not banned\n", argument);
        return false;
    }
    return buf_printf(answer, "%zu bans ended\n", ended);
}

static bool order_disable(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    return switches_turn(supervisor, false, argument, answer);
}

static bool order_enable(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    return switches_turn(supervisor, true, argument, answer);
}

static bool order_sessions(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    (void)argument;
    return sessions_write(supervisor, answer);
}

/* The worker that shows it is told: whether it is true, it knows itself. */
static bool order_kick(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    char *end;
    uint64_t id = strtoull(argument, &end, 16);
    struct crew *crew;
    bool found = false;

    if (*end || end == argument || !id) {
        (void)buf_printf(answer, "\"%s\" is not a session's id, as in `p11gate ctl sessions`\n", argument);
        return false;
    }
    TAILQ_FOREACH(crew, &supervisor->crews, entry) found = worker_pool_kick(crew->workers, id) || found;
    if (!found) {
        (void)buf_printf(answer, "there is no session %s\n", argument);
        return false;
    }
    log_event(LOG_LEVEL_INFO, "kick", "session %llx", (unsigned long long)id);
    return buf_printf(answer, "session %s is ended\n", argument);
}

static bool order_drain(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    (void)argument;
    if (supervisor->phase != PHASE_RUNNING) {
        (void)buf_add_text(answer, "p11gate stops already\n");
        return false;
    }
    log_event(LOG_LEVEL_INFO, "drain", NULL);
    supervisor->draining = true;
    phase_enter(supervisor, PHASE_STOP_WORKERS);
    return buf_add_text(answer, "no new sessions; p11gate ends with the last that there is\n");
}

static bool order_reopen_logs(struct supervisor *supervisor, const char *argument, struct buf *answer)
{
    (void)argument;
    log_keeper_reopen(supervisor->logs);
    return buf_add_text(answer, "reopened\n");
}

static const struct order {
    const char *word, *argument; /* "": none */
    bool (*act)(struct supervisor *supervisor, const char *argument, struct buf *answer);
} orders[] = {
    {"sessions", "", order_sessions},       {"kick", "ID", order_kick},
    {"unban", "IP", order_unban},           {"disable", "LISTENER", order_disable},
    {"enable", "LISTENER", order_enable},   {"drain", "", order_drain},
    {"reopen-logs", "", order_reopen_logs},
};

enum { ORDERS = sizeof orders / sizeof orders[0] };

bool orders_do(struct supervisor *supervisor, const char *word, const char *argument, struct buf *answer)
{
    for (size_t i = 0; i < ORDERS; i++) {
        if (strcmp(orders[i].word, word) != 0)
            continue;
        if (!orders[i].argument[0] == !argument[0])
            return orders[i].act(supervisor, argument, answer);
        (void)buf_printf(answer, "%s %s\n", word, orders[i].argument);
        return false;
    }
    (void)buf_add_text(answer, "unknown command: one of status, reload");
    for (size_t i = 0; i < ORDERS; i++)
        (void)buf_printf(answer, ", %s", orders[i].word);
    (void)buf_add_text(answer, "\n");
    return false;
}
