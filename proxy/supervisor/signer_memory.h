/* What a keystore's signers are told at their start, as sealed memory. Supervisor only. */
#pragma once

#include "conf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/* -1 on failure; the descriptor is the caller's. */
int signer_memory_new(const struct conf *conf, size_t keystore, bool check, bool force_login,
                      struct err *err);

/* Both tell signers the same, wherever it stands in the configuration's file. */
bool signer_memory_same(int a, int b);
