/*
 * An exchange from the inside: http_exchange.c (its life, bytes on their way out, its ends), http_request.c
 * (what the client sends), http_answer.c (what the backend sends). Nobody else includes it.
 */
#pragma once

#include "buf.h"
#include "http_body.h"
#include "http_exchange.h"
#include "http_fields.h"
#include "http_head.h"

enum { HTTP_LOGGED_TARGET_LEN = 512 };

struct http_exchange {
    const struct http_outlet *outlet;
    void *owner;
    struct http_forwarded forwarded;

    enum http_phase phase;
    struct http_end end;
    bool draining, retiring, client_ended;
    bool settled; /* the backend owes no answer and is owed no byte */

    /* of this request and its answer */
    bool to_head, to_1_0;
    bool expects;      /* the client waits for 100 Continue */
    bool last;         /* the connections end behind this answer */
    bool answer_begun; /* the head of the final answer was sent to the client */
    unsigned interim;
    struct http_body request, answer;
    unsigned code;
    struct http_allowed allowed;
    uint64_t bytes_in, bytes_out;
    char method[HTTP_METHOD_MAX + 1], target[HTTP_LOGGED_TARGET_LEN];

    bool out_to_client;    /* whose bytes are in out */
    struct buf out;        /* gathered within one call: empty between calls */
    struct http_head head; /* the request's until it is sent on, then the answer's */
};

bool http_exchange_is_exchanging(const struct http_exchange *x); /* a request is with the backend */

/* Bytes for the side that out_to_client names. */
void http_exchange_pass(struct http_exchange *x, const uint8_t *data, size_t len);
void http_exchange_flush(struct http_exchange *x);

/* The answer is complete; more_bytes: the backend sent something behind it. */
void http_exchange_complete(struct http_exchange *x, bool more_bytes);

/* It ends here: without a word; with our own answer when none has begun, else with a cut. */
void http_exchange_over(struct http_exchange *x, enum session_reason reason, const char *detail, bool cut);
void http_exchange_give_up(struct http_exchange *x, unsigned code, enum session_reason reason,
                           const char *detail);
void http_exchange_no_memory(struct http_exchange *x);
void http_exchange_report(struct http_exchange *x, enum session_reason reason, const char *detail);
