#include "arrival.h"

#include "access.h"
#include "conf.h"
#include "proxy_header.h"
#include "session_private.h"
#include "stream.h"

#include <stdlib.h>

/* No more is read than a header may have: what comes behind it is then less than that. */
enum { ARRIVALS_MAX = 4096, ARRIVAL_TURN_MS = 1, SESSION_READ_BYTES = 256 * 1024 };

struct arrival {
    LIST_ENTRY(arrival) entry;
    struct service *service;
    struct stream *client;
    struct addr proxy;
    struct timer deadline, next;
    bool complete;
    struct proxy_header header;
};

bool arrival_expected(const struct service *service, const struct addr *proxy)
{
    return access_contains(&service->setup.listener->accept_proxy_from, proxy);
}

static void arrival_free(struct arrival *arrival)
{
    timer_stop(&arrival->deadline);
    timer_stop(&arrival->next);
    LIST_REMOVE(arrival, entry);
    arrival->service->arrival_count--;
    free(arrival);
}

static void arrival_refuse(struct arrival *arrival, enum session_reason reason, const char *detail)
{
    session_refuse(arrival->service, arrival->client, &arrival->proxy, &(struct refusal){reason, detail});
    arrival_free(arrival);
}

static void arrival_late(void *owner)
{
    arrival_refuse(owner, REASON_HANDSHAKE_TIMEOUT, "no PROXY header came");
}

/* Not inside the data call: what came behind the header is handed on when that has returned. */
static void arrival_become_session(void *owner)
{
    struct arrival *arrival = owner;
    struct service *service = arrival->service;
    struct stream *client = arrival->client;
    const struct addr who = arrival->header.has_addresses ? arrival->header.source : arrival->proxy;

    stream_set_user(client, NULL, NULL);
    stream_set_read_limit(client, SESSION_READ_BYTES);
    arrival_free(arrival);
    session_admit(service, client, &who);
}

static size_t arrival_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct arrival *arrival = owner;
    struct err why;

    switch (proxy_header_read(data, len, &arrival->header, &why)) {
    case PROXY_HEADER_MORE:
        return 0;
    case PROXY_HEADER_BAD:
        arrival_refuse(arrival, REASON_BAD_REQUEST, why.text);
        return 0;
    case PROXY_HEADER_DONE:
        break;
    }
    arrival->complete = true;
    stream_pause(stream);
    timer_start(&arrival->next, ARRIVAL_TURN_MS);
    return arrival->header.len;
}

static void arrival_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct arrival *arrival = owner;

    (void)stream;
    if (event == STREAM_FAILED || (event == STREAM_ENDED && !arrival->complete))
        arrival_refuse(arrival, REASON_CLIENT_CLOSED, "before its PROXY header");
}

static const struct stream_user arrival_user = {.data = arrival_data, .event = arrival_event};

void arrival_begin(struct service *service, struct stream *client, const struct addr *proxy)
{
    struct arrival *arrival = service->arrival_count < ARRIVALS_MAX ? calloc(1, sizeof *arrival) : NULL;
    struct loop *loop = service->setup.loop;

    if (!arrival) {
        session_refuse(service, client, proxy,
                       &(struct refusal){REASON_TOO_MANY, "connections without a PROXY header so far"});
        return;
    }
    arrival->service = service;
    arrival->client = client;
    arrival->proxy = *proxy;
    timer_init(&arrival->deadline, loop, arrival_late, arrival);
    timer_init(&arrival->next, loop, arrival_become_session, arrival);
    timer_start(&arrival->deadline, service->setup.listener->handshake_timeout_ms);
    LIST_INSERT_HEAD(&service->arrivals, arrival, entry);
    service->arrival_count++;
    stream_set_read_limit(client, PROXY_HEADER_MAX);
    stream_set_user(client, &arrival_user, arrival);
    stream_resume(client);
}

void arrival_end_all(struct service *service)
{
    struct arrival *arrival, *next;

    for (arrival = LIST_FIRST(&service->arrivals); arrival; arrival = next) {
        next = LIST_NEXT(arrival, entry);
        arrival_refuse(arrival, REASON_STOPPING, NULL);
    }
}
