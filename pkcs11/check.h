/*
 * `p11gate -t`: signs and verifies once with each key and scheme, as the signers' user, and tells which work,
 * which TLS versions follow from them, and what is missing.
 * Signer process, instead of its work; blocks for as long as the token likes.
 */
#pragma once

#include "buf.h"
#include "err.h"
#include "keyring.h"
#include "outcome.h"
#include "problems.h"

/* One line a key into report, what fails into problems. OUTCOME_PIN, and nothing further is tried, when the
 * token refuses the PIN of a key that wants it each time. */
enum outcome check_keys(struct keyring *ring, struct problems *problems, struct buf *report, struct err *err);
