/*
 * A data channel from the inside: ftp_data.c (its life, how its two connections come to be),
 * ftp_data_flow.c (bytes and ends). Nobody else includes it.
 */
#pragma once

#include "ftp_data.h"
#include "timer.h"

struct ftp_data {
    struct session *session;
    const struct ftp_data_user *user;
    void *owner;
    struct listener *listener; /* until the client is there */
    uint16_t port;
    struct stream *client, *backend;
    struct relay *relay;
    struct timer absent, poll;
    uint64_t poll_ms, flush_until_ms, started_ms;
    bool protect, upload;
    bool transferring;                /* ftp_data_connect was called */
    bool client_ready, backend_ready; /* connected, and TLS is up */
    bool started, complete;           /* what the owner has called */
    bool source_ended;                /* every byte is here, and its end was clean */
    bool client_gone;                 /* nothing more can be sent to it */
    bool client_ended; /* it has said that it sends no more; in a download: that it has read enough */
    bool resumed, close_notify, is_done;
    enum ftp_data_failure failure;
};

/* ftp_data_flow.c */
void ftp_data_stop(struct ftp_data *data);
/* Last use of data when a transfer has begun; before it, the transfer is told. */
void ftp_data_fail(struct ftp_data *data, enum ftp_data_failure failure);
void ftp_data_start_when_ready(struct ftp_data *data);
void ftp_data_polled(void *owner);
