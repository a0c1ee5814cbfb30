/*
 * Failed logins on their way to the supervisor, which counts them over all workers. The channel takes about
 * ten messages: what it does not take waits here, and what does not fit here is lost (a client that fails so
 * often has sessions that end anyway).
 *
 * A part of a worker; never blocks.
 */
#pragma once

#include "bans.h"

#include <stddef.h>
#include <stdint.h>

enum { LOGIN_REPORTS_MAX = 256 };

struct login_reports {
    size_t first, count;
    struct login_report {
        uint32_t listener;
        uint8_t address[BANS_HOST_LEN];
    } items[LOGIN_REPORTS_MAX];
};

/* MESSAGE_LOGIN_FAILED: u32 listener, then the address. */
enum { LOGIN_REPORT_LEN = 4 + BANS_HOST_LEN };

void login_reports_add(struct login_reports *reports, uint32_t listener, const struct addr *peer);

/* Sends what the channel takes. */
void login_reports_flush(struct login_reports *reports, int channel);
