/*
 * `p11gate keys`: what is on the tokens of a module, as settings that can be pasted into the configuration:
 * tokens, private keys with what TLS can do with them, certificates, and which belongs to which. Nothing is
 * signed and nothing is written to a token.
 *
 * Its own use of p11gate-signer, for a person at a terminal, who is asked for the PIN there; without a
 * terminal, or when the PIN is left empty, public objects only are shown.
 */
#pragma once

/* The words behind --keys; returns the exit code: 0, 1 (module or token), 2 (usage), 77 (the PIN was
 * refused). */
int listing_main(int argc, char **argv);
