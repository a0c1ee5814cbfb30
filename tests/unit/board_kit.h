/* Sealed configurations and pages as the supervisor grants them, for the tests of the housekeeper. */
#pragma once

#include "board.h"
#include "counters.h"
#include "counters_history.h"

#include <stddef.h>

/* Keystores "edge" (3 signers) and "files" (2 signers, no listener needs it); listeners "a" and "b" of edge.
 */
extern const char kit_configuration[];

/* The same, turned round: listeners "b", "new"; keystores "files", "edge", both needed. */
extern const char kit_configuration_turned[];

/* The configuration in sealed memory; the caller's. */
int kit_seal(const char *text);
void kit_configure(struct board *board, const char *text);

/* Makes a page, gives the board its descriptor, and returns the writer's mapping (kept until exit). */
void *kit_page(struct board *board, enum grant_kind kind, uint32_t index);

size_t kit_page_size(enum grant_kind kind);
