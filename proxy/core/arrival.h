/*
 * A client that a proxy of accept-proxy-from has sent: its first bytes are a PROXY header that says who it
 * is. It is a session (session_admit) when the header has come whole; a header that is none, or none within
 * handshake-timeout, ends it with a log line.
 *
 * Worker only; never blocks.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>

struct arrival;
struct service;
struct stream;

/* Do this address's connections begin with a header? */
bool arrival_expected(const struct service *service, const struct addr *proxy);

/* Takes the stream. */
void arrival_begin(struct service *service, struct stream *client, const struct addr *proxy);

/* The service ends, or its listener is disabled; one that only retires (a reload) keeps them. */
void arrival_end_all(struct service *service);
