/*
 * The server of the control socket: one line in (a word, and what it is about), one answer out, then the
 * connection is closed. The answer's first line is "ok" or "error", what follows is for the client: JSON of
 * status, or text. A few clients at a time, each with a deadline. Supervisor only; never blocks.
 */
#pragma once

#include "buf.h"
#include "control_socket.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct control;
struct ev_loop;

struct control_user {
    bool (*status)(void *owner, struct buf *out); /* false: no memory */
    /* Returns the number of the reload whose end is the answer. */
    uint64_t (*reload)(void *owner);
    /* Any other word: done at once, or not; answer is for the client. */
    bool (*order)(void *owner, const char *word, const char *argument, struct buf *answer);
};

struct control *control_new(struct ev_loop *loop, const struct control_user *user, void *owner,
                            struct err *err);
void control_free(struct control *control);

/* Takes the socket, which may be CONTROL_SOCKET_NONE, in place of the one before; its clients stay. */
void control_listen(struct control *control, const struct control_socket *socket);
struct control_socket *control_listening(struct control *control);

/* Answers whoever waits for it. */
void control_reload_over(struct control *control, uint64_t number, bool done, const char *text);
