#include "http_play.h"

#include "unit.h"

#include "http_head.h"

#include <stdlib.h>
#include <string.h>

static void play_to_client(void *owner, const uint8_t *data, size_t len)
{
    struct play *play = owner;

    assert_true(len > 0);
    assert_true(buf_add(&play->to_client, data, len));
}

static void play_to_backend(void *owner, const uint8_t *data, size_t len)
{
    struct play *play = owner;

    assert_true(len > 0);
    assert_true(buf_add(&play->to_backend, data, len));
}

static void play_finished(void *owner, const struct http_record *record)
{
    struct play *play = owner;

    assert_true(buf_printf(&play->log, "%s %s %u %s;", record->method, record->target, record->code,
                           reason_name(record->reason)));
    play->counted_in += record->bytes_in;
    play->counted_out += record->bytes_out;
}

/* Some paths have rules. */
static bool play_admit(void *owner, const struct http_head *head, const uint8_t *bytes,
                       struct http_permit *permit, struct http_fault *fault)
{
    static const char *const methods[] = {"GET", "PUT"};

    (void)owner;
    if (http_slice_is(bytes, head->path, "/forbidden"))
        return http_refuse(fault, 403, "forbidden");
    if (http_slice_is(bytes, head->path, "/untrusted")) {
        permit->reason = REASON_CERTIFICATE_REFUSED;
        return http_refuse(fault, 403, "untrusted");
    }
    if (http_slice_is(bytes, head->path, "/methods")) {
        permit->allowed = (struct http_allowed){methods, ROWS(methods)};
        return http_refuse(fault, 405, "a method");
    }
    if (http_slice_is(bytes, head->path, "/four"))
        permit->max_body_bytes = 4;
    if (http_slice_is(bytes, head->path, "/known")) {
        permit->identity = "Client-Cert: :AA==:\r\n";
        permit->identity_len = strlen(permit->identity);
    }
    return true;
}

static const struct http_outlet play_outlet = {.to_client = play_to_client,
                                               .to_backend = play_to_backend,
                                               .finished = play_finished,
                                               .admit = play_admit};

typedef size_t give_function(struct http_exchange *exchange, const uint8_t *data, size_t len);

/* Gives what is kept, in memory of its own, and keeps what is not taken. */
static bool play_give(struct play *play, struct buf *kept, give_function *give)
{
    size_t len = buf_len(kept), taken;
    uint8_t *copy;

    if (!len || (kept == &play->client && http_exchange_phase(play->exchange) == HTTP_PHASE_ANSWER))
        return false;
    copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, buf_data(kept), len);
    taken = give(play->exchange, copy, len);
    free(copy);
    assert_true(taken <= len);
    buf_take(kept, taken);
    return taken > 0;
}

static void play_text(struct play *play, struct buf *kept, give_function *give, const char *text,
                      size_t piece)
{
    size_t len = strlen(text), at = 0;

    while (at < len) {
        size_t part = piece && piece < len - at ? piece : len - at;

        assert_true(buf_add(kept, text + at, part));
        at += part;
        while (play_give(play, kept, give))
            ;
        while (play_give(play, &play->client, http_exchange_client_data))
            ;
    }
}

void play_client(struct play *play, const char *text, size_t piece)
{
    play_text(play, &play->client, http_exchange_client_data, text, piece);
}

void play_backend(struct play *play, const char *text, size_t piece)
{
    play_text(play, &play->backend, http_exchange_backend_data, text, piece);
}

void play_step(struct play *play, const struct step *step, size_t piece)
{
    struct http_exchange *x = play->exchange;

    switch (step->who) {
    case END:
        break;
    case CLIENT:
        play_client(play, step->text, piece);
        break;
    case BACKEND:
        play_backend(play, step->text, piece);
        break;
    case CLIENT_ENDS:
        http_exchange_client_ended(x);
        break;
    case CLIENT_CUT:
        http_exchange_client_cut(x);
        break;
    case BACKEND_ENDS:
        http_exchange_backend_ended(x);
        break;
    case BACKEND_FAILS:
        http_exchange_backend_failed(x);
        break;
    case NO_BACKEND:
        http_exchange_backend_unreachable(x);
        break;
    case BODY_SLOW:
        http_exchange_body_slow(x);
        break;
    case HEAD_LATE:
        http_exchange_head_late(x);
        break;
    case ANSWER_LATE:
        http_exchange_answer_late(x);
        break;
    case DRAIN:
        http_exchange_drain(x);
        break;
    case RETIRE:
        http_exchange_retire(x);
        break;
    case STOP:
        http_exchange_stop(x, REASON_STOPPING);
        break;
    case IDLE_STOP:
        http_exchange_stop(x, REASON_IDLE_TIMEOUT);
        break;
    }
}

void play_begin(struct play *play)
{
    struct addr client;
    struct err err;

    assert_true(addr_parse_host("192.0.2.9", &client, &err));
    memset(play, 0, sizeof *play);
    buf_init(&play->client, 1 << 22);
    buf_init(&play->backend, 1 << 22);
    buf_init(&play->to_client, 1 << 22);
    buf_init(&play->to_backend, 1 << 22);
    buf_init(&play->log, 1 << 16);
    play->exchange = http_exchange_new(&play_outlet, play, &client, true);
    assert_non_null(play->exchange);
}

void play_end(struct play *play)
{
    http_exchange_free(play->exchange);
    buf_free(&play->client);
    buf_free(&play->backend);
    buf_free(&play->to_client);
    buf_free(&play->to_backend);
    buf_free(&play->log);
}

static bool is_text(struct buf *got, const char *expected, const char *what)
{
    assert_true(buf_add(got, "", 1));
    if (strcmp((const char *)buf_data(got), expected) == 0)
        return true;
    print_error("%s:\n%s\n--- not:\n%s\n", what, (const char *)buf_data(got), expected);
    return false;
}

static bool script_holds(const struct script *script, size_t piece)
{
    struct play play;
    struct http_end end;
    bool holds;
    int flags;

    play_begin(&play);
    for (const struct step *step = script->steps; step->who != END; step++)
        play_step(&play, step, piece);
    end = http_exchange_end(play.exchange);
    holds = is_text(&play.to_backend, script->to_backend, "to the backend");
    holds = is_text(&play.to_client, script->to_client, "to the client") && holds;
    holds = is_text(&play.log, script->log, "log") && holds;
    flags = (end.cut ? CUT : 0) | (http_exchange_is_settled(play.exchange) ? 0 : UNSETTLED);
    if (http_exchange_phase(play.exchange) != script->outcome.phase || end.reason != script->outcome.reason ||
        flags != script->outcome.flags) {
        print_error("phase %d, reason %s, flags %d\n", (int)http_exchange_phase(play.exchange),
                    reason_name(end.reason), flags);
        holds = false;
    }
    play_end(&play);
    return holds;
}

size_t play_scripts(const struct script *scripts, size_t count)
{
    static const size_t pieces[] = {0, 1, 2, 7};
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < ROWS(pieces); j++)
            if (!script_holds(&scripts[i], pieces[j])) {
                print_error("^^^ %s, in pieces of %zu\n", scripts[i].name, pieces[j]);
                wrong++;
            }
    return wrong;
}
