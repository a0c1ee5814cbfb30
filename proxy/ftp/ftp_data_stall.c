/* Whether anything moves. What counts is what the two TCP connections have carried, not what the channel was
 * handed: a client that reads a byte a second out of full buffers moves, and is never cut. */
#include "ftp_data_private.h"

#include "conf.h"
#include "loop.h"
#include "session.h"
#include "stream.h"

enum { LOOKS = 4 }; /* in idle-timeout: so much of it is what may be missed */

static uint64_t carried_bytes(const struct ftp_data *data)
{
    return stream_carried_bytes(data->client) + stream_carried_bytes(data->backend);
}

/* Bytes are awaited, or on their way. What else the backend does before its last word may take its time. */
static bool is_pending(const struct ftp_data *data)
{
    if (!data->source_ended)
        return true;
    if (data->upload)
        return !stream_flushed(data->backend);
    return !data->client_gone && stream_unsent(data->client);
}

static void look_later(struct ftp_data *data)
{
    uint64_t span_ms = session_conf(data->session)->idle_timeout_ms / LOOKS;
    timer_start(&data->stall, span_ms ? span_ms : session_conf(data->session)->idle_timeout_ms);
}

void ftp_data_watch(struct ftp_data *data)
{
    data->carried_bytes = carried_bytes(data);
    data->moved_ms = loop_now_ms(session_loop(data->session));
    look_later(data);
}

void ftp_data_looked(void *owner)
{
    struct ftp_data *data = owner;
    uint64_t now_ms = loop_now_ms(session_loop(data->session));
    uint64_t carried = carried_bytes(data);
    if (carried != data->carried_bytes || !is_pending(data)) {
        data->carried_bytes = carried;
        data->moved_ms = now_ms;
    }
    if (now_ms - data->moved_ms >= session_conf(data->session)->idle_timeout_ms)
        ftp_data_fail(data, FTP_DATA_STALLED);
    else
        look_later(data);
}
