/*
 * One client connection and its one backend connection as HTTP sees them: requests in order, one at a time
 * (H5), each with its answer. A filter: bytes and ends go in, bytes come out through the outlet at once and
 * mostly uncopied, and the phase says what is to happen next. No sockets, no clock.
 *
 * Owner: http.c. Worker only; one thread; nothing blocks. No outlet function may call back in here. After
 * each call the owner looks at the phase.
 */
#pragma once

#include "addr.h"
#include "http_refusal.h"
#include "reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_exchange;
struct http_fault;
struct http_head;

enum http_phase {
    HTTP_PHASE_IDLE,    /* nothing of a request has come */
    HTTP_PHASE_HEAD,    /* a part of its head has */
    HTTP_PHASE_REQUEST, /* the head went to the backend, the body flows; an early answer may flow already */
    HTTP_PHASE_ANSWER, /* the request is complete, the answer awaited or flowing; client bytes have to wait */
    HTTP_PHASE_OVER,   /* http_exchange_end says why; nothing more is sent */
};

/* One request, when its answer is complete or has failed; texts are borrowed for the call. */
struct http_record {
    const char *method, *target;  /* "" when no request line was read; target may be cut */
    unsigned code;                /* sent to the client; 0: none */
    uint64_t bytes_in, bytes_out; /* from and to the client, heads included */
    enum session_reason reason;
    const char *detail; /* may be NULL */
};

/* What the owner says about a request that is well-formed; borrowed until the call into the exchange returns.
 */
struct http_permit {
    uint64_t max_body_bytes; /* 0: no limit */
    const void *identity;    /* whole lines about the client's certificate for the backend */
    size_t identity_len;
    enum session_reason reason;  /* of a refusal */
    struct http_allowed allowed; /* what a 405 says */
};

struct http_outlet {
    void (*to_client)(void *owner, const uint8_t *data, size_t len);
    void (*to_backend)(void *owner, const uint8_t *data, size_t len); /* the first one connects */
    void (*finished)(void *owner, const struct http_record *record);
    /* Before anything of a request goes on: may it? NULL: everything may. permit comes zeroed, with
     * REASON_REFUSED; false: fault has the answer, its words live as long as the exchange. */
    bool (*admit)(void *owner, const struct http_head *head, const uint8_t *bytes, struct http_permit *permit,
                  struct http_fault *fault);
};

struct http_end {
    enum session_reason reason;
    const char *detail; /* NULL or a constant */
    bool cut;           /* what the client got so far must not look complete (H11) */
};

/* client: its address; NULL: it is not told on (H8). secure: it came by TLS. NULL: out of memory. */
struct http_exchange *http_exchange_new(const struct http_outlet *outlet, void *owner,
                                        const struct addr *client, bool secure);
void http_exchange_free(struct http_exchange *exchange);

enum http_phase http_exchange_phase(const struct http_exchange *exchange);
struct http_end http_exchange_end(const struct http_exchange *exchange);

/* The backend owes no answer and is owed no byte: its connection may be closed in order, not only cut. */
bool http_exchange_is_settled(const struct http_exchange *exchange);

/* Return how many bytes were taken; the rest is given again, with more behind it. */
size_t http_exchange_client_data(struct http_exchange *exchange, const uint8_t *data, size_t len);
size_t http_exchange_backend_data(struct http_exchange *exchange, const uint8_t *data, size_t len);

/* The client's last byte has come (it may still read); its connection is broken. */
void http_exchange_client_ended(struct http_exchange *exchange);
void http_exchange_client_cut(struct http_exchange *exchange);

/* The backend's last byte has come; it could not be reached; its connection is broken. */
void http_exchange_backend_ended(struct http_exchange *exchange);
void http_exchange_backend_unreachable(struct http_exchange *exchange);
void http_exchange_backend_failed(struct http_exchange *exchange);

/* Does the next byte of a body rest with the client alone? Not while it waits for 100 Continue, and not when
 * its answer has begun: then it may have lost interest. */
bool http_exchange_awaits_body(const struct http_exchange *exchange);
void http_exchange_body_slow(struct http_exchange *exchange);

void http_exchange_head_late(struct http_exchange *exchange);
void http_exchange_answer_late(struct http_exchange *exchange);

/* The answer under way is the last; without one, it is over at once. */
void http_exchange_drain(struct http_exchange *exchange);

/* The next answer that can say so (Connection: close) is the last; an idle connection stays open for one more
 * request. */
void http_exchange_retire(struct http_exchange *exchange);

/* Ends now, with as much of an answer as can still be given. */
void http_exchange_stop(struct http_exchange *exchange, enum session_reason reason);
