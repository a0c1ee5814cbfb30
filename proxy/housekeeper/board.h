/*
 * What the housekeeper knows and shows: the configuration's names, the counters' pages of the other
 * processes, and which keystores can sign. Two threads: the loop tells it what the supervisor says,
 * the HTTP thread asks it for texts. One lock, held for as long as a text is made; nothing in here
 * waits for a peer or a file.
 *
 * Pages are hostile: mapped read-only, summed, never followed.
 */
#pragma once

#include "buf.h"
#include "err.h"
#include "expiry.h"
#include "message.h"

#include <stdbool.h>
#include <stdint.h>

struct board;

struct board *board_new(struct err *err);
void board_free(struct board *board); /* when no other thread uses it any more */

/* GRANT_CONFIGURATION, the newest counts. Pages that are added later are numbered by it. fd is borrowed. */
bool board_configure(struct board *board, int fd, struct err *err);

/* log.format of the newest configuration is json. */
bool board_log_json(struct board *board);

/* GRANT_WORKER_PAGE, GRANT_SIGNER_PAGE, GRANT_HISTORY_PAGE; one of the same kind and index is replaced. A
 * number that was gone and comes back before another configuration does keeps its old one. fd is borrowed. */
bool board_add_page(struct board *board, const struct grant *grant, struct err *err);

/* MESSAGE_GONE: the page is nobody's any more. */
void board_remove_page(struct board *board, uint32_t kind, uint32_t index);

/* MESSAGE_KEYSTORE; the number is one of the newest configuration. */
void board_set_keystore(struct board *board, uint32_t keystore, bool can_sign);

/* Tells which certificates expire, each step of each once; tell is called under the lock. */
void board_tell_expiry(struct board *board, expiry_function *tell, void *owner);

/* The text of /metrics; false when it could not be made. */
bool board_metrics(struct board *board, struct buf *out);

/* Every keystore that a listener needs can sign: true, and "ready". Else a sentence for each that cannot. */
bool board_ready(struct board *board, struct buf *out);
