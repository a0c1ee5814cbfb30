/* Bytes from one side to the other, and what their ends mean (F14, F15). */
#include "ftp_data_private.h"

#include "conf.h"
#include "loop.h"
#include "relay.h"
#include "session.h"
#include "stream.h"

enum { FLUSH_LIMIT_MS = 5000, POLL_MAX_MS = 32 };

void ftp_data_stop(struct ftp_data *data)
{
    timer_stop(&data->absent);
    timer_stop(&data->poll);
    timer_stop(&data->stall);
    ftp_data_close_port(data);
    relay_free(data->relay);
    data->relay = NULL;
}

void ftp_data_fail(struct ftp_data *data, enum ftp_data_failure failure)
{
    ftp_data_stop(data);
    if (data->failure == FTP_DATA_OK)
        data->failure = failure;
    if (data->transferring) {
        data->user->failed(data->owner, data->failure);
    } else if (data->client) {
        stream_close(data->client);
        data->client = NULL;
    }
}

/* Looks again soon; the first look comes from the loop, too. */
static void poll_soon(struct ftp_data *data)
{
    timer_start(&data->poll, data->poll_ms);
    if (data->poll_ms < POLL_MAX_MS)
        data->poll_ms *= 2;
}

/* The backend's positive reply and the data's end are both here: let the client see the end. */
static void begin_end(struct ftp_data *data)
{
    if (data->flush_until_ms || !data->complete || !data->source_ended)
        return;
    if (!data->client_gone) {
        stream_finish(data->client);
        data->close_notify = data->upload ? data->close_notify : data->protect;
    }
    data->flush_until_ms = loop_now_ms(session_loop(data->session)) + FLUSH_LIMIT_MS;
    poll_soon(data);
}

/* After begin_end: has everything arrived that the client is still interested in? */
static bool is_flushed(struct ftp_data *data)
{
    uint64_t now_ms = loop_now_ms(session_loop(data->session));
    if (data->client_gone)
        return true;
    if (stream_unsent(data->client)) {
        data->flush_until_ms = now_ms + FLUSH_LIMIT_MS; /* slow, but it reads */
        return false;
    }
    return data->client_ended || now_ms >= data->flush_until_ms || stream_flushed(data->client);
}

/* begin_end was called and everything is flushed: nothing is left to do. */
static bool is_over(struct ftp_data *data)
{
    if (!data->flush_until_ms || !is_flushed(data))
        return false;
    ftp_data_stop(data);
    data->is_done = true;
    return true;
}

void ftp_data_polled(void *owner)
{
    struct ftp_data *data = owner;
    if (data->failure == FTP_DATA_OK && !data->source_ended)
        data->failure = FTP_DATA_INCOMPLETE; /* the backend called an upload complete before its end */
    if (data->failure != FTP_DATA_OK) {
        ftp_data_fail(data, data->failure);
        return;
    }
    begin_end(data);
    if (is_over(data))
        data->user->done(data->owner);
    else
        poll_soon(data);
}

/* ---- bytes ---- */

/* Whose bytes count has ended. True hands the end on: an upload's to the backend at once, while a
 * download's waits for the backend's word. */
static bool data_side_ended(void *owner, int side)
{
    struct ftp_data *data = owner;
    bool is_source = data->upload == (side == 0);
    if (side == 0)
        data->client_ended = true;
    if (!is_source)
        return false;
    data->source_ended = true;
    if (data->upload) {
        data->close_notify = data->protect;
        stream_finish(data->client); /* some clients wait for our close_notify before they read replies */
        return true;
    }
    stream_finish(data->backend);
    begin_end(data);
    return false;
}

/* The client of a download has left. Had it read everything, then only the backend's end is to come. */
static size_t tail_data(void *owner, struct stream *stream, const uint8_t *bytes, size_t len)
{
    (void)stream;
    (void)bytes;
    ftp_data_fail(owner, FTP_DATA_CUT);
    return len;
}

static void tail_event(void *owner, struct stream *stream, enum stream_event event)
{
    struct ftp_data *data = owner;
    (void)stream;
    if (event == STREAM_ENDED) {
        data->source_ended = true;
        stream_finish(data->backend);
        begin_end(data);
    } else if (event == STREAM_FAILED || event == STREAM_CUT) {
        ftp_data_fail(data, FTP_DATA_BACKEND_FAILED);
    }
}

static const struct stream_user tail_user = {.data = tail_data, .event = tail_event};

static void download_client_left(struct ftp_data *data, bool cut)
{
    data->client_gone = true;
    if (data->source_ended) {
        begin_end(data);
    } else if (!cut || stream_unsent(data->client)) {
        ftp_data_fail(data, FTP_DATA_CUT);
    } else {
        stream_set_user(data->backend, &tail_user, data);
        stream_resume(data->backend);
    }
}

static void log_tolerated_cut(const struct ftp_data *data)
{
    struct log_line line;
    session_log(data->session, &line, LOG_LEVEL_WARNING, "upload-without-close-notify");
    log_number(&line, "bytes_in", (int64_t)stream_bytes_in(data->client));
    log_end(&line);
}

static void upload_client_left(struct ftp_data *data, bool cut)
{
    data->client_gone = true;
    if (data->source_ended)
        return; /* it had said its end, what breaks after it is nothing */
    /* Clients that know no close_notify end with a FIN behind a record. */
    bool is_end = cut && !stream_was_torn(data->client);
    if (!is_end || session_conf(data->session)->require_close_notify) {
        ftp_data_fail(data, FTP_DATA_CUT);
        return;
    }
    log_tolerated_cut(data);
    data->source_ended = true;
    stream_finish(data->backend);
}

static void backend_left(struct ftp_data *data)
{
    if (!data->source_ended || stream_unsent(data->backend))
        ftp_data_fail(data, FTP_DATA_BACKEND_FAILED);
}

static void data_relay_ended(void *owner, enum relay_end end)
{
    struct ftp_data *data = owner;
    relay_free(data->relay);
    data->relay = NULL;
    switch (end) {
    case RELAY_A_CUT:
    case RELAY_A_FAILED:
        if (data->upload)
            upload_client_left(data, end == RELAY_A_CUT);
        else
            download_client_left(data, end == RELAY_A_CUT);
        break;
    case RELAY_B_CUT:
    case RELAY_B_FAILED:
        backend_left(data);
        break;
    case RELAY_DONE:
        break;
    }
}

static const struct relay_user relay_user = {.ended = data_relay_ended, .side_ended = data_side_ended};

void ftp_data_start_when_ready(struct ftp_data *data)
{
    if (!data->started || !data->client_ready || !data->backend_ready || data->relay)
        return;
    data->relay = relay_new(data->client, data->backend, &relay_user, data);
    if (data->relay) {
        if (!data->upload)
            stream_reset_unless_finished(data->client);
        ftp_data_watch(data);
        return;
    }
    data->failure = FTP_DATA_NO_MEMORY;
    poll_soon(data);
}

void ftp_data_start(struct ftp_data *data)
{
    data->started = true;
    data->started_ms = loop_now_ms(session_loop(data->session));
    ftp_data_start_when_ready(data);
}

bool ftp_data_complete(struct ftp_data *data)
{
    data->complete = true;
    begin_end(data);
    if (is_over(data))
        return true;
    if (data->upload && !data->source_ended)
        poll_soon(data);
    return false;
}
