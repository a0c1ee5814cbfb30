/*
 * A signer's work after its start: take a request, look at it, sign, answer, again.
 * Signer process; blocks in the queue and in the token.
 */
#pragma once

#include "counters.h"
#include "err.h"
#include "keyring.h"
#include "outcome.h"

/* Until the queue ends (OUTCOME_OK) or the source fails (err says how). */
enum outcome serve(struct keyring *ring, int queue, struct signer_page *page,
                   const struct signer_start *start, struct err *err);
