/*
 * A PKCS#11 module in this process: loaded and initialised by libp11, its function list for direct
 * calls, its slots as libp11 sees them. Never unloaded: several modules crash at their end.
 * Signer process; blocks for as long as the module likes.
 */
#pragma once

#include "err.h"
#include "outcome.h"

#include <libp11.h>
#include <p11-kit/pkcs11.h>

struct module;

enum outcome module_load(const char *path, const char *init_args, struct module **out, struct err *err);

/* Enumerates the slots, once. */
enum outcome module_find_slots(struct module *module, struct err *err);
unsigned module_slot_count(const struct module *module);
PKCS11_SLOT *module_slot(struct module *module, unsigned index); /* borrowed */

CK_FUNCTION_LIST *module_calls(struct module *module);
