/*
 * How a step of a signer's start ended. What the supervisor is told, and the exit code, follow from it
 * (signer.c). Signer process only.
 */
#pragma once

enum outcome {
    OUTCOME_OK,
    OUTCOME_CONFIGURATION, /* a person must change something; starting again will not help */
    OUTCOME_PIN,           /* the token refused the PIN, or would soon lock: never try again */
    OUTCOME_ABSENT,        /* the token is not there */
    OUTCOME_FULL,          /* the token has no session free */
    OUTCOME_FAULTY,        /* the module or the token failed: a fresh process may do better */
};
