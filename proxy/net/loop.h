/*
 * What one worker's event loop shares between its streams: the libev loop, the receive, plain and
 * cipher buffers (they belong to the loop, not to a connection), the queue of handshake
 * steps with its budget a turn, and the streams that wait to be freed or to finish closing.
 *
 * One a worker; one thread; owned by the process's main function.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct loop;

struct loop *loop_new(struct err *err);
void loop_free(struct loop *loop);

/* Runs until loop_stop. before_wait is called once a turn, before the kernel is asked for events: log lines
 * are flushed there. */
void loop_run(struct loop *loop, void (*before_wait)(void *owner), void *owner);
void loop_stop(struct loop *loop);

struct ev_loop *loop_ev(struct loop *loop);

/* The time of this turn (CLOCK_MONOTONIC, ms): no system call. */
uint64_t loop_now_ms(struct loop *loop);

/* Streams alive or still closing: a drained worker ends when none is left. */
size_t loop_streams(const struct loop *loop);
