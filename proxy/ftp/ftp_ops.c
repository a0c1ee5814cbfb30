/* What the filter asks for, done with sockets, timers and log lines. */
#include "conf.h"
#include "counters.h"
#include "ftp_audit.h"
#include "ftp_passive.h"
#include "ftp_private.h"
#include "loop.h"
#include "stream.h"

enum { REPLIES_UNSENT_MAX_BYTES = 64 * 1024 };

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

bool ftp_op_is_full(void *owner)
{
    struct ftp *ftp = owner;
    return stream_unsent(session_client(ftp->session)) > REPLIES_UNSENT_MAX_BYTES;
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

static void op_clear_tls(void *owner)
{
    struct ftp *ftp = owner;
    stream_stop_tls(session_client(ftp->session));
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
    ftp->backend = session_connect_backend(ftp->session, ftp_backends(ftp), &ftp_backend_user, ftp, &err);
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

static bool op_passive_address(void *owner, struct addr *out)
{
    struct ftp *ftp = owner;
    struct log_line line;
    struct err err;
    if (ftp_passive_address(ftp->session, out, &err))
        return true;
    session_log(ftp->session, &line, LOG_LEVEL_ERROR, "passive-address-unknown");
    log_text(&line, "reason", err.text);
    log_end(&line);
    return false;
}

static bool op_dial_data(void *owner, const struct addr *client, bool protect)
{
    struct ftp *ftp = owner;
    struct err err;
    give_up_data(ftp, false);
    ftp->data = ftp_data_new_active(ftp->session, client, protect, &data_user, ftp, &err);
    return ftp->data;
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

void ftp_answer_expired(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_backend_silent(ftp->control);
    ftp_settle(ftp);
}

void ftp_login_expired(void *owner)
{
    struct ftp *ftp = owner;
    ftp_control_login_expired(ftp->control);
    ftp_settle(ftp);
}

/* ---- log lines ---- */

static void op_transfer_began(void *owner)
{
    struct ftp *ftp = owner;
    ftp->transfer_began_ms = loop_now_ms(session_loop(ftp->session));
    ftp->data_facts = (struct ftp_data_facts){.bytes_in = 0};
    session_hold_idle(ftp->session);
}

static void op_transfer_ended(void *owner, const struct ftp_transfer_report *report)
{
    struct ftp *ftp = owner;
    struct listener_counters *counters = session_counters(ftp->session);
    give_up_data(ftp, !report->done);
    ftp_audit_transfer(ftp->session, report, &ftp->data_facts,
                       loop_now_ms(session_loop(ftp->session)) - ftp->transfer_began_ms);
    counter_add(report->done ? &counters->transfers_done : &counters->transfers_failed, 1);
    counter_add(&counters->bytes_in, ftp->data_facts.bytes_in);
    counter_add(&counters->bytes_out, ftp->data_facts.bytes_out);
    session_release_idle(ftp->session);
}

const struct ftp_control_ops ftp_control_functions = {
    .reply = op_reply,
    .is_full = ftp_op_is_full,
    .forward = op_forward,
    .can_secure = op_can_secure,
    .start_tls = op_start_tls,
    .clear_tls = op_clear_tls,
    .begin_anew = ftp_op_begin_anew,
    .identify = ftp_op_identify,
    .still_welcome = ftp_op_still_welcome,
    .login = ftp_op_login,
    .login_failed = ftp_op_login_failed,
    .command_refused = ftp_op_command_refused,
    .choose_host = ftp_op_choose_host,
    .connect_backend = op_connect_backend,
    .drop_backend = op_drop_backend,
    .features = ftp_op_features,
    .keep_features = ftp_op_keep_features,
    .passive_address = op_passive_address,
    .listen_data = op_listen_data,
    .dial_data = op_dial_data,
    .connect_data = op_connect_data,
    .start_data = op_start_data,
    .complete_data = op_complete_data,
    .abort_data = op_abort_data,
    .deadline = op_deadline,
    .transfer_began = op_transfer_began,
    .transfer_ended = op_transfer_ended,
    .end = op_end,
};
