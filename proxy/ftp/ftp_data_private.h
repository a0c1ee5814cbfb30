/*
 * A data channel from the inside: ftp_data.c (its life, the backend's side), ftp_data_client.c (how the
 * client comes, and whether it is the right one), ftp_data_flow.c (bytes and ends), ftp_data_stall.c (whether
 * anything moves). Nobody else includes it.
 */
#pragma once

#include "ftp_data.h"
#include "timer.h"

enum { FTP_DATA_GUESTS_MAX = 4 };

/* data-peer = "same-session": somebody who has come and not shown yet that it is the client. */
struct ftp_data_guest {
    struct ftp_data *data;
    struct stream *stream; /* NULL: a free place */
};

struct ftp_data {
    struct session *session;
    const struct ftp_data_user *user;
    void *owner;
    bool active; /* the client listens, at `at` */
    struct addr at;
    struct listener *listener; /* until the client is there */
    struct ftp_data_guest guests[FTP_DATA_GUESTS_MAX];
    unsigned next_guest;
    uint16_t port; /* that the client is told */
    struct stream *client, *backend;
    struct relay *relay;
    struct timer absent, poll, stall;
    uint64_t poll_ms, flush_until_ms, started_ms;
    uint64_t carried_bytes; /* at the last look */
    unsigned still_looks;   /* since it was seen to grow */
    bool protect, upload;
    bool transferring;                /* ftp_data_connect was called */
    bool client_connected;            /* active mode */
    bool client_ready, backend_ready; /* connected, and TLS is up */
    bool started, complete;           /* what the owner has called */
    bool source_ended;                /* every byte is here, and its end was clean */
    bool client_gone;                 /* nothing more can be sent to it */
    bool client_ended; /* it has said that it sends no more; in a download: that it has read enough */
    bool close_notify, is_done;
    struct ftp_data_tls tls; /* of the client's side, once its handshake is done */
    enum ftp_data_failure failure;
};

/* A stream_user's data, ftp_data.c: before there is a relay, every byte stays where it is. */
size_t ftp_data_leave(void *owner, struct stream *stream, const uint8_t *data, size_t len);

/* ftp_data_client.c */
/* A listener_accepted: owner is the channel. */
void ftp_data_accepted(void *owner, int fd, const struct addr *peer);
/* Active mode: the connection to the client begins. False: refused at once. */
bool ftp_data_dial(struct ftp_data *data);
/* Nobody else can come. */
void ftp_data_close_port(struct ftp_data *data);

/* ftp_data_flow.c */
void ftp_data_stop(struct ftp_data *data);
/* Last use of data when a transfer has begun; before it, the transfer is told. */
void ftp_data_fail(struct ftp_data *data, enum ftp_data_failure failure);
void ftp_data_start_when_ready(struct ftp_data *data);
void ftp_data_polled(void *owner);

/* ftp_data_stall.c */
void ftp_data_watch(struct ftp_data *data); /* bytes flow from now on */
void ftp_data_looked(void *owner);          /* the timer's function */
