/*
 * A protocol as the core sees it: a const table of functions and words. ftp/ and http/ each fill one in
 * and never see each other; raw TLS is core's own.
 *
 * The way of a session: accept -> (tls_first: TLS handshake) -> open -> ... -> session_end. open gets
 * a session whose client stream has no user yet: it sets its own with stream_set_user and resumes it.
 */
#pragma once

#include "session.h"

#include <stdbool.h>

struct protocol {
    const char *name;
    const char *alpn; /* chosen when the client offers it; a client that offers only others gets alert 120 */
    bool tls_first;   /* the handshake comes before open */
    unsigned tickets; /* after a full TLS 1.3 handshake */
    bool data_channels; /* a session has more TLS connections than its own (session_data_tls) */

    /* It has no login and no request at which it asks session_recheck: the core asks at the beginning and
     * when the policy changes. */
    bool never_asks;
    const char *refusal; /* in clear to a client that is turned away at once; NULL: nothing is said */

    /* Makes the protocol's state and starts it; NULL: out of memory, the session is ended by the caller.
     * A session_end from inside takes effect when open has returned. */
    void *(*open)(struct session *session);
    /* session_start_tls has ended well (never called when tls_first). */
    void (*secured)(void *state);
    /* Others take new connections from now on: this one goes on, but need not be kept for its own sake (HTTP:
     * the next answer says Connection: close). May be NULL. */
    void (*retire)(void *state);
    /* The worker stops: end when nothing is under way, in the protocol's own words (FTP 421; HTTP
     * Connection: close). */
    void (*drain)(void *state);
    /* The session ends for a reason of the core's (worker stops, idle): say it in the protocol's words, if it
     * has any. true: what the client has so far must not look complete, its connection is to be reset
     * (session_abort). */
    bool (*farewell)(void *state, enum session_reason reason);
    /* Frees the state and every stream of its own. Called once, from session_end, while the client stream is
     * alive. */
    void (*close)(void *state);
};

extern const struct protocol protocol_raw; /* `tls`: relays to the backend as it is */
