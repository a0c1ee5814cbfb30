/*
 * The HTTP server of admin.bind: GET and HEAD of /metrics, /healthz and /readyz. libmicrohttpd with one
 * thread of its own, so that a log target that takes no lines stalls no probe, and a slow scraper no line.
 * A client has 5 s of silence, 32 connections are served at a time, each one request.
 */
#pragma once

#include "board.h"
#include "err.h"

struct admin;

/* Takes fd, a listening socket, also when it fails (NULL). The board must outlive the server. */
struct admin *admin_new(int fd, struct board *board, struct err *err);

/* Ends the thread; waits for the answer that is being made. */
void admin_free(struct admin *admin);
