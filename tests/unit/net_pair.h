/* A loop and TCP connections over 127.0.0.1 for the tests of net/. */
#pragma once

#include "loop.h"
#include "stream.h"

#include <ev.h>
#include <stdbool.h>

/* Turns the loop until done() or for 10 s at most; tells whether done() came true. */
bool net_run_until(struct loop *loop, bool (*done)(void *), void *arg);

/* A few turns that do not wait. */
void net_turns(struct loop *loop, int count);

/* A connected pair: a plain blocking socket for the test, and the accepted stream (paused, without a user).
 */
struct stream *net_pair(struct loop *loop, int *far);

/* A listening socket on 127.0.0.1 and its address. */
int net_listen(struct addr *at);
