#include "ftp_script.h"

#include "conf_partner.h"
#include "ftp_control.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

enum { OUT_MAX = 64 * 1024, LINE_MAX_BYTES = 4096, PORT = 30001, UNREAD_MAX = 5 };

struct stage {
    const struct ftp_script *script;
    bool disabled, renamed, key_lost;
    unsigned failed_logins, replies;
    const char *host; /* chosen by HOST */
    char features[1024];
    size_t features_len;
    struct ftp_control *control;
    char reply[LINE_MAX_BYTES], forward[LINE_MAX_BYTES]; /* a line that is not complete yet */
    char out[OUT_MAX];
    size_t out_len, out_seen;
    uint8_t held[2][OUT_MAX]; /* of client and backend: what the filter did not take */
    size_t held_len[2];
    unsigned line_number;
};

static void note(struct stage *stage, const char *kind, const char *text)
{
    int len = snprintf(stage->out + stage->out_len, OUT_MAX - stage->out_len, "%s %s\n", kind, text);
    assert_true(len > 0 && stage->out_len + (size_t)len < OUT_MAX);
    stage->out_len += (size_t)len;
}

/* Bytes become noted lines; each must end with CRLF. */
static void note_bytes(struct stage *stage, char *line, const char *kind, const char *data, size_t len)
{
    size_t have = strlen(line);
    for (size_t i = 0; i < len; i++) {
        assert_true(have + 1 < LINE_MAX_BYTES);
        line[have++] = data[i];
        line[have] = '\0';
        if (data[i] != '\n')
            continue;
        assert_true(have >= 2 && line[have - 2] == '\r');
        line[have - 2] = '\0';
        note(stage, kind, line);
        line[0] = '\0';
        have = 0;
    }
}

static bool is_world(const struct stage *stage, enum ftp_script_world flag)
{
    return stage->script->world & (unsigned)flag;
}

static void op_reply(void *owner, const void *data, size_t len)
{
    struct stage *stage = owner;
    note_bytes(stage, stage->reply, ">", data, len);
    stage->replies++;
}

static bool op_is_full(void *owner)
{
    const struct stage *stage = owner;
    return is_world(stage, UNREAD) && stage->replies >= UNREAD_MAX;
}

static void op_forward(void *owner, const void *data, size_t len)
{
    struct stage *stage = owner;
    note_bytes(stage, stage->forward, "<", data, len);
}

static bool op_can_secure(void *owner)
{
    struct stage *stage = owner;
    return !stage->key_lost && !is_world(owner, NO_KEY);
}

static void op_start_tls(void *owner)
{
    const struct stage *stage = owner;
    char text[64];
    (void)snprintf(text, sizeof text, "start-tls%s%s", stage->host ? " " : "",
                   stage->host ? stage->host : "");
    note(owner, "=", text);
}

static void op_clear_tls(void *owner)
{
    note(owner, "=", "clear-tls");
}

static void op_begin_anew(void *owner)
{
    note(owner, "=", "begin-anew");
}

static void op_identify(void *owner, bool secure, struct ftp_identity *out)
{
    struct stage *stage = owner;
    struct conf_partner partner = {.alias = "p",
                                   .enabled = true,
                                   .ftp_user = stage->renamed ? "another" : "partner",
                                   .ftp_password = "from file"};
    bool required = is_world(stage, CERTIFICATE_REFUSED) || is_world(stage, MAPPED);
    bool untrusted = is_world(stage, CERTIFICATE_REFUSED) || stage->disabled;
    struct ftp_identity_facts facts = {
        .mode = required ? CONF_CLIENT_REQUIRE : CONF_CLIENT_NONE,
        .cert_map = is_world(stage, MAPPED),
        .verdict = !secure || !required ? TLS_NO_CERTIFICATE
                   : untrusted          ? TLS_UNTRUSTED
                                        : TLS_TRUSTED,
        .partner = &partner,
    };
    ftp_identity_decide(&facts, out);
}

static bool op_still_welcome(void *owner)
{
    struct stage *stage = owner;
    return !stage->disabled;
}

static bool op_login_failed(void *owner)
{
    struct stage *stage = owner;
    return ++stage->failed_logins >= 3;
}

static void op_command_refused(void *owner, const char *verb)
{
    char text[64];
    (void)snprintf(text, sizeof text, "refused %s", verb);
    note(owner, "=", text);
}

static enum ftp_host op_choose_host(void *owner, const char *name)
{
    static const char *const hosts[] = {"a.example", "b.example"};
    struct stage *stage = owner;
    bool other = name && strcmp(name, hosts[1]) == 0;
    if (name && !other && strcmp(name, hosts[0]) != 0)
        return FTP_HOST_UNKNOWN;
    stage->host = name ? hosts[other] : NULL;
    return other ? FTP_HOST_OTHER_BACKEND : FTP_HOST_SAME_BACKEND;
}

static const char *op_features(void *owner, size_t *len)
{
    struct stage *stage = owner;
    *len = stage->features_len;
    return stage->features_len ? stage->features : NULL;
}

static void op_keep_features(void *owner, const char *reply, size_t len)
{
    struct stage *stage = owner;
    assert_true(len <= sizeof stage->features);
    memcpy(stage->features, reply, len);
    stage->features_len = len;
}

static bool op_passive_address(void *owner, struct addr *out)
{
    struct err err;
    return addr_parse_host("203.0.113.7", out, &err) && !is_world(owner, NO_ADDRESS);
}

static bool op_dial_data(void *owner, const struct addr *client, bool protect)
{
    char host[ADDR_TEXT_LEN], text[ADDR_TEXT_LEN + 16];
    addr_text(client, host);
    (void)snprintf(text, sizeof text, "dial %s %c", host, protect ? 'P' : 'C');
    note(owner, "=", text);
    return !is_world(owner, NO_DIAL);
}

static void op_connect_backend(void *owner)
{
    note(owner, "=", "connect-backend");
}

static void op_drop_backend(void *owner)
{
    struct stage *stage = owner;
    stage->held_len[1] = 0;
    note(owner, "=", "drop-backend");
}

static bool op_listen_data(void *owner, bool protect, uint16_t *port)
{
    note(owner, "=", protect ? "listen P" : "listen C");
    *port = PORT;
    return !is_world(owner, NO_PORT);
}

static enum ftp_data_failure op_connect_data(void *owner, uint16_t port, bool protect, bool upload)
{
    char text[64];
    (void)snprintf(text, sizeof text, "connect %u %c %s", (unsigned)port, protect ? 'P' : 'C',
                   upload ? "up" : "down");
    note(owner, "=", text);
    return is_world(owner, CONNECT_FAILS) ? FTP_DATA_TLS : FTP_DATA_OK;
}

static void op_start_data(void *owner)
{
    note(owner, "=", "start");
}

static bool op_complete_data(void *owner)
{
    note(owner, "=", "complete");
    return is_world(owner, ENDS_AT_ONCE);
}

static void op_abort_data(void *owner, bool begun)
{
    note(owner, "=", begun ? "abort begun" : "abort");
}

static void op_deadline(void *owner, uint64_t ms)
{
    char text[64];
    if (!ms)
        return; /* stopping what may not run is of no interest */
    (void)snprintf(text, sizeof text, "deadline %llu", (unsigned long long)ms);
    note(owner, "=", text);
}

static void op_login(void *owner, const struct ftp_login_report *report)
{
    char text[512];
    (void)snprintf(text, sizeof text, "login %s%s%s %u", report->user, *report->typed ? " typed " : "",
                   report->typed, report->code);
    note(owner, "=", text);
}

static void op_transfer_began(void *owner)
{
    note(owner, "=", "began");
}

static void op_transfer_ended(void *owner, const struct ftp_transfer_report *report)
{
    char text[256];
    assert_int_equal(report->done, report->reason == REASON_DONE);
    (void)snprintf(text, sizeof text, "transfer %s %u %s", report->verb, report->code,
                   reason_name(report->reason));
    note(owner, "=", text);
}

static void op_end(void *owner, enum session_reason reason, const char *detail)
{
    char text[256];
    (void)detail;
    (void)snprintf(text, sizeof text, "end %s", reason_name(reason));
    note(owner, "=", text);
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

/* As a stream does it: what was not taken comes again in front of what is new. */
static void feed(struct stage *stage, int side, const char *data, size_t len)
{
    uint8_t *held = stage->held[side];
    assert_true(stage->held_len[side] + len <= OUT_MAX);
    if (len)
        memcpy(held + stage->held_len[side], data, len);
    stage->held_len[side] += len;
    size_t taken = side ? ftp_control_backend_data(stage->control, held, stage->held_len[side])
                        : ftp_control_client_data(stage->control, held, stage->held_len[side]);
    if (taken > stage->held_len[side])
        taken = stage->held_len[side]; /* of a backend that was dropped meanwhile */
    stage->held_len[side] -= taken;
    memmove(held, held + taken, stage->held_len[side]);
}

static void backend_lost(struct ftp_control *control)
{
    ftp_control_backend_lost(control, REASON_BACKEND_CLOSED, NULL);
}

static void client_lost(struct ftp_control *control)
{
    ftp_control_client_lost(control, REASON_CLIENT_CLOSED, NULL);
}

static void nothing(struct ftp_control *control)
{
    (void)control;
}

static const struct {
    const char *name;
    void (*run)(struct ftp_control *);
} events[] = {
    {"secured", ftp_control_secured},
    {"read", nothing},
    {"connected", ftp_control_data_connected},
    {"done", ftp_control_data_done},
    {"expired", ftp_control_expired},
    {"silent", ftp_control_backend_silent},
    {"login-expired", ftp_control_login_expired},
    {"drain", ftp_control_drain},
    {"backend-lost", backend_lost},
    {"client-lost", client_lost},
};

static const struct {
    const char *name;
    enum ftp_data_failure failure;
} failures[] = {
    {"no-backend", FTP_DATA_NO_BACKEND},
    {"absent", FTP_DATA_ABSENT},
    {"tls", FTP_DATA_TLS},
    {"not-resumed", FTP_DATA_NOT_RESUMED},
    {"certificate", FTP_DATA_CERTIFICATE},
    {"stalled", FTP_DATA_STALLED},
    {"cut", FTP_DATA_CUT},
    {"incomplete", FTP_DATA_INCOMPLETE},
    {"backend-cut", FTP_DATA_BACKEND_FAILED},
    {"no-memory", FTP_DATA_NO_MEMORY},
};

static void happen(struct stage *stage, const char *name)
{
    if (strcmp(name, "read") == 0)
        stage->replies = 0;
    if (strcmp(name, "disabled") == 0 || strcmp(name, "renamed") == 0 || strcmp(name, "key-lost") == 0) {
        stage->disabled = stage->disabled || name[0] == 'd';
        stage->renamed = stage->renamed || name[0] == 'r';
        stage->key_lost = stage->key_lost || name[0] == 'k';
        return;
    }
    for (size_t i = 0; i < ROWS(events); i++) {
        if (strcmp(name, events[i].name) == 0) {
            events[i].run(stage->control);
            return;
        }
    }
    for (size_t i = 0; i < ROWS(failures); i++) {
        if (strcmp(name, failures[i].name) == 0) {
            ftp_control_data_failed(stage->control, failures[i].failure);
            return;
        }
    }
    fail_msg("%s:%u: no event \"%s\"", stage->script->name, stage->line_number, name);
}

static void nothing_is_left(struct stage *stage)
{
    if (stage->out_seen < stage->out_len)
        fail_msg("%s: before line %u there is more:\n%s", stage->script->name, stage->line_number,
                 stage->out + stage->out_seen);
}

static void expect(struct stage *stage, const char *line)
{
    const char *have = stage->out + stage->out_seen;
    const char *end = strchr(have, '\n');
    size_t len = end ? (size_t)(end - have) : 0;
    if (len != strlen(line) || memcmp(have, line, len) != 0)
        fail_msg("%s:%u: expected \"%s\", not\n%s", stage->script->name, stage->line_number, line, have);
    stage->out_seen += len + 1;
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* \r, \n and \xHH become bytes. */
static size_t unescape(const char *text, char *out)
{
    size_t len = 0;
    while (*text) {
        if (*text != '\\') {
            out[len++] = *text++;
        } else if (text[1] == 'x') {
            out[len++] = (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
            text += 4;
        } else {
            out[len++] = text[1] == 'r' ? '\r' : '\n';
            text += 2;
        }
    }
    return len;
}

static void say(struct stage *stage, int side, const char *text, bool whole)
{
    char bytes[LINE_MAX_BYTES + 2];
    size_t len = unescape(text, bytes);
    if (whole) {
        bytes[len++] = '\r';
        bytes[len++] = '\n';
    }
    feed(stage, side, bytes, len);
}

static void step(struct stage *stage, const char *line)
{
    const char *text = line[0] && line[1] ? line + 2 : "";
    if (line[0] == '>' || line[0] == '<' || line[0] == '=') {
        expect(stage, line);
        return;
    }
    nothing_is_left(stage);
    switch (line[0]) {
    case 'C':
    case 'c':
        say(stage, 0, text, line[0] == 'C');
        break;
    case 'B':
    case 'b':
        say(stage, 1, text, line[0] == 'B');
        break;
    case '!':
        happen(stage, text);
        feed(stage, 1, "", 0);
        feed(stage, 0, "", 0);
        break;
    default:
        fail_msg("%s:%u: %s", stage->script->name, stage->line_number, line);
    }
}

static void play(struct stage *stage, const char *text)
{
    stage->line_number = 0;
    while (*text) {
        char line[LINE_MAX_BYTES];
        size_t blanks = strspn(text, " ");
        size_t len = strcspn(text + blanks, "\n");
        assert_true(len < sizeof line);
        memcpy(line, text + blanks, len);
        line[len] = '\0';
        text += blanks + len;
        text += *text == '\n';
        stage->line_number++;
        if (len)
            step(stage, line);
    }
}

static const char *const denied[] = {"SITE", "HELP", "CLNT", "USER"};
static const char *const allowed[] = {"RETR", "SITE"};
static const char *const not_made[] = {"MKD", "XRMD"};
static const char *const walked[] = {"CWD", "XPWD"};
static const char *const combined[] = {"COMB", "CPSV", "REST", "STOR", "GET"};

static struct ftp_command_policy commands_of(unsigned world)
{
    struct ftp_command_policy policy = {.deny = denied, .allow = allowed};
    if (world & DENY_MAKING)
        return (struct ftp_command_policy){
            .deny = not_made, .deny_count = ROWS(not_made), .allow = walked, .allow_count = ROWS(walked)};
    if (world & ALLOW_COMB)
        return (struct ftp_command_policy){.allow = combined, .allow_count = ROWS(combined)};
    policy.deny_count = world & DENY_SITE ? ROWS(denied) : 0;
    policy.allow_count = world & ALLOW_RETR ? ROWS(allowed) : 0;
    return policy;
}

static struct ftp_rules rules_of(unsigned world)
{
    struct ftp_rules rules = {
        .greeting = "ready",
        .implicit = world & IMPLICIT,
        .secure_clients_only = !(world & CLEAR_LOGIN),
        .require_data_tls = !(world & CLEAR_DATA),
        .active_mode = world & ACTIVE,
        .no_pbsz = world & NO_PBSZ,
        .auth_implies_private = world & AUTH_PRIVATE,
        .allow_ccc = world & CCC,
        .has_hosts = world & HOSTS,
        .commands = commands_of(world),
        .login_directory = world & DIRECTORY ? "/home/%u" : "",
        .client_is_v4 = !(world & CLIENT_V6),
        .backend_is_v4 = !(world & BACKEND_V6),
        .data_connect_timeout_ms = 20000,
    };
    struct err err;
    assert_true(addr_parse_host(world & CLIENT_V6 ? "2001:db8::1" : "10.0.0.1", &rules.client, &err));
    return rules;
}

static void play_both(const struct ftp_script *script, const char *prologue)
{
    struct ftp_rules rules = rules_of(script->world);
    static struct stage stage;
    stage = (struct stage){.script = script};
    stage.control = ftp_control_new(&rules, &ops, &stage);
    assert_non_null(stage.control);
    ftp_control_open(stage.control);
    play(&stage, prologue);
    play(&stage, script->text);
    nothing_is_left(&stage);
    ftp_control_free(stage.control);
}

void ftp_script_play(const struct ftp_script *script)
{
    play_both(script, "");
}

void ftp_script_play_logged_in(const struct ftp_script *script)
{
    struct ftp_script inside = *script;
    inside.world |= IMPLICIT;
    play_both(&inside, "> 220 ready\n"
                       "= connect-backend\n"
                       "B 220 hello\n"
                       "C USER acme\n"
                       "< USER acme\n"
                       "B 331 password\n"
                       "> 331 password\n"
                       "C PASS secret\n"
                       "< PASS secret\n"
                       "B 230 welcome\n"
                       "> 230 welcome\n"
                       "= login acme 230\n");
}
