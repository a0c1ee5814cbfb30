#include "login_reports.h"

#include "channel.h"
#include "message.h"

#include <string.h>

void login_reports_add(struct login_reports *reports, uint32_t listener, const struct addr *peer)
{
    struct login_report *report;

    if (reports->count == LOGIN_REPORTS_MAX)
        return;
    report = &reports->items[(reports->first + reports->count++) % LOGIN_REPORTS_MAX];
    report->listener = listener;
    bans_pack_address(peer, report->address);
}

void login_reports_flush(struct login_reports *reports, int channel)
{
    while (reports->count) {
        const struct login_report *report = &reports->items[reports->first];
        uint8_t payload[LOGIN_REPORT_LEN];

        memcpy(payload, &report->listener, sizeof report->listener);
        memcpy(payload + sizeof report->listener, report->address, BANS_HOST_LEN);
        if (channel_send(channel, MESSAGE_LOGIN_FAILED, payload, sizeof payload, NULL, 0) != CHANNEL_OK)
            return;
        reports->first = (reports->first + 1) % LOGIN_REPORTS_MAX;
        reports->count--;
    }
}
