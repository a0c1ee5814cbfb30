/*
 * The halves of the sandbox, so that a test can prove each of them alone. Only sandbox_enter and the
 * tests call them.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

bool sandbox_no_new_privs(struct err *err);

/* Needs no_new_privs. A kernel without Landlock: true, and warning is filled. */
bool sandbox_landlock(struct err *warning, struct err *err);

/* The system call filter. Calls no file system and keeps no descriptor. */
bool sandbox_seccomp(bool asks_dns, struct err *err);
