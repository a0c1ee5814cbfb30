#include "ftp_data.h"

#include "conf.h"
#include "ftp_data_private.h"
#include "listener.h"
#include "loop.h"
#include "session.h"
#include "stream.h"
#include "tls.h"

#include <stdlib.h>
#include <unistd.h>

enum { POLL_FIRST_MS = 1, ACCEPT_GRACE_MS = 100 };

static void data_absent(void *owner)
{
    ftp_data_fail(owner, FTP_DATA_ABSENT);
}

/* ---- the client's side ---- */

static size_t no_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    (void)data;
    (void)len;
    return 0;
}

/* Parked without a user: whatever happens to the stream is told to the relay, when there is one. */
static void client_is_ready(struct ftp_data *data)
{
    stream_pause(data->client);
    stream_set_user(data->client, NULL, NULL);
    data->client_ready = true;
    timer_stop(&data->absent);
    ftp_data_start_when_ready(data);
}

/* A client that resumes uses its ticket up: the next reply brings a fresh one (F16). */
static void note_resumption(struct ftp_data *data)
{
    struct tls *control = stream_tls(session_client(data->session));
    struct tls_facts facts;
    tls_facts(stream_tls(data->client), &facts);
    data->resumed = facts.resumed;
    if (facts.resumed && control)
        tls_renew_ticket(control);
}

static void log_handshake(const struct ftp_data *data, const struct stream *stream)
{
    struct log_line line;
    session_log(data->session, &line, LOG_LEVEL_WARNING, "data-handshake-failed");
    log_text(&line, "detail", stream_error(stream)->text);
    log_end(&line);
}

static void client_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct ftp_data *data = owner;
    if (event == STREAM_SECURE) {
        note_resumption(data);
        client_is_ready(data);
    } else if (event == STREAM_FAILED || event == STREAM_CUT || event == STREAM_ENDED) {
        log_handshake(data, stream);
        ftp_data_fail(data, FTP_DATA_TLS);
    }
}

static const struct stream_user client_user = {.data = no_data, .event = client_event};

static void secure_client(struct ftp_data *data)
{
    struct err err;
    struct tls *tls = session_data_tls(data->session, &err);
    if (!tls) {
        ftp_data_fail(data, FTP_DATA_NO_MEMORY);
        return;
    }
    stream_set_user(data->client, &client_user, data);
    stream_start_tls(data->client, tls, true);
}

static void log_wrong_peer(const struct ftp_data *data, const struct addr *peer)
{
    struct log_line line;
    char text[ADDR_TEXT_LEN];
    addr_text(peer, text);
    session_log(data->session, &line, LOG_LEVEL_WARNING, "data-peer-refused");
    log_text(&line, "peer", text);
    log_end(&line);
}

static void data_accepted(void *owner, int fd, const struct addr *peer)
{
    struct ftp_data *data = owner;
    struct addr control_peer;
    struct err err;
    stream_peer(session_client(data->session), &control_peer);
    if (!addr_same_host(peer, &control_peer)) {
        log_wrong_peer(data, peer);
        (void)close(fd);
        return;
    }
    listener_free(data->listener);
    data->listener = NULL;
    data->client = stream_accepted(session_loop(data->session), fd, &err);
    if (!data->client)
        ftp_data_fail(data, FTP_DATA_NO_MEMORY);
    else if (data->protect)
        secure_client(data);
    else
        client_is_ready(data);
}

/* ---- the backend's side ---- */

static void backend_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct ftp_data *data = owner;
    (void)stream;
    if (event == STREAM_CONNECTED) {
        data->backend_ready = true;
        stream_set_user(data->backend, NULL, NULL);
        data->user->connected(data->owner);
    } else if (event == STREAM_FAILED) {
        ftp_data_fail(data, FTP_DATA_NO_BACKEND);
    }
}

static const struct stream_user backend_user = {.data = no_data, .event = backend_event};

/* ---- what the owner calls ---- */

struct ftp_data *ftp_data_new(struct session *session, bool protect, const struct ftp_data_user *user,
                              void *owner, struct err *err)
{
    const struct conf_listener *conf = session_conf(session);
    struct loop *loop = session_loop(session);
    struct ftp_data *data = calloc(1, sizeof *data);
    struct addr at;
    if (!data) {
        err_set(err, "out of memory");
        return NULL;
    }
    data->session = session;
    data->protect = protect;
    data->user = user;
    data->owner = owner;
    data->poll_ms = POLL_FIRST_MS;
    timer_init(&data->absent, loop, data_absent, data);
    timer_init(&data->poll, loop, ftp_data_polled, data);
    stream_local(session_client(session), &at);
    data->listener =
        listener_new_passive(loop, &at, conf->passive_first, conf->passive_last, data_accepted, data, err);
    if (!data->listener) {
        free(data);
        return NULL;
    }
    data->port = listener_port(data->listener);
    return data;
}

uint16_t ftp_data_port(const struct ftp_data *data)
{
    return data->port;
}

enum ftp_data_failure ftp_data_connect(struct ftp_data *data, const struct addr *backend, bool protect,
                                       bool upload)
{
    const struct conf_listener *conf = session_conf(data->session);
    struct err err;
    if (data->failure != FTP_DATA_OK)
        return data->failure;
    if (data->client && protect != data->protect)
        return FTP_DATA_TLS; /* it came under another level than it is to be used with */
    data->protect = protect;
    data->upload = upload;
    data->backend = stream_connect(session_loop(data->session), backend, conf->connect_timeout_ms,
                                   &backend_user, data, &err);
    if (!data->backend)
        return FTP_DATA_NO_BACKEND;
    stream_pause(data->backend);
    data->transferring = true;
    if (!data->client_ready)
        timer_start(&data->absent, conf->data_connect_timeout_ms);
    return FTP_DATA_OK;
}

/* How long the backend is given to accept, before its connection is reset. */
static uint64_t grace_left_ms(const struct ftp_data *data)
{
    uint64_t age_ms = loop_now_ms(session_loop(data->session)) - data->started_ms;
    return data->started && age_ms < ACCEPT_GRACE_MS ? ACCEPT_GRACE_MS - age_ms : 0;
}

uint64_t ftp_data_close(struct ftp_data *data, bool cut)
{
    ftp_data_stop(data);
    bool is_clean = data->is_done || (data->upload && data->source_ended);
    if (data->client && (is_clean || !cut || !data->client_ready))
        stream_close(data->client); /* the alert of a failed handshake is to arrive, too */
    else if (data->client)
        stream_abort(data->client);
    data->client = NULL;
    if (data->backend && is_clean) {
        stream_close(data->backend);
        data->backend = NULL;
    }
    if (!data->backend)
        return 0;
    stream_set_user(data->backend, NULL, NULL);
    return grace_left_ms(data);
}

void ftp_data_free(struct ftp_data *data)
{
    if (!data)
        return;
    (void)ftp_data_close(data, true);
    if (data->backend)
        stream_abort(data->backend);
    free(data);
}

void ftp_data_facts(const struct ftp_data *data, struct ftp_data_facts *out)
{
    *out = (struct ftp_data_facts){.protect = data->protect && data->client_ready,
                                   .resumed = data->resumed,
                                   .close_notify = data->close_notify};
    if (!data->client)
        return;
    out->bytes_in = stream_bytes_in(data->client);
    out->bytes_out = stream_bytes_out(data->client);
}
