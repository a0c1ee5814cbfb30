/*
 * The reply to FEAT (RFC 2389), pure: the backend's features that this proxy carries, and its own.
 * Requirement F8.
 */
#pragma once

#include "buf.h"
#include "ftp_commands.h"

#include <stdbool.h>
#include <stddef.h>

enum { FTP_FEAT_MAX = 8 * 1024 };

/* What this listener does with commands. */
struct ftp_feat_offer {
    const struct ftp_command_policy *commands; /* borrowed */
    bool active, host, ccc;
};

/* Before a backend was asked: what practically every server behind us can do. False: no room in out. */
bool ftp_feat_fixed(const struct ftp_feat_offer *offer, struct buf *out);

/* reply: the backend's whole 211 with its lines. Features of commands that do not pass are left out. */
bool ftp_feat_merge(const struct ftp_feat_offer *offer, const char *reply, size_t len, struct buf *out);
