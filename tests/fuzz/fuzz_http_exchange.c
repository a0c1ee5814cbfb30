/*
 * A whole exchange with two hostile ends. The input is a list of steps: one byte says who does what, for
 * bytes another two how many follow. Nothing may go out once it is over, nothing to the backend but while a
 * request is with it, and each request is reported once.
 */
#include "buf.h"
#include "http_exchange.h"
#include "http_head.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct play {
    struct http_exchange *exchange;
    struct buf client, backend; /* untaken */
    bool over;
};

static void to_client(void *owner, const uint8_t *data, size_t len)
{
    struct play *play = owner;

    must(!play->over && data && len);
}

static void to_backend(void *owner, const uint8_t *data, size_t len)
{
    struct play *play = owner;

    must(!play->over && data && len);
    must(!http_exchange_is_settled(play->exchange));
}

static void finished(void *owner, const struct http_record *record)
{
    struct play *play = owner;

    must(!play->over && record->method && record->target);
    must(strlen(record->method) <= 32 && strlen(record->target) < 512);
    must(record->code == 0 || (record->code >= 200 && record->code < 600));
}

/* A rule for each byte that a path can begin with. */
static bool admit(void *owner, const struct http_head *head, const uint8_t *bytes, struct http_permit *permit,
                  struct http_fault *fault)
{
    struct play *play = owner;
    uint8_t byte = head->path.len > 1 ? bytes[head->path.at + 1] : 0;

    must(!play->over && head->has_start_line);
    permit->max_body_bytes = byte == 'l' ? 4 : 0;
    permit->identity = "Client-Cert: :AA==:\r\n";
    permit->identity_len = byte == 'i' ? strlen(permit->identity) : 0;
    return byte != 'f' || http_refuse(fault, 403, "forbidden");
}

static const struct http_outlet outlet = {to_client, to_backend, finished, admit};

typedef size_t give_function(struct http_exchange *exchange, const uint8_t *data, size_t len);

static bool give(struct play *play, struct buf *kept, give_function *function)
{
    size_t taken;

    if (!buf_len(kept) || (kept == &play->client && http_exchange_phase(play->exchange) == HTTP_PHASE_ANSWER))
        return false;
    play->over = http_exchange_phase(play->exchange) == HTTP_PHASE_OVER;
    taken = function(play->exchange, buf_data(kept), buf_len(kept));
    must(taken <= buf_len(kept));
    buf_take(kept, taken);
    return taken > 0;
}

static void act(struct play *play, unsigned what)
{
    static void (*const acts[])(struct http_exchange *) = {
        http_exchange_client_ended,        http_exchange_client_cut,     http_exchange_backend_ended,
        http_exchange_backend_unreachable, http_exchange_backend_failed, http_exchange_head_late,
        http_exchange_answer_late,         http_exchange_drain,          http_exchange_body_slow,
    };

    play->over = http_exchange_phase(play->exchange) == HTTP_PHASE_OVER;
    if (what < sizeof acts / sizeof *acts)
        acts[what](play->exchange);
    else
        http_exchange_stop(play->exchange, REASON_STOPPING);
}

/* Returns how much of the input the step used. */
static size_t play_step(struct play *play, const uint8_t *data, size_t size)
{
    size_t len;
    struct buf *kept = data[0] & 1 ? &play->client : &play->backend;

    if (data[0] >= 0xf0) {
        act(play, data[0] & 15u);
        return 1;
    }
    if (size < 3)
        return size;
    len = ((size_t)data[1] << 8 | data[2]) % (size - 2);
    must(buf_add(kept, data + 3, len));
    while (give(play, &play->client, http_exchange_client_data) ||
           give(play, &play->backend, http_exchange_backend_data))
        ;
    return 3 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play play = {0};
    struct addr client;
    struct err err;

    must(addr_parse_host("192.0.2.9", &client, &err));
    buf_init(&play.client, size + 1);
    buf_init(&play.backend, size + 1);
    play.exchange = http_exchange_new(&outlet, &play, &client, data[0] & 1);
    must(play.exchange != NULL);
    for (size_t at = 0; at < size; at += play_step(&play, data + at, size - at))
        ;
    http_exchange_free(play.exchange);
    buf_free(&play.client);
    buf_free(&play.backend);
    return 0;
}
