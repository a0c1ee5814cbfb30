/*
 * /etc/hosts and /etc/resolv.conf for workers, who open no file: read at the start and at each reload, handed
 * over as sealed memory (GRANT_HOSTS). Supervisor only; blocks on the files.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

enum { NAME_FILES = 2, NAME_FILE_BYTES_MAX = 1024 * 1024 };

/* By the index of GRANT_HOSTS. A file that is not there is as good as an empty one. */
bool name_files_seal(int out[NAME_FILES], struct err *err);
void name_files_close(int files[NAME_FILES]);
