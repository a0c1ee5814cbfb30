/*
 * The file that tells the fake token how to misbehave, and what is counted and shared between all
 * processes that loaded it. See README.md for the lines.
 * One thread; blocks when it is told to.
 */
#pragma once

#include <stdbool.h>

/* Opens the shared counts beside the file; false with a line on standard error when that is impossible. */
bool fake_control_open(void);

/* Before each call of a function: reads the file again when it was changed, waits (delay_ms), hangs
 * for as long as the file says so, and returns the code to fail with, 0 for none. */
unsigned long fake_control_before(const char *function);

bool fake_control_absent(void);
bool fake_control_hides(unsigned long mechanism);
bool fake_control_corrupts(const char *function);

/* Ends the process, as a module with a bug does, when the file says so. */
void fake_control_crash(const char *function);

/* The configuration of the token that is behind, or NULL: the one that the environment names. Borrowed. */
const char *fake_control_token(void);

/* A session was opened now. It is lost when the file says `forget` afterwards, or names another token. */
void fake_control_session_opened(void);
bool fake_control_session_lost(void);
bool fake_control_token_changed(void);

/* One of the `sessions` that the token has for all processes; false when there is none left. */
bool fake_control_take_session(void);
void fake_control_give_session(void);

/* The token's own flags, with those that are added, or without those about its PIN. */
unsigned long fake_control_token_flags(unsigned long own);

/* One of the `parallel` places, waited for; fake_control_leave gives it back. */
void fake_control_enter(void);
void fake_control_leave(void);
