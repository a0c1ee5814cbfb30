/*
 * The supervisor's life, one phase after the other. Only phase_enter writes the phase; a phase is left when
 * what it waits for has come, at its deadline, or for the way down. Never blocks.
 */
#pragma once

#include <stdbool.h>

struct crew;
struct supervisor;

enum phase {
    PHASE_MADE,
    PHASE_HOUSEKEEPER, /* waits for the log writer */
    PHASE_KEYSTORES,   /* waits for each keystore's first inventory */
    PHASE_WORKERS,     /* waits for all workers to be ready */
    PHASE_RUNNING,
    PHASE_STOP_WORKERS,
    PHASE_STOP_SIGNERS,
    PHASE_STOP_HOUSEKEEPER,
    PHASE_OVER,
};

void phase_enter(struct supervisor *supervisor, enum phase phase);

/* Ends everything in order; the process then returns code. The first code counts, but a refused PIN wins. */
void phase_end(struct supervisor *supervisor, int code);

/* Goes on when what the present phase waits for is there. Asked after every change of a part. */
void phase_advance(struct supervisor *supervisor);

/* A worker of a crew that does not serve so far cannot go on with its configuration. */
void phase_crew_failed(struct supervisor *supervisor, const struct crew *crew, const char *reason);

/* In a word, for a person. */
const char *phase_name(enum phase phase);

/* The present phase has lasted as long as it may. */
void phase_expired(struct supervisor *supervisor);

/* A line for a person at the terminal, beside the log. */
void phase_say(const char *text);
