#include "ftp_data.h"

#include "conf.h"
#include "counters.h"
#include "ftp_data_private.h"
#include "listener.h"
#include "loop.h"
#include "session.h"
#include "stream.h"

#include <stdlib.h>

enum { POLL_FIRST_MS = 1, ACCEPT_GRACE_MS = 100 };

static void data_absent(void *owner)
{
    ftp_data_fail(owner, FTP_DATA_ABSENT);
}

size_t ftp_data_leave(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    (void)data;
    (void)len;
    return 0;
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

static const struct stream_user backend_user = {.data = ftp_data_leave, .event = backend_event};

/* ---- what the owner calls ---- */

static struct ftp_data *new_channel(struct session *session, bool protect, const struct ftp_data_user *user,
                                    void *owner, struct err *err)
{
    struct loop *loop = session_loop(session);
    struct ftp_data *data = calloc(1, sizeof *data);
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
    timer_init(&data->stall, loop, ftp_data_looked, data);
    return data;
}

/* What NAT makes of a port of ours: the same place in its own range. */
static uint16_t advertised_port(const struct conf_listener *conf, uint16_t port)
{
    if (!conf->advertised_first)
        return port;
    return (uint16_t)(conf->advertised_first + (port - conf->passive_first));
}

struct ftp_data *ftp_data_new(struct session *session, bool protect, const struct ftp_data_user *user,
                              void *owner, struct err *err)
{
    const struct conf_listener *conf = session_conf(session);
    struct ftp_data *data = new_channel(session, protect, user, owner, err);
    struct addr at;
    if (!data)
        return NULL;
    stream_local(session_client(session), &at);
    data->listener = listener_new_passive(session_loop(session), &at, conf->passive_first, conf->passive_last,
                                          ftp_data_accepted, data, err);
    if (!data->listener) {
        counter_add(&session_counters(session)->passive_ports_exhausted, 1);
        free(data);
        return NULL;
    }
    data->port = advertised_port(conf, listener_port(data->listener));
    counter_add(&session_counters(session)->passive_ports_in_use, 1);
    return data;
}

struct ftp_data *ftp_data_new_active(struct session *session, const struct addr *client, bool protect,
                                     const struct ftp_data_user *user, void *owner, struct err *err)
{
    struct ftp_data *data = new_channel(session, protect, user, owner, err);
    if (!data)
        return NULL;
    data->active = true;
    data->at = *client;
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
    if (!protect && conf->data_peer == CONF_PEER_SAME_SESSION)
        return FTP_DATA_NOT_RESUMED; /* in clear nobody can show whose channel it is */
    data->protect = protect;
    data->upload = upload;
    if (data->active && !ftp_data_dial(data))
        return FTP_DATA_ABSENT;
    data->backend = stream_connect(session_loop(data->session), backend, conf->connect_timeout_ms,
                                   &backend_user, data, &err);
    if (!data->backend)
        return FTP_DATA_NO_BACKEND;
    stream_pause(data->backend);
    if (upload)
        stream_reset_unless_finished(data->backend);
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
    /* Bytes may have come before the reply that begins them: then they are half of something. */
    cut = cut || (data->client && !data->upload && stream_bytes_out(data->client));
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
    *out = (struct ftp_data_facts){.tls = data->tls, .close_notify = data->close_notify};
    if (!data->client)
        return;
    out->bytes_in = stream_bytes_in(data->client);
    out->bytes_out = stream_bytes_out(data->client);
}
