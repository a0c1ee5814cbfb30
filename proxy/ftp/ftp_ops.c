/* What the filter asks for, done with sockets, timers and log lines. */
#include "conf.h"
#include "counters.h"
#include "ftp_private.h"
#include "loop.h"
#include "stream.h"

static void op_reply(void *owner, const void *data, size_t len)
{
    struct ftp *ftp = owner;
    stream_write(session_client(ftp->session), data, len);
}

static void op_forward(void *owner, const void *data, size_t len)
{
    struct ftp *ftp = owner;
    stream_write(ftp->backend, data, len);
}

static bool op_can_secure(void *owner)
{
    struct ftp *ftp = owner;
    return session_can_secure(ftp->session);
}

static void op_start_tls(void *owner)
{
    struct ftp *ftp = owner;
    ftp->tls_asked = true;
}

/* C1, and the table of modes: with `request` a certificate that is not trusted may still be asked to fail. */
static bool op_certificate_refused(void *owner)
{
    struct ftp *ftp = owner;
    const struct conf_listener *conf = session_conf(ftp->session);
    enum tls_verdict verdict = session_identity(ftp->session)->verdict;
    switch (conf->client_certificate) {
    case CONF_CLIENT_REQUIRE:
        return verdict != TLS_TRUSTED;
    case CONF_CLIENT_REQUEST:
        return verdict == TLS_UNTRUSTED && conf->bad_certificate == CONF_BAD_FAIL;
    case CONF_CLIENT_NONE:
        break;
    }
    return false;
}

static void op_end(void *owner, enum session_reason reason, const char *detail)
{
    struct ftp *ftp = owner;
    ftp->ended = true;
    ftp->end_reason = reason;
    err_set(&ftp->end_detail, "%s", detail ? detail : "");
}

/* A refusal at once is told from the loop, as every other one: the filter is at work now. */
static void op_connect_backend(void *owner)
{
    struct ftp *ftp = owner;
    struct err err;
    ftp->backend_connected = false;
    ftp->backend = session_connect_backend(ftp->session, &ftp_backend_user, ftp, &err);
    if (ftp->backend)
        stream_set_sink(ftp->backend, session_client(ftp->session));
    else
        timer_start(&ftp->unreachable, 1);
}

void ftp_backend_unreachable(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_backend_lost(ftp->control, REASON_BACKEND_UNREACHABLE, NULL);
    ftp_settle(ftp);
}

static void op_drop_backend(void *owner)
{
    struct ftp *ftp = owner;
    timer_stop(&ftp->unreachable);
    if (ftp->backend)
        stream_close(ftp->backend);
    ftp->backend = NULL;
}

/* ---- data channels ---- */

static void data_connected(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_data_connected(ftp->control);
    ftp_settle(ftp);
}

/* What the backend said meanwhile was left with its stream. */
static void wake_backend(struct ftp *ftp)
{
    if (ftp->backend && stream_unread(ftp->backend))
        stream_resume(ftp->backend);
}

static void data_done(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_data_done(ftp->control);
    wake_backend(ftp);
    ftp_settle(ftp);
}

static void data_failed(void *owner, enum ftp_data_failure failure)
{
    struct ftp *ftp = owner;
    ftp_control_data_failed(ftp->control, failure);
    wake_backend(ftp);
    ftp_settle(ftp);
}

static const struct ftp_data_user data_user = {
    .connected = data_connected, .done = data_done, .failed = data_failed};

void ftp_mercy_over(void *owner)
{
    struct ftp *ftp = owner;
    ftp_data_free(ftp->condemned);
    ftp->condemned = NULL;
}

/* What it did stays known until the transfer's line is written. */
static void give_up_data(struct ftp *ftp, bool cut)
{
    if (!ftp->data)
        return;
    ftp_data_facts(ftp->data, &ftp->data_facts);
    uint64_t ms = ftp_data_close(ftp->data, cut);
    ftp_mercy_over(ftp); /* of an older one */
    ftp->condemned = ftp->data;
    ftp->data = NULL;
    if (ms)
        timer_start(&ftp->mercy, ms);
    else
        ftp_mercy_over(ftp);
}

static bool op_listen_data(void *owner, bool protect, uint16_t *port)
{
    struct ftp *ftp = owner;
    struct log_line line;
    struct err err;
    give_up_data(ftp, false);
    ftp->data = ftp_data_new(ftp->session, protect, &data_user, ftp, &err);
    if (ftp->data) {
        *port = ftp_data_port(ftp->data);
        return true;
    }
    session_log(ftp->session, &line, LOG_LEVEL_ERROR, "passive-port-failed");
    log_text(&line, "reason", err.text);
    log_end(&line);
    return false;
}

static enum ftp_data_failure op_connect_data(void *owner, uint16_t port, bool protect, bool upload)
{
    struct ftp *ftp = owner;
    struct addr at;
    if (!ftp->data)
        return FTP_DATA_ABSENT;
    stream_peer(ftp->backend, &at);
    addr_set_port(&at, port);
    return ftp_data_connect(ftp->data, &at, protect, upload);
}

static void op_start_data(void *owner)
{
    struct ftp *ftp = owner;
    ftp_data_start(ftp->data);
}

static bool op_complete_data(void *owner)
{
    struct ftp *ftp = owner;
    return ftp_data_complete(ftp->data);
}

static void op_abort_data(void *owner, bool begun)
{
    give_up_data(owner, begun);
}

static void op_deadline(void *owner, uint64_t ms)
{
    struct ftp *ftp = owner;
    timer_start(&ftp->deadline, ms);
}

void ftp_deadline_expired(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_expired(ftp->control);
    ftp_settle(ftp);
}

void ftp_login_expired(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_login_expired(ftp->control);
    ftp_settle(ftp);
}

/* ---- log lines ---- */

static void op_login(void *owner, const char *user, unsigned code)
{
    struct ftp *ftp = owner;
    struct log_line line;
    session_log(ftp->session, &line, LOG_LEVEL_INFO, "login");
    log_text(&line, "user", user);
    log_number(&line, "code", code);
    log_end(&line);
    if (code >= 300)
        return;
    timer_stop(&ftp->login);
    session_set_user(ftp->session, user);
}

static void op_transfer_began(void *owner)
{
    struct ftp *ftp = owner;
    ftp->transfer_began_ms = loop_now_ms(session_loop(ftp->session));
    ftp->data_facts = (struct ftp_data_facts){.protect = false};
    session_hold_idle(ftp->session);
}

static void log_transfer(const struct ftp *ftp, const struct ftp_transfer_report *report)
{
    const struct ftp_data_facts *facts = &ftp->data_facts;
    uint64_t ms = loop_now_ms(session_loop(ftp->session)) - ftp->transfer_began_ms;
    struct log_line line;
    session_log(ftp->session, &line, LOG_LEVEL_INFO, "transfer");
    log_text(&line, "command", report->verb);
    log_text(&line, "path", report->path);
    log_number(&line, "bytes_in", (int64_t)facts->bytes_in);
    log_number(&line, "bytes_out", (int64_t)facts->bytes_out);
    log_number(&line, "ms", (int64_t)ms);
    log_text(&line, "close_notify", !facts->protect ? "-" : facts->close_notify ? "yes" : "no");
    log_text(&line, "resumed", !facts->protect ? "-" : facts->resumed ? "yes" : "no");
    log_number(&line, "code", report->code);
    log_text(&line, "reason", reason_name(report->reason));
    log_end(&line);
}

static void op_transfer_ended(void *owner, const struct ftp_transfer_report *report)
{
    struct ftp *ftp = owner;
    struct listener_counters *counters = session_counters(ftp->session);
    give_up_data(ftp, !report->done);
    log_transfer(ftp, report);
    counter_add(report->done ? &counters->transfers_done : &counters->transfers_failed, 1);
    counter_add(&counters->bytes_in, ftp->data_facts.bytes_in);
    counter_add(&counters->bytes_out, ftp->data_facts.bytes_out);
    session_release_idle(ftp->session);
}

const struct ftp_control_ops ftp_control_functions = {
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
