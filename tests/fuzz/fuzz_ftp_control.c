/*
 * A session as a byte script for the control filter. The first byte is the world (rules), then steps: a byte
 * that says who acts, a byte of length, and the bytes that the client or the backend says; or an event.
 *
 * Whatever comes: nothing goes to the backend in clear where TLS is asked for; a forwarded command is one
 * line; data channels and transfers are begun and ended in their order; nothing happens after the end.
 */
#include "ftp_control.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_MAX = 64 * 1024, STEP_EVENTS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stage {
    uint8_t world;
    bool ends_at_once;
    struct ftp_control *control;
    bool secured, tls_asked, has_backend, has_data, connecting, connected, started, completed, transfer,
        ended;
    uint8_t held[2][HELD_MAX];
    size_t held_len[2];
} stage;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_implicit(void)
{
    return stage.world & 1;
}

static bool is_clear_login(void)
{
    return stage.world & 2;
}

static void op_reply(void *owner, const void *data, size_t len)
{
    (void)owner;
    (void)data;
    must(len > 0 && !stage.ended && !stage.tls_asked);
}

static void op_forward(void *owner, const void *data, size_t len)
{
    const char *text = data;
    (void)owner;
    must(!stage.ended && !stage.tls_asked && stage.has_backend);
    must(stage.secured || is_implicit() || is_clear_login());
    must(len >= 3 && text[len - 2] == '\r' && text[len - 1] == '\n');
    must(!memchr(text, '\r', len - 2) && !memchr(text, '\n', len - 2) && !memchr(text, '\0', len));
}

static bool op_can_secure(void *owner)
{
    (void)owner;
    return !(stage.world & 4);
}

static void op_start_tls(void *owner)
{
    (void)owner;
    must(!stage.secured && !stage.has_backend && !stage.has_data);
    stage.tls_asked = true;
}

static bool op_certificate_refused(void *owner)
{
    (void)owner;
    return stage.world & 8;
}

static void op_connect_backend(void *owner)
{
    (void)owner;
    must(!stage.has_backend);
    stage.has_backend = true;
}

static void op_drop_backend(void *owner)
{
    (void)owner;
    must(stage.has_backend);
    stage.has_backend = false;
    stage.held_len[1] = 0;
}

static bool op_listen_data(void *owner, bool protect, uint16_t *port)
{
    (void)owner;
    must(!protect || stage.secured || is_implicit());
    must(!stage.transfer);
    *port = 30001;
    stage.has_data = !(stage.world & 16);
    return stage.has_data;
}

static enum ftp_data_failure op_connect_data(void *owner, uint16_t port, bool protect, bool upload)
{
    (void)owner;
    (void)upload;
    must(port && stage.has_data && stage.transfer && !stage.connecting);
    must(protect || (stage.world & 32));
    if (stage.world & 64)
        return FTP_DATA_TLS;
    stage.connecting = true;
    return FTP_DATA_OK;
}

static void op_start_data(void *owner)
{
    (void)owner;
    must(stage.connected && !stage.started);
    stage.started = true;
}

static bool op_complete_data(void *owner)
{
    (void)owner;
    must(stage.started && !stage.completed);
    stage.completed = true;
    return stage.ends_at_once;
}

static void op_abort_data(void *owner, bool begun)
{
    (void)owner;
    (void)begun;
    stage.has_data = stage.connecting = stage.connected = stage.started = stage.completed = false;
}

static void op_deadline(void *owner, uint64_t ms)
{
    (void)owner;
    must(ms == 0 || (ms == FTP_FINAL_REPLY_MS && stage.transfer));
}

static void op_login(void *owner, const char *user, unsigned code)
{
    (void)owner;
    must(strlen(user) > 0 && code >= 200 && code < 600);
}

static void op_transfer_began(void *owner)
{
    (void)owner;
    must(!stage.transfer && !stage.ended);
    stage.transfer = true;
}

static void op_transfer_ended(void *owner, const struct ftp_transfer_report *report)
{
    must(stage.transfer && report->reason < REASON_COUNT && strlen(report->verb) >= 3);
    must(!report->done || (stage.completed && report->code < 300));
    stage.transfer = false;
    op_abort_data(owner, false);
}

static void op_end(void *owner, enum session_reason reason, const char *detail)
{
    (void)owner;
    (void)detail;
    must(!stage.ended && reason < REASON_COUNT);
    stage.ended = true;
}

static const struct ftp_control_ops ops = {
    .reply = op_reply,
    .forward = op_forward,
    .can_secure = op_can_secure,
    .start_tls = op_start_tls,
    .certificate_refused = op_certificate_refused,
    .connect_backend = op_connect_backend,
    .drop_backend = op_drop_backend,
    .listen_data = op_listen_data,
    .connect_data = op_connect_data,
    .start_data = op_start_data,
    .complete_data = op_complete_data,
    .abort_data = op_abort_data,
    .deadline = op_deadline,
    .login = op_login,
    .transfer_began = op_transfer_began,
    .transfer_ended = op_transfer_ended,
    .end = op_end,
};

static void feed(int side, const uint8_t *data, size_t len)
{
    uint8_t *held = stage.held[side];
    if (stage.ended || stage.tls_asked || (side && !stage.has_backend) ||
        stage.held_len[side] + len > HELD_MAX)
        return;
    if (len)
        memcpy(held + stage.held_len[side], data, len);
    stage.held_len[side] += len;
    size_t offered = stage.held_len[side];
    size_t taken = side ? ftp_control_backend_data(stage.control, held, offered)
                        : ftp_control_client_data(stage.control, held, offered);
    must(taken <= offered);
    if (stage.tls_asked && !side)
        must(taken == offered); /* F2: nothing in clear is left behind AUTH */
    stage.held_len[side] -= taken <= stage.held_len[side] ? taken : stage.held_len[side];
    memmove(held, held + taken, stage.held_len[side]);
}

static void secured(void)
{
    if (!stage.tls_asked)
        return;
    stage.tls_asked = false;
    stage.secured = true;
    ftp_control_secured(stage.control);
}

static void data_event(uint8_t which)
{
    struct ftp_control *control = stage.control;
    if (which < FTP_DATA_FAILURES && which != FTP_DATA_OK && stage.connecting) {
        ftp_control_data_failed(control, (enum ftp_data_failure)which);
    } else if (which == FTP_DATA_FAILURES && stage.connecting && !stage.connected) {
        stage.connected = true;
        ftp_control_data_connected(control);
    } else if (which == FTP_DATA_FAILURES + 1 && stage.completed) {
        ftp_control_data_done(control);
    }
}

static void other_event(uint8_t which)
{
    struct ftp_control *control = stage.control;
    if (which == 0)
        ftp_control_expired(control);
    else if (which == 1 && stage.has_backend)
        ftp_control_backend_lost(control, REASON_BACKEND_CLOSED, NULL);
    else if (which == 2)
        ftp_control_client_lost(control, REASON_CLIENT_CLOSED, NULL);
    else if (which == 3)
        ftp_control_drain(control);
    else if (which == 4 && !ftp_control_logged_in(control))
        ftp_control_login_expired(control);
    else if (which == 5)
        secured();
}

static size_t step(const uint8_t *data, size_t size)
{
    uint8_t kind = data[0] % STEP_EVENTS, argument = size > 1 ? data[1] : 0;
    size_t used = size < 2 ? size : 2;
    if (kind <= 5) { /* talk is what sessions are made of */
        size_t len = size - used < argument ? size - used : argument;
        feed(kind & 1, data + used, len);
        return used + len;
    }
    if (kind == 6)
        data_event(argument % (FTP_DATA_FAILURES + 2));
    else
        other_event(argument % 6);
    feed(1, NULL, 0);
    feed(0, NULL, 0);
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    if (!size)
        return 0;
    stage.world = data[0];
    stage.ends_at_once = size & 1;
    stage.secured = stage.tls_asked = stage.has_backend = stage.has_data = stage.connecting = false;
    stage.connected = stage.started = stage.completed = stage.transfer = stage.ended = false;
    stage.held_len[0] = stage.held_len[1] = 0;
    struct ftp_rules rules = {
        .greeting = "ready",
        .implicit = is_implicit(),
        .secure_clients_only = !is_clear_login(),
        .require_data_tls = !(stage.world & 32),
        .client_is_v4 = !(stage.world & 128),
        .backend_is_v4 = true,
    };
    must(addr_parse_host("203.0.113.7", &rules.passive_address, &err));
    stage.control = ftp_control_new(&rules, &ops, NULL);
    must(stage.control != NULL);
    ftp_control_open(stage.control);
    for (size_t at = 1; at < size && !stage.ended;)
        at += step(data + at, size - at);
    if (!stage.ended)
        ftp_control_farewell(stage.control, REASON_STOPPING);
    must(!stage.transfer || stage.tls_asked || stage.ended);
    ftp_control_free(stage.control);
    return 0;
}
