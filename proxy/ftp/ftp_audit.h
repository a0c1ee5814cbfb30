/*
 * The line of the log that each transfer leaves: who, what, how much, how it ended. docs/events.md says what
 * stands in it.
 */
#pragma once

#include "ftp_control.h"
#include "ftp_data.h"

#include <stdint.h>

struct session;

/* report: what the control filter says of the transfer that has ended. facts: what its data channel did. */
void ftp_audit_transfer(const struct session *session, const struct ftp_transfer_report *report,
                        const struct ftp_data_facts *facts, uint64_t ms);
