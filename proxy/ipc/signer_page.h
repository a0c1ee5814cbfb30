/*
 * Shared memory of one signer, as counters.h says of a worker's.
 */
#pragma once

#include "counter.h"

enum { COUNTERS_CKR_MAX = 16 };

/* Answers that were errors, by their CKR value: count 0 is a free row. */
#define COUNTERS_CKR_OTHER UINT32_MAX /* the last row, when more kinds came than there are rows */
struct ckr_counter {
    counter ckr, count;
};

struct signer_page {
    counter busy_since_ms;                 /* CLOCK_MONOTONIC; 0: idle */
    counter login_since_ms;                /* likewise: inside a login, or waiting for the gate to it */
    counter state;                         /* enum signer_state */
    counter signatures, refused, failures; /* refused: the form, the key or the scheme of a request */
    struct ckr_counter errors[COUNTERS_CKR_MAX];
};

/* Signer: one answer was this error; CKR_OK (0) and COUNTERS_CKR_OTHER are counted as COUNTERS_CKR_OTHER. */
void signer_page_count_ckr(struct signer_page *page, uint32_t ckr);

/* Readers: total += from. Sums stop at UINT64_MAX. */
void ckr_counters_add(struct ckr_counter total[COUNTERS_CKR_MAX], struct ckr_counter from[COUNTERS_CKR_MAX]);
