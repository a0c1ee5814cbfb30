/*
 * Counts failed logins of each address over all workers, and bans: writes the table that workers look at
 * (bans.h). What workers report is believed as far as it goes: one that is taken over can ban addresses, and
 * nothing else. Fixed size: the address that failed first is forgotten first. Supervisor only; never blocks.
 */
#pragma once

#include "addr.h"
#include "conf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ban_keeper;

struct ban_keeper *ban_keeper_new(struct err *err);
void ban_keeper_free(struct ban_keeper *keeper);

/* For workers: read-only. */
int ban_keeper_page(const struct ban_keeper *keeper);

/* A login at this listener was refused: as many as max-login-failures within ban-time ban the address for
 * ban-time. */
void ban_keeper_failed(struct ban_keeper *keeper, const struct conf_listener *listener,
                       const struct addr *who, uint64_t now_ms);

/* Ends what is over; returns how many are banned. */
size_t ban_keeper_tick(struct ban_keeper *keeper, uint64_t now_ms);

/* NULL: everybody. Returns how many bans were ended. */
size_t ban_keeper_unban(struct ban_keeper *keeper, const struct addr *who);
