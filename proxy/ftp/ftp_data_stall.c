/* Whether anything moves. What counts is what the two TCP connections have carried, not what the channel was
 * handed: a client that reads a byte a second out of full buffers moves, and is never cut. And it is looks
 * that are counted, not the clock: while this process did not run (a machine that was paused or moved to
 * another host, a debugger), nobody's silence was seen. */
#include "ftp_data_private.h"

#include "conf.h"
#include "session.h"
#include "stream.h"

enum { LOOKS = 4 }; /* in stall-timeout: a part of it is how late the end may come */

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
    uint64_t stall_timeout_ms = session_conf(data->session)->stall_timeout_ms;
    if (stall_timeout_ms)
        timer_start(&data->stall, (stall_timeout_ms + LOOKS - 1) / LOOKS);
}

void ftp_data_watch(struct ftp_data *data)
{
    data->carried_bytes = carried_bytes(data);
    data->still_looks = 0;
    look_later(data);
}

void ftp_data_looked(void *owner)
{
    struct ftp_data *data = owner;
    uint64_t carried = carried_bytes(data);
    bool is_still = carried == data->carried_bytes && is_pending(data);
    data->carried_bytes = carried;
    data->still_looks = is_still ? data->still_looks + 1 : 0;
    if (data->still_looks >= LOOKS)
        ftp_data_fail(data, FTP_DATA_STALLED);
    else
        look_later(data);
}
