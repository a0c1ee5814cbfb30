/* The supervisor process: reads the configuration, binds, starts and watches every other process. */
#pragma once

#include <stdbool.h>

struct supervisor_options {
    const char *configuration; /* path */
    bool check, no_token, force_login;
};

/* Runs until TERM; returns the exit code. */
int supervisor_main(const struct supervisor_options *options);
