/*
 * PINs that tokens have refused, so that no reload spends another try on the same one. A file that is written
 * anew (the same PIN, because the token was reset) counts as another PIN. Supervisor only; never blocks.
 */
#pragma once

#include "conf.h"
#include "pin_file.h"

#include <stdbool.h>
#include <stddef.h>

enum { REFUSALS_MAX = 16 };

struct refusals {
    size_t next; /* the oldest goes when all are taken */
    struct refusal {
        char *module, *token; /* NULL: free */
        struct pin pin;
    } all[REFUSALS_MAX];
};

void refusals_add(struct refusals *refusals, const struct conf_keystore *keystore, const struct pin *pin);
bool refusals_has(const struct refusals *refusals, const struct conf_keystore *keystore,
                  const struct pin *pin);
void refusals_clear(struct refusals *refusals);
