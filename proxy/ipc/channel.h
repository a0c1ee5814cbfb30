/*
 * The supervisor's line to one child: an AF_UNIX SOCK_SEQPACKET pair. A message is a type, a short
 * payload and descriptors. The child finds its end at CHANNEL_FD after exec.
 *
 * Both ends treat the other as hostile: what is too long, unknown or cut is an error, and descriptors
 * of a refused message are closed. The kernel queues by bytes (net.core.wmem_default, its own overhead
 * included): some 270 small messages, 13 of the largest; net.unix.max_dgram_qlen does not count between the
 * two ends of a pair.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHANNEL_FD = 3, CHANNEL_PAYLOAD_MAX = 8192, CHANNEL_FDS_MAX = 200 };

struct channel_message {
    uint32_t type; /* enum message_type */
    size_t len, fd_count;
    uint8_t payload[CHANNEL_PAYLOAD_MAX];
    int fds[CHANNEL_FDS_MAX]; /* owned by whoever received the message */
};

enum channel_result { CHANNEL_OK, CHANNEL_AGAIN, CHANNEL_CLOSED, CHANNEL_FAILED };

/* Both ends close-on-exec and non-blocking. */
bool channel_pair(int fds[2], struct err *err);

/* Never blocks; CHANNEL_AGAIN when the kernel's queue is full. The descriptors stay the caller's. */
enum channel_result channel_send(int channel, uint32_t type, const void *payload, size_t len, const int *fds,
                                 size_t fd_count);

/* Never blocks. Received descriptors are close-on-exec. */
enum channel_result channel_receive(int channel, struct channel_message *out, struct err *err);

/* The same, but waits up to timeout_ms for a message (child start-up only, before its loop runs). */
enum channel_result channel_wait(int channel, int timeout_ms, struct channel_message *out, struct err *err);

void channel_close_fds(struct channel_message *message);
