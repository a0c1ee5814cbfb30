/* The client's side of a data channel: how it comes, and whether it is who it should be (F6, F10, F17). */
#include "conf.h"
#include "counters.h"
#include "ftp_data_private.h"
#include "listener.h"
#include "session.h"
#include "stream.h"
#include "tls.h"

#include <string.h>
#include <unistd.h>

static void log_handshake(const struct ftp_data *data, const char *detail)
{
    struct log_line line;
    session_log(data->session, &line, LOG_LEVEL_WARNING, "data-handshake-failed");
    log_text(&line, "detail", detail);
    log_end(&line);
}

static void log_wrong_peer(const struct ftp_data *data, const struct addr *peer, const char *detail)
{
    struct log_line line;
    char text[ADDR_TEXT_LEN];
    addr_text(peer, text);
    session_log(data->session, &line, LOG_LEVEL_WARNING, "data-peer-refused");
    log_text(&line, "peer", text);
    log_text(&line, "detail", detail);
    log_end(&line);
}

static bool is_control_peer(const struct ftp_data *data, const struct addr *peer)
{
    return addr_same_host(peer, session_peer(data->session));
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

/* ---- once its handshake is over ---- */

/* Clients that use each ticket once have used one: the next reply brings a fresh one (F16). */
static void renew_ticket(const struct ftp_data *data)
{
    struct tls *control = stream_tls(session_client(data->session));
    if (control)
        tls_renew_ticket(control);
}

static bool must_resume(const struct conf_listener *conf)
{
    return conf->data_resumption == CONF_RESUMPTION_REQUIRE || conf->data_peer == CONF_PEER_SAME_SESSION;
}

/* A resumed session has the control connection's certificate, for it is the control connection's session. */
static enum ftp_data_failure judge(const struct ftp_data *data, struct err *why)
{
    const struct identity *control = session_identity(data->session);
    struct tls_facts facts;
    tls_facts(stream_tls(data->client), &facts);
    if (facts.bound)
        return FTP_DATA_OK;
    if (must_resume(session_conf(data->session))) {
        err_set(why, "the session of the control connection was not resumed");
        return FTP_DATA_NOT_RESUMED;
    }
    if (control->verdict == TLS_NO_CERTIFICATE || !strcmp(control->fingerprint, facts.fingerprint))
        return FTP_DATA_OK;
    err_set(why,
            facts.verdict == TLS_NO_CERTIFICATE
                ? "no client certificate, and the control connection had one%s"
                : "another client certificate than on the control connection: %s",
            facts.fingerprint);
    return FTP_DATA_CERTIFICATE;
}

static void client_is_secure(struct ftp_data *data)
{
    struct tls_facts facts;
    struct err why;
    tls_facts(stream_tls(data->client), &facts);
    data->tls = (struct ftp_data_tls){
        .version = facts.version, .cipher = facts.cipher, .resumed = facts.resumed, .key_ms = facts.key_ms};
    if (facts.resumed)
        renew_ticket(data);
    enum ftp_data_failure failure = judge(data, &why);
    if (failure == FTP_DATA_OK) {
        client_is_ready(data);
        return;
    }
    log_handshake(data, why.text);
    ftp_data_fail(data, failure);
}

/* ---- who has come and is taken for the client ---- */

static void client_is_there(struct ftp_data *data);

static void client_failed(struct ftp_data *data)
{
    if (data->active && !data->client_connected) {
        ftp_data_fail(data, FTP_DATA_ABSENT);
        return;
    }
    log_handshake(data, stream_error(data->client)->text);
    renew_ticket(data);
    ftp_data_fail(data, FTP_DATA_TLS);
}

static void client_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct ftp_data *data = owner;
    (void)stream;
    switch (event) {
    case STREAM_CONNECTED:
        data->client_connected = true;
        client_is_there(data);
        break;
    case STREAM_SECURE:
        client_is_secure(data);
        break;
    case STREAM_FAILED:
    case STREAM_CUT:
    case STREAM_ENDED:
        client_failed(data);
        break;
    case STREAM_DRAINED:
        break;
    }
}

static const struct stream_user client_user = {.data = ftp_data_leave, .event = client_event};

static void client_is_there(struct ftp_data *data)
{
    struct err err;
    if (!data->protect) {
        client_is_ready(data);
        return;
    }
    struct tls *tls = session_data_tls(data->session, &err);
    if (!tls) {
        ftp_data_fail(data, FTP_DATA_NO_MEMORY);
        return;
    }
    stream_set_user(data->client, &client_user, data);
    stream_start_tls(data->client, tls, true);
}

/* ---- guests ---- */

static void guest_leaves(struct ftp_data_guest *guest)
{
    if (guest->stream)
        stream_close(guest->stream);
    guest->stream = NULL;
}

/* It has resumed the control connection's session, which nobody else can (F10): it is the client. */
static void guest_is_client(struct ftp_data_guest *guest)
{
    struct ftp_data *data = guest->data;
    data->client = guest->stream;
    guest->stream = NULL;
    ftp_data_close_port(data);
    client_is_secure(data);
}

/* A stranger leaves no trace but a line; the client itself is told at once. */
static void guest_failed(struct ftp_data_guest *guest)
{
    struct ftp_data *data = guest->data;
    struct addr peer;
    stream_peer(guest->stream, &peer);
    log_wrong_peer(data, &peer, stream_error(guest->stream)->text);
    guest_leaves(guest);
    if (!is_control_peer(data, &peer))
        return;
    renew_ticket(data);
    ftp_data_fail(data, FTP_DATA_NOT_RESUMED);
}

static void guest_event(void *owner, struct stream *stream, enum stream_event event)
{
    (void)stream;
    if (event == STREAM_SECURE)
        guest_is_client(owner);
    else if (event == STREAM_FAILED || event == STREAM_CUT || event == STREAM_ENDED)
        guest_failed(owner);
}

static const struct stream_user guest_user = {.data = ftp_data_leave, .event = guest_event};

/* Whoever has stood there longest makes place: nobody can keep the client out by saying nothing. */
static void take_guest(struct ftp_data *data, int fd)
{
    struct ftp_data_guest *guest = &data->guests[data->next_guest++ % FTP_DATA_GUESTS_MAX];
    struct err err;
    guest_leaves(guest);
    guest->data = data;
    guest->stream = stream_accepted(session_loop(data->session), fd, &err);
    struct tls *tls = guest->stream ? session_data_tls(data->session, &err) : NULL;
    if (!tls) {
        guest_leaves(guest);
        return;
    }
    tls_resume_only(tls);
    stream_set_user(guest->stream, &guest_user, guest);
    stream_start_tls(guest->stream, tls, true);
}

/* ---- what the rest of the channel calls ---- */

void ftp_data_accepted(void *owner, int fd, const struct addr *peer)
{
    struct ftp_data *data = owner;
    struct err err;
    bool by_session = session_conf(data->session)->data_peer == CONF_PEER_SAME_SESSION;
    if (by_session && data->protect) {
        take_guest(data, fd);
        return;
    }
    if (by_session || !is_control_peer(data, peer)) {
        log_wrong_peer(data, peer, by_session ? "without TLS nobody can be told from another" : NULL);
        (void)close(fd);
        return;
    }
    ftp_data_close_port(data);
    data->client = stream_accepted(session_loop(data->session), fd, &err);
    if (data->client)
        client_is_there(data);
    else
        ftp_data_fail(data, FTP_DATA_NO_MEMORY);
}

bool ftp_data_dial(struct ftp_data *data)
{
    struct addr from;
    struct err err;
    stream_local(session_client(data->session), &from);
    data->client =
        stream_connect_from(session_loop(data->session), &from, &data->at, &client_user, data, &err);
    if (data->client)
        stream_pause(data->client);
    return data->client;
}

void ftp_data_close_port(struct ftp_data *data)
{
    for (size_t i = 0; i < FTP_DATA_GUESTS_MAX; i++)
        guest_leaves(&data->guests[i]);
    if (!data->listener)
        return;
    listener_free(data->listener);
    data->listener = NULL;
    counter_subtract(&session_counters(data->session)->passive_ports_in_use, 1);
}
