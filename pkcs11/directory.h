/*
 * A directory of PEM files as a key_source: the key NAME is NAME.key, its chain NAME.crt. For tests
 * and for keys that are not worth a token; the files are read by the signers' user and their content
 * stays in the signer.
 * Signer process; blocks on files, at start only.
 */
#pragma once

#include "key_source.h"

/* path is borrowed. Never freed; NULL with err when there is no such directory. */
struct key_source *directory_new(const char *path, struct err *err);
