/*
 * The signers' end of a keystore's queue: one request at a time is taken from it, as sign_message.h
 * describes, and answered on the socket that came with it. The kernel shares the requests out among
 * the signers that wait here.
 *
 * Whoever sends is treated as hostile: lengths, magic and version are checked, wrong descriptors are
 * closed, an empty datagram is not taken for the end. Nothing is allocated for a request.
 * Signer process; one thread; requests_take blocks until there is a request or the queue ends.
 */
#pragma once

#include "err.h"
#include "sign_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUESTS_IDLE_MS = 60000 };

enum requests_result {
    REQUESTS_TAKEN,
    REQUESTS_MALFORMED, /* somebody waits at reply for a request that is not one */
    REQUESTS_SKIPPED,   /* nobody waits for an answer any more, or nobody ever did */
    REQUESTS_IDLE,      /* nothing came for REQUESTS_IDLE_MS */
    REQUESTS_CLOSED,    /* the queue was shut down */
    REQUESTS_FAILED,
};

struct request {
    struct sign_request head;
    const uint8_t *bytes; /* head.bytes_len of them; borrowed until the next take */
    int reply;            /* owned; closed by request_answer */
};

/* Makes the queue's descriptor block, with an idle time. Borrows it. */
bool requests_setup(int queue, struct err *err);

enum requests_result requests_take(int queue, struct request *out, struct err *err);

/* Never blocks; an answer that does not fit is lost, as the signer is not there to wait. */
void request_answer(struct request *request, enum sign_status status, uint32_t ckr, uint64_t token_us,
                    const void *signature, size_t len);
