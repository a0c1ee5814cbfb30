/*
 * A session as a byte script for the control filter. The first two bytes are the world (rules), then steps: a
 * byte that says who acts, a byte of length, and the bytes that the client or the backend says; or an event.
 *
 * Whatever comes: nothing goes to the backend in clear where TLS is asked for; a forwarded command is one
 * line; a mapped login says nothing of what the client typed; nobody but the client is connected to; data
 * channels and transfers are begun and ended in their order; nothing happens after the end.
 */
#include "conf_partner.h"
#include "ftp_control.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HELD_MAX = 64 * 1024, STEP_EVENTS = 8, DRAIN_MS = 7000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stage {
    uint8_t world, more;
    bool cleared, disabled, key_lost;
    unsigned failed_logins, asked_full;
    bool ends_at_once;
    struct ftp_control *control;
    struct addr client;
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

/* More of the world. */
enum { MAPPED = 1, ACTIVE = 2, CCC = 4, LAX = 8, HOSTS = 16, DIRECTORY = 32, LISTS = 64, BACKEND_V6 = 128 };

static void op_reply(void *owner, const void *data, size_t len)
{
    (void)owner;
    (void)data;
    must(len > 0 && !stage.ended && !stage.tls_asked);
}

static bool op_is_full(void *owner)
{
    (void)owner;
    return ++stage.asked_full % 5 == 0;
}

static void op_forward(void *owner, const void *data, size_t len)
{
    const char *text = data;
    (void)owner;
    must(!stage.ended && !stage.tls_asked && stage.has_backend);
    must(stage.secured || stage.cleared || is_implicit() || is_clear_login());
    must(len >= 3 && text[len - 2] == '\r' && text[len - 1] == '\n');
    must(!(stage.more & MAPPED) ||
         (strncasecmp(text, "USER ", 5) != 0 && strncasecmp(text, "PASS ", 5) != 0) ||
         strncmp(text, "USER partner\r\n", len) == 0 || strncmp(text, "PASS from file\r\n", len) == 0);
    must(!memchr(text, '\r', len - 2) && !memchr(text, '\n', len - 2) && !memchr(text, '\0', len));
}

static bool op_can_secure(void *owner)
{
    (void)owner;
    return !(stage.world & 4) && !stage.key_lost;
}

static void op_start_tls(void *owner)
{
    (void)owner;
    must(!stage.secured && !stage.has_backend && !stage.has_data);
    stage.tls_asked = true;
}

static void op_clear_tls(void *owner)
{
    (void)owner;
    must((stage.secured || is_implicit()) && !stage.cleared && !stage.tls_asked && !stage.ended);
    stage.secured = false;
    stage.cleared = stage.has_backend; /* CCC; behind REIN everything is as in the beginning */
    stage.held_len[0] = 0;
}

static void op_begin_anew(void *owner)
{
    (void)owner;
    must(!stage.has_backend && !stage.has_data && !stage.transfer);
}

static void op_identify(void *owner, bool secure, struct ftp_identity *out)
{
    static const struct conf_partner partner = {
        .alias = "p", .enabled = true, .ftp_user = "partner", .ftp_password = "from file"};
    bool required = (stage.world & 8) || (stage.more & MAPPED);
    bool untrusted = (stage.world & 8) || stage.disabled;
    struct ftp_identity_facts facts = {
        .mode = required ? CONF_CLIENT_REQUIRE : CONF_CLIENT_NONE,
        .cert_map = stage.more & MAPPED,
        .verdict = !secure || !required ? TLS_NO_CERTIFICATE
                   : untrusted          ? TLS_UNTRUSTED
                                        : TLS_TRUSTED,
        .partner = &partner,
    };
    (void)owner;
    must(secure == (stage.secured || is_implicit()));
    ftp_identity_decide(&facts, out);
}

static bool op_still_welcome(void *owner)
{
    (void)owner;
    return !stage.disabled;
}

static bool op_login_failed(void *owner)
{
    (void)owner;
    return ++stage.failed_logins >= 3;
}

static void op_command_refused(void *owner, const char *verb)
{
    (void)owner;
    must((stage.more & LISTS) && *verb);
}

static enum ftp_host op_choose_host(void *owner, const char *name)
{
    (void)owner;
    must(!name || (stage.more & HOSTS));
    if (!name || strcmp(name, "a") == 0)
        return FTP_HOST_SAME_BACKEND;
    return strcmp(name, "b") == 0 ? FTP_HOST_OTHER_BACKEND : FTP_HOST_UNKNOWN;
}

static const char *op_features(void *owner, size_t *len)
{
    static const char reply[] = "211-x\r\n SIZE\r\n MLST x\r\n211 End\r\n";
    (void)owner;
    *len = sizeof reply - 1;
    return stage.more & ACTIVE ? reply : NULL;
}

static void op_keep_features(void *owner, const char *reply, size_t len)
{
    (void)owner;
    must(len > 4 && memcmp(reply, "211", 3) == 0);
}

static bool op_passive_address(void *owner, struct addr *out)
{
    struct err err;
    (void)owner;
    must(addr_parse_host("203.0.113.7", out, &err));
    return !(stage.more & BACKEND_V6);
}

static bool op_dial_data(void *owner, const struct addr *client, bool protect)
{
    (void)owner;
    (void)protect;
    must((stage.more & ACTIVE) && addr_port(client) >= 1024 && addr_same_host(client, &stage.client));
    must(!stage.transfer);
    stage.has_data = !(stage.world & 16);
    return stage.has_data;
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
    must(!protect || stage.secured || stage.cleared || is_implicit());
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
    must(!stage.disabled);
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
    must(ms == 0 || (ms == FTP_FINAL_REPLY_MS && stage.transfer) || (ms == DRAIN_MS && !stage.transfer));
}

static void op_login(void *owner, const struct ftp_login_report *report)
{
    (void)owner;
    must(strlen(report->user) > 0 && report->code >= 200 && report->code < 600);
    must(!(stage.more & MAPPED) || report->code >= 300 || strcmp(report->user, "partner") == 0);
    must(!(stage.world & 8) || report->code == 530);
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
    .is_full = op_is_full,
    .forward = op_forward,
    .can_secure = op_can_secure,
    .start_tls = op_start_tls,
    .clear_tls = op_clear_tls,
    .begin_anew = op_begin_anew,
    .identify = op_identify,
    .still_welcome = op_still_welcome,
    .login_failed = op_login_failed,
    .command_refused = op_command_refused,
    .choose_host = op_choose_host,
    .features = op_features,
    .keep_features = op_keep_features,
    .passive_address = op_passive_address,
    .dial_data = op_dial_data,
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

/* 0: connected, 1: done, 2 and so on: what has failed. */
static void data_event(uint8_t which)
{
    struct ftp_control *control = stage.control;
    if (which >= 2 && stage.connecting) {
        ftp_control_data_failed(control, (enum ftp_data_failure)(which - 1));
    } else if (which == 0 && stage.connecting && !stage.connected) {
        stage.connected = true;
        ftp_control_data_connected(control);
    } else if (which == 1 && stage.completed) {
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
    else if (which == 6)
        stage.disabled = true;
    else if (which == 7)
        stage.key_lost = true;
    else if (which == 8 && ftp_control_awaits_backend(control))
        ftp_control_backend_silent(control);
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
        data_event(argument % (FTP_DATA_FAILURES + 1));
    else
        other_event(argument % 9);
    feed(1, NULL, 0);
    feed(0, NULL, 0);
    return used;
}

static const char *const denied[] = {"SITE", "PASV", "PASS"};
static const char *const allowed[] = {"RETR", "STOR", "CWD", "REST", "OPTS", "COMB"};

static struct ftp_rules rules_of(void)
{
    struct err err;
    bool lists = stage.more & LISTS, lax = stage.more & LAX;
    must(addr_parse_host(stage.world & 128 ? "2001:db8::1" : "10.0.0.1", &stage.client, &err));
    return (struct ftp_rules){
        .greeting = "ready",
        .implicit = is_implicit(),
        .secure_clients_only = !is_clear_login(),
        .require_data_tls = !(stage.world & 32),
        .active_mode = stage.more & ACTIVE,
        .no_pbsz = lax,
        .auth_implies_private = lax,
        .allow_ccc = stage.more & CCC,
        .has_hosts = stage.more & HOSTS,
        .login_directory = stage.more & DIRECTORY ? "/home/%u" : "",
        .commands = {.deny = denied,
                     .deny_count = lists ? 3 : 0,
                     .allow = allowed,
                     .allow_count = lists ? 6 : 0},
        .client_is_v4 = !(stage.world & 128),
        .backend_is_v4 = !(stage.more & BACKEND_V6),
        .client = stage.client,
        .data_connect_timeout_ms = DRAIN_MS,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    stage = (struct stage){.world = data[0], .more = data[1], .ends_at_once = size & 1};
    struct ftp_rules rules = rules_of();
    stage.control = ftp_control_new(&rules, &ops, NULL);
    must(stage.control != NULL);
    ftp_control_open(stage.control);
    for (size_t at = 2; at < size && !stage.ended;)
        at += step(data + at, size - at);
    if (!stage.ended)
        ftp_control_farewell(stage.control, REASON_STOPPING);
    must(!stage.transfer || stage.tls_asked || stage.ended);
    ftp_control_free(stage.control);
    return 0;
}
