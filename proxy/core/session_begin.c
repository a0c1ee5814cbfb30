/* How a client becomes a session: may it connect, is it banned, is there room for it. */
#include "access.h"
#include "arrival.h"
#include "bans.h"
#include "conf.h"
#include "counters.h"
#include "loop.h"
#include "protocol.h"
#include "quotas.h"
#include "session_private.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Unique among the living processes of a machine: they differ by process, then by count. */
static uint64_t session_next_id(void)
{
    static uint64_t count;

    return ((uint64_t)getpid() << 32) | (++count & 0xffffffffu);
}

static struct session_slot *slot_find(struct counters_page *page)
{
    static size_t next;

    for (size_t i = 0; i < COUNTERS_SLOTS_MAX; i++) {
        struct session_slot *slot = &page->slots[next++ % COUNTERS_SLOTS_MAX];
        if (!counter_get(&slot->id))
            return slot;
    }
    return NULL;
}

static void slot_fill(struct session *session)
{
    struct session_slot *slot = slot_find(session->service->setup.counters);
    const struct addr *peer = &session->peer;

    session->slot = slot;
    if (!slot)
        return;
    memset(slot->client, 0, sizeof slot->client);
    slot->client[0] = addr_is_v4(peer) ? 4 : 6;
    slot->client[2] = (uint8_t)(addr_port(peer) >> 8);
    slot->client[3] = (uint8_t)addr_port(peer);
    if (addr_is_v4(peer))
        memcpy(slot->client + 4, &peer->sa.v4.sin_addr, 4);
    else
        memcpy(slot->client + 4, &peer->sa.v6.sin6_addr, 16);
    atomic_store_explicit(&slot->listener, (uint32_t)session->service->setup.index, memory_order_relaxed);
    counter_set(&slot->started_ms, session->started_ms);
    counter_set(&slot->id, session->id);
}

void session_refuse(struct service *service, struct stream *client, const struct addr *peer,
                    const struct refusal *why)
{
    const char *words = service->setup.protocol->refusal;
    char peer_text[ADDR_TEXT_LEN];
    struct log_line line;

    addr_text(peer, peer_text);
    log_begin(&line, LOG_LEVEL_WARNING, "session-refused");
    log_text(&line, "listener", service->setup.listener->alias);
    log_text(&line, "client", peer_text);
    log_text(&line, "reason", reason_name(why->reason));
    log_text(&line, "detail", why->detail);
    log_end(&line);
    counter_add(&service->counters->refused_total, 1);
    if (!words) {
        /* Nothing was said that would have to arrive: it costs no descriptor for the time of a farewell. */
        stream_abort(client);
        return;
    }
    stream_text(client, words);
    stream_close(client);
}

/* --- may it? --- */

static bool is_banned(const struct service *service, const struct addr *peer)
{
    uint8_t host[BANS_HOST_LEN];

    if (!service->setup.bans || access_contains(&service->rules->ban_exempt, peer))
        return false;
    bans_host(peer, host);
    return bans_has(service->setup.bans, host, loop_now_ms(service->setup.loop));
}

bool session_is_banned(const struct session *session)
{
    return is_banned(session->service, &session->peer);
}

static bool may_connect(const struct service *service, const struct addr *peer, struct refusal *why)
{
    if (is_banned(service, peer))
        *why = (struct refusal){REASON_BANNED, NULL};
    else if (!access_allows(&service->rules->access, peer))
        *why = (struct refusal){REASON_NOT_ALLOWED, NULL};
    else
        return true;
    return false;
}

/* A place in the listener, and one for the address. */
static bool take_places(const struct service *service, const struct addr *peer, struct session_places *out,
                        struct refusal *why)
{
    const struct conf_listener *listener = service->setup.listener;
    struct quotas *quotas = service->setup.quotas;

    *out = (struct session_places){.listener = quotas_key(quotas, LIMIT_LISTENER, listener->alias, NULL)};
    if (!quotas_take(quotas, out->listener, listener->max_sessions ? listener->max_sessions : UINT64_MAX)) {
        *why = (struct refusal){REASON_TOO_MANY, "max-sessions"};
        return false;
    }
    if (!listener->max_sessions_per_ip)
        return true;
    out->address = quotas_key(quotas, LIMIT_ADDRESS, listener->alias, peer);
    if (quotas_take(quotas, out->address, listener->max_sessions_per_ip))
        return true;
    quotas_give(quotas, out->listener);
    *why = (struct refusal){REASON_TOO_MANY, "max-sessions-per-ip"};
    return false;
}

void session_leave_places(const struct service *service, const struct session_places *places)
{
    const uint64_t keys[] = {places->listener, places->address, places->partner};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (keys[i])
            quotas_give(service->setup.quotas, keys[i]);
}

/* --- it may --- */

static struct session *session_new(struct service *service, struct stream *client, const struct addr *peer)
{
    struct session *session = calloc(1, sizeof *session);
    struct loop *loop = service->setup.loop;

    if (!session)
        return NULL;
    session->service = service;
    session->client = client;
    session->peer = *peer;
    session->id = session_next_id();
    session->started_ms = loop_now_ms(loop);
    addr_text(peer, session->peer_text);
    timer_init(&session->handshake, loop, session_handshake_expired, session);
    timer_init(&session->idle, loop, session_idle_expired, session);
    LIST_INSERT_HEAD(&service->sessions, session, entry);
    service->session_count++;
    return session;
}

void session_admit(struct service *service, struct stream *client, const struct addr *peer)
{
    struct session_places places;
    struct session *session;
    struct refusal why;
    struct log_line line;

    if (!may_connect(service, peer, &why) || !take_places(service, peer, &places, &why)) {
        session_refuse(service, client, peer, &why);
        return;
    }
    session = session_new(service, client, peer);
    if (!session) {
        session_leave_places(service, &places);
        session_refuse(service, client, peer, &(struct refusal){REASON_NO_MEMORY, NULL});
        return;
    }
    session->places = places;
    slot_fill(session);
    counter_add(&service->counters->sessions_total, 1);
    counter_set(&service->counters->sessions, service->session_count);
    session_log(session, &line, LOG_LEVEL_INFO, "session-begin");
    log_end(&line);
    if (session_protocol(session)->tls_first)
        session_start_tls(session, NULL);
    else
        session_open(session);
}

void session_begin(struct service *service, int fd, const struct addr *peer)
{
    struct err err;
    struct stream *client = stream_accepted(service->setup.loop, fd, &err);

    if (!client)
        return;
    if (arrival_expected(service, peer))
        arrival_begin(service, client, peer);
    else
        session_admit(service, client, peer);
}
