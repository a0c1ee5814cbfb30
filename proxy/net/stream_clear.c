/* TLS that ends before its connection does: what comes from then on is in clear. */
#include "stream_private.h"

enum { TLS_RECORD_FIRST = 0x14, TLS_RECORD_LAST = 0x18 };

void stream_stop_tls(struct stream *stream)
{
    struct tls_io io = stream_io(stream, NULL, 0);

    if (stream->phase != STREAM_PHASE_SECURE || stream->finishing || stream->failed)
        return;
    stream->closed_tls = true;
    tls_close(stream->tls, &io);
    stream_push(stream, io.out, io.out_len);
    stream->phase = STREAM_PHASE_CLEAR;
    stream->tls_over = true;
    stream->tls_ending = stream->peer_end == STREAM_PEER_OPEN;
    stream->tls_ends_well = false;
    if (stream->peer_end == STREAM_PEER_ENDED) {
        stream->peer_end = STREAM_PEER_OPEN; /* it was the end of its TLS only */
        stream->tell_end = false;
    }
    stream_interest(stream);
}

/* Clients that go on in clear without a close_notify exist: no word of theirs begins like a record. */
static bool stream_is_record(uint8_t first)
{
    return first >= TLS_RECORD_FIRST && first <= TLS_RECORD_LAST;
}

/* Still inside TLS. Returns how much was: behind its close_notify the rest is in clear. */
static size_t stream_end_tls(struct stream *stream, const uint8_t *data, size_t len)
{
    struct tls_io io = stream_io(stream, data, len);
    size_t plain_len = 0;
    enum tls_status status = tls_read(stream->tls, &io, stream->loop->plain, LOOP_PLAIN_BYTES, &plain_len);

    if (plain_len) {
        err_set(&stream->err, "the peer went on in TLS after its end");
        stream_fail(stream);
        return len;
    }
    if (status == TLS_FAILED) {
        stream->err = *tls_error(stream->tls);
        stream_fail(stream);
        return len;
    }
    if (status == TLS_ENDED)
        stream->tls_ending = false;
    return len - io.in_len;
}

void stream_deliver_clear(struct stream *stream, const uint8_t *data, size_t len)
{
    size_t sealed = 0;

    if (stream->tls_ending && !stream->tls_ends_well) {
        stream->tls_ends_well = stream_is_record(data[0]);
        stream->tls_ending = stream->tls_ends_well;
    }
    if (stream->tls_ending)
        sealed = stream_end_tls(stream, data, len);
    if (len > sealed && !stream->failed)
        stream_deliver(stream, data + sealed, len - sealed);
}
