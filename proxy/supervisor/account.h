/*
 * Who a child runs as, looked up once at the start so that nothing is asked of the user database later,
 * and what is left of the supervisor's own power. Blocks on the user database.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { ACCOUNT_GROUPS_MAX = 256 };

struct account {
    bool change; /* false: we are not root, the child keeps our ids */
    uid_t uid;
    gid_t gid, groups[ACCOUNT_GROUPS_MAX];
    size_t group_count;
};

/* The account of the user that the option (user, signer-user) names. Not root: our own. */
bool account_find(const char *option, const char *name, struct account *out, struct err *err);

bool account_same(const struct account *a, const struct account *b);

/* In a child, between fork and exec. */
bool account_become(const struct account *account);

/* Gives up every capability but those that the supervisor needs (see docs/security.md). Root only. */
bool account_drop_power(struct err *err);
