#include "ftp.h"

#include "conf.h"
#include "ftp_private.h"
#include "loop.h"
#include "stream.h"

#include <stdlib.h>

enum {
    CLIENT_READ_LIMIT_BYTES = 16 * 1024,
    TICKETS = 2, /* each data channel that resumes brings one more */
    ANSWER_LIMIT_MS = 600 * 1000,
};

/* Offers again what the filter left. */
static void wake(struct stream *stream)
{
    if (stream && stream_unread(stream))
        stream_resume(stream);
}

/* Who waits for the backend is not idle: a checksum of a large file takes its time. The backend's silence has
 * a limit of its own. */
static void time_the_backend(struct ftp *ftp)
{
    uint64_t idle_ms = session_conf(ftp->session)->idle_timeout_ms;
    bool awaits = ftp_control_awaits_backend(ftp->control);
    if (awaits == ftp->answer.armed)
        return;
    if (awaits) {
        session_hold_idle(ftp->session);
        timer_start(&ftp->answer, idle_ms > ANSWER_LIMIT_MS ? idle_ms : ANSWER_LIMIT_MS);
    } else {
        timer_stop(&ftp->answer);
        session_release_idle(ftp->session);
    }
}

void ftp_settle(struct ftp *ftp)
{
    if (ftp->ended) {
        struct err detail = ftp->end_detail; /* ftp is freed before the session's last line is written */
        session_end(ftp->session, ftp->end_reason, detail.text);
        return;
    }
    if (ftp->tls_asked) {
        ftp->tls_asked = false;
        if (!ftp->auth_said || !ftp->login.armed)
            timer_start(&ftp->login, session_conf(ftp->session)->login_timeout_ms);
        ftp->auth_said = true;
        ftp->host = NULL; /* from now on it is the name that TLS was made for */
        time_the_backend(ftp);
        session_start_tls(ftp->session, ftp->host_name);
        return;
    }
    time_the_backend(ftp);
    wake(session_client(ftp->session));
}

/* ---- the client's and the backend's control connections ---- */

static size_t client_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct ftp *ftp = owner;
    (void)stream;
    if (ftp_op_is_full(ftp))
        return 0;
    session_touch(ftp->session);
    size_t taken = ftp_control_client_data(ftp->control, data, len);
    if (ftp->ended || ftp->tls_asked) {
        ftp_settle(ftp);
        return taken;
    }
    time_the_backend(ftp);
    if (taken)
        wake(ftp->backend); /* ABOR ends the wait for a data channel; without a line nothing has changed */
    return taken;
}

static void client_lost(struct ftp *ftp, enum session_reason reason, const char *detail)
{
    ftp_control_client_lost(ftp->control, reason, detail);
    ftp_settle(ftp);
}

static void client_event(void *owner, struct stream *stream, enum stream_event event)
{
    switch (event) {
    case STREAM_ENDED:
        client_lost(owner, REASON_CLIENT_CLOSED, NULL);
        break;
    case STREAM_CUT:
        client_lost(owner, REASON_CLIENT_CUT, NULL);
        break;
    case STREAM_FAILED:
        client_lost(owner, REASON_CLIENT_CUT, stream_error(stream)->text);
        break;
    case STREAM_DRAINED:
        stream_resume(stream);
        break;
    case STREAM_CONNECTED:
    case STREAM_SECURE:
        break;
    }
}

static const struct stream_user client_user = {.data = client_data, .event = client_event};

static size_t backend_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    struct ftp *ftp = owner;
    (void)stream;
    timer_touch(&ftp->answer);
    size_t taken = ftp_control_backend_data(ftp->control, data, len);
    if (ftp->tls_asked && stream_unread(session_client(ftp->session))) {
        ftp->ended =
            true; /* AUTH had waited for this reply, and the filter was not shown what came behind it */
        ftp->end_reason = REASON_INJECTED;
    }
    ftp_settle(ftp);
    return taken;
}

static void backend_lost(struct ftp *ftp, enum session_reason reason, const char *detail)
{
    ftp_control_backend_lost(ftp->control, reason, detail);
    ftp_settle(ftp);
}

static void backend_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct ftp *ftp = owner;
    struct addr backend;
    switch (event) {
    case STREAM_CONNECTED:
        ftp->backend_connected = true;
        stream_peer(stream, &backend);
        ftp->rules.backend_is_v4 = addr_is_v4(&backend);
        break;
    case STREAM_ENDED:
    case STREAM_CUT:
        backend_lost(ftp, REASON_BACKEND_CLOSED, NULL);
        break;
    case STREAM_FAILED:
        backend_lost(ftp, ftp->backend_connected ? REASON_BACKEND_FAILED : REASON_BACKEND_UNREACHABLE,
                     stream_error(stream)->text);
        break;
    case STREAM_DRAINED:
    case STREAM_SECURE:
        break;
    }
}

const struct stream_user ftp_backend_user = {.data = backend_data, .event = backend_event};

/* ---- a session's life ---- */

static struct ftp_rules rules_of(const struct session *session, bool implicit)
{
    const struct conf_listener *conf = session_conf(session);
    const struct addr *client = session_peer(session);
    return (struct ftp_rules){
        .greeting = conf->greeting,
        .implicit = implicit,
        .secure_clients_only = conf->secure_clients_only,
        .require_data_tls = conf->require_data_tls,
        .active_mode = conf->active_mode,
        .no_pbsz = conf->quirks & CONF_QUIRK_NO_PBSZ,
        .auth_implies_private = conf->quirks & CONF_QUIRK_AUTH_IMPLIES_PRIVATE,
        .allow_ccc = conf->quirks & CONF_QUIRK_ALLOW_CCC,
        .has_hosts = conf->server_name_count > 0,
        .commands = {.allow = conf->allow_commands,
                     .allow_count = conf->allow_commands_count,
                     .deny = conf->deny_commands,
                     .deny_count = conf->deny_commands_count},
        .login_directory = conf->login_directory,
        .client_is_v4 = addr_is_v4(client),
        .backend_is_v4 = true, /* until it is connected */
        .client = *client,
        .data_connect_timeout_ms = conf->data_connect_timeout_ms,
    };
}

static void *open_ftp(struct session *session, bool implicit)
{
    struct stream *client = session_client(session);
    struct loop *loop = session_loop(session);
    struct ftp *ftp = calloc(1, sizeof *ftp);
    if (!ftp)
        return NULL;
    ftp->session = session;
    ftp->rules = rules_of(session, implicit);
    ftp->secure = implicit;
    ftp->control = ftp_control_new(&ftp->rules, &ftp_control_functions, ftp);
    if (!ftp->control) {
        free(ftp);
        return NULL;
    }
    timer_init(&ftp->login, loop, ftp_login_expired, ftp);
    timer_init(&ftp->deadline, loop, ftp_deadline_expired, ftp);
    timer_init(&ftp->mercy, loop, ftp_mercy_over, ftp);
    timer_init(&ftp->unreachable, loop, ftp_backend_unreachable, ftp);
    timer_init(&ftp->answer, loop, ftp_answer_expired, ftp);
    timer_start(&ftp->login, session_conf(session)->login_timeout_ms);
    stream_set_read_limit(client, CLIENT_READ_LIMIT_BYTES);
    stream_set_user(client, &client_user, ftp);
    stream_resume(client);
    ftp_control_open(ftp->control);
    time_the_backend(ftp);
    return ftp;
}

static void *ftp_open(struct session *session)
{
    return open_ftp(session, false);
}

static void *ftps_open(struct session *session)
{
    return open_ftp(session, true);
}

static void ftp_secured(void *state)
{
    struct ftp *ftp = state;
    ftp->secure = true;
    ftp_control_secured(ftp->control);
    ftp_settle(ftp);
}

static void ftp_drain(void *state)
{
    struct ftp *ftp = state;
    ftp_control_drain(ftp->control);
    ftp_settle(ftp);
}

static bool ftp_farewell(void *state, enum session_reason reason)
{
    struct ftp *ftp = state;
    ftp_control_farewell(ftp->control, reason);
    return false;
}

static void ftp_close(void *state)
{
    struct ftp *ftp = state;
    timer_stop(&ftp->login);
    timer_stop(&ftp->deadline);
    timer_stop(&ftp->unreachable);
    timer_stop(&ftp->answer);
    timer_stop(&ftp->mercy);
    ftp_data_free(ftp->data);
    ftp_data_free(ftp->condemned);
    if (ftp->backend)
        stream_close(ftp->backend);
    ftp_control_free(ftp->control);
    free(ftp);
}

const struct protocol protocol_ftp = {
    .name = "ftp",
    .alpn = "ftp",
    .tls_first = false,
    .refusal = "421 Not now.\r\n",
    .tickets = TICKETS,
    .data_channels = true,
    .open = ftp_open,
    .secured = ftp_secured,
    .drain = ftp_drain,
    .farewell = ftp_farewell,
    .close = ftp_close,
};

const struct protocol protocol_ftps = {
    .name = "ftps",
    .alpn = "ftp",
    .tls_first = true,
    .tickets = TICKETS,
    .data_channels = true,
    .open = ftps_open,
    .drain = ftp_drain,
    .farewell = ftp_farewell,
    .close = ftp_close,
};
