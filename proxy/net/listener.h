/*
 * A listening socket of a worker: one accept a wake-up, so that workers share a burst. The
 * listeners of the configuration are made by the supervisor; passive FTP ports by the worker itself.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <stdbool.h>

struct listener;
struct loop;

/* accepted gets a non-blocking, close-on-exec descriptor, its own to keep. */
typedef void listener_accepted(void *owner, int fd, const struct addr *peer);

/* Takes fd. */
struct listener *listener_new(struct loop *loop, int fd, listener_accepted *accepted, void *owner,
                              struct err *err);

/* A socket of its own on a random free port of [first, last] at the host of `at`, backlog 4; a port that
 * another generation holds (EADDRINUSE at bind or listen) means another port (F21). NULL: none is free (C6,
 * 425). */
struct listener *listener_new_passive(struct loop *loop, const struct addr *at, uint16_t first, uint16_t last,
                                      listener_accepted *accepted, void *owner, struct err *err);

uint16_t listener_port(const struct listener *listener);

/* Stops accepting; the descriptor is closed. NULL is allowed. Allowed inside accepted. */
void listener_free(struct listener *listener);
