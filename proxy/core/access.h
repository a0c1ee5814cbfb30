/*
 * Who may connect, by network: the most specific network that an address is in decides, deny when two are the
 * same; in none: let in where nobody is named in allow. An IPv4 address is one however it is written
 * (::ffff:192.0.2.1), so that no rule is walked past.
 *
 * Pure: any process; never blocks.
 */
#pragma once

#include "conf_network.h"

#include <stdbool.h>

bool access_allows(const struct conf_access *access, const struct addr *who);

/* In any of them; an empty list holds nobody. */
bool access_contains(const struct conf_networks *networks, const struct addr *who);
