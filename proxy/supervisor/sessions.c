#include "sessions.h"

#include "clock.h"
#include "setup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one session says of itself: family, 0, port, address. */
static void client_text(const struct session_slot *slot, char out[ADDR_TEXT_LEN])
{
    struct addr client = {.len = sizeof client.sa.v6};

    if (slot->client[0] == 4) {
        client.len = sizeof client.sa.v4;
        client.sa.v4.sin_family = AF_INET;
        memcpy(&client.sa.v4.sin_addr, slot->client + 4, 4);
    } else {
        client.sa.v6.sin6_family = AF_INET6;
        memcpy(&client.sa.v6.sin6_addr, slot->client + 4, 16);
    }
    addr_set_port(&client, (uint16_t)(slot->client[2] << 8 | slot->client[3]));
    addr_text(&client, out);
}

static json_t *session_of(const struct crew *crew, const struct worker_view *worker,
                          struct session_slot *slot, uint64_t now_ms)
{
    const struct counters_names *names = &crew->generation->names;
    uint32_t listener = atomic_load_explicit(&slot->listener, memory_order_relaxed);
    uint64_t started_ms = counter_get(&slot->started_ms);
    char client[ADDR_TEXT_LEN], id[17];
    json_t *one = json_object();

    (void)snprintf(id, sizeof id, "%llx", (unsigned long long)counter_get(&slot->id));
    client_text(slot, client);
    (void)json_object_set_new(one, "id", json_string(id));
    (void)json_object_set_new(
        one, "listener", json_string(listener < names->listener_count ? names->listeners[listener] : "?"));
    (void)json_object_set_new(one, "client", json_string(client));
    (void)json_object_set_new(
        one, "age_s", json_integer(started_ms < now_ms ? (json_int_t)((now_ms - started_ms) / 1000) : 0));
    (void)json_object_set_new(one, "worker", json_integer(worker->pid));
    (void)json_object_set_new(one, "generation", json_integer((json_int_t)crew->generation->number));
    return one;
}

static void add_worker(json_t *list, const struct crew *crew, const struct worker_view *worker,
                       uint64_t now_ms)
{
    for (size_t i = 0; worker->pid && i < COUNTERS_SLOTS_MAX; i++) {
        struct session_slot *slot = &worker->page->slots[i];

        if (json_array_size(list) == SESSIONS_SHOWN)
            return;
        if (counter_get(&slot->id))
            (void)json_array_append_new(list, session_of(crew, worker, slot, now_ms));
    }
}

bool sessions_write(const struct supervisor *supervisor, struct buf *out)
{
    uint64_t now_ms = clock_monotonic_ms();
    json_t *list = json_array();
    const struct crew *crew;
    char *text;
    bool written;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        for (size_t i = 0; i < worker_pool_count(crew->workers); i++) {
            const struct worker_view worker = worker_pool_view(crew->workers, i);

            add_worker(list, crew, &worker, now_ms);
        }
    }
    text = json_dumps(list, JSON_INDENT(1));
    written = text && buf_add_text(out, text) && buf_add_text(out, "\n");
    free(text);
    json_decref(list);
    return written;
}
