/* A backend from the inside, for backend.c and backend_check.c only. */
#pragma once

#include "backend.h"
#include "timer.h"

struct stream;

struct backend {
    struct backend_setup setup;
    struct backend_check check;
    bool is_down, is_disabled;
    unsigned failures[BACKEND_WITNESSES]; /* in a row */
    size_t connections;
    uint64_t down_since_ms;
    struct timer due, patience; /* of the next look, of the one under way */
    struct stream *look;
    bool is_untried;  /* the look under way found no socket: that is no verdict */
    bool has_greeted; /* ... and has its 220 */
    char *features;   /* NULL: not known */
    size_t features_len;
};

/* backend_check.c */
void backend_check_init(struct backend *backend);
void backend_check_end(struct backend *backend);
