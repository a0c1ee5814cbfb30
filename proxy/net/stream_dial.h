/*
 * Connecting to the first of several addresses that takes us, as one stream: addresses are tried one after
 * the other, each may have a header written in front of everything else and TLS set up, and only then
 * STREAM_CONNECTED is told. What the user writes before is kept and follows. When no address is left:
 * STREAM_FAILED with the cause of the last one.
 *
 * Worker only; never blocks. Requirements H5, H9.
 */
#pragma once

#include "addr.h"
#include "err.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct stream;
struct stream_user;
struct tls;

enum { STREAM_DIAL_ADDRESSES_MAX = 64, STREAM_DIAL_PREFIX_MAX = 128 * 1024 };

enum stream_dial_outcome {
    STREAM_DIAL_REACHED,
    STREAM_DIAL_REFUSED,    /* by its kernel, or there is no way to it */
    STREAM_DIAL_TIMED_OUT,  /* no answer within timeout_ms */
    STREAM_DIAL_TLS_FAILED, /* it has accepted, but TLS was not made within handshake_timeout_ms */
    STREAM_DIAL_NO_SOCKET,  /* it could not be tried: this process has no descriptor, port or memory left */
};

/* What the dialler is told and asked, always with the owner given; from the loop, or from inside stream_dial.
 */
struct stream_dial_hooks {
    /* May be NULL. An address was tried: its place in the list, and why not (NULL: reached). */
    void (*tried)(void *owner, size_t index, enum stream_dial_outcome outcome, const struct err *why);
    /* NULL: clear. A client's conversation for one attempt, given away. NULL and err: this address fails. */
    struct tls *(*tls)(void *owner, size_t index, struct err *err);
    /* May be NULL. Once: connected, failed or closed (then from inside stream_close or stream_abort); no hook
     * is called afterwards and owner may go. */
    void (*over)(void *owner);
};

struct stream_dial {
    const struct addr *to; /* copied */
    size_t count;          /* at least 1 */
    uint64_t timeout_ms;   /* for each connect; 0: the kernel's own patience */
    uint64_t total_ms;     /* after it no other address is tried; 0: no limit */
    uint64_t handshake_timeout_ms;
    const void *prefix; /* copied; in clear, in front of TLS */
    size_t prefix_len;
    const struct stream_dial_hooks *hooks; /* borrowed (a const table); NULL: none */
    void *hooks_owner;
};

/* NULL: no address could even be tried, or no memory; `over` was called then, too. */
struct stream *stream_dial(struct loop *loop, const struct stream_dial *dial, const struct stream_user *user,
                           void *owner, struct err *err);
