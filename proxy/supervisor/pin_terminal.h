/* Asks the person at the terminal for a PIN, before any process is started. Blocks. */
#pragma once

#include "err.h"
#include "pin_file.h"

#include <stdbool.h>

/* Standard input must be a terminal; the prompt goes to standard error, and what is typed is not shown. An
 * empty line: no PIN (out->memory NULL), for tokens with a keypad of their own. */
bool pin_terminal_ask(const char *keystore, const char *token, struct pin *out, struct err *err);
