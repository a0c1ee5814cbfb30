#include "ftp_passive.h"

#include <string.h>

#include <arpa/inet.h>
#include <stdio.h>

enum { CODE_LEN = 4 }; /* "227 " */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number of at most max at *at, which is moved behind it. */
static bool read_number(const char **at, const char *end, unsigned max, unsigned *out)
{
    unsigned value = 0;
    const char *start = *at;
    while (*at < end && is_digit(**at)) {
        value = value * 10 + (unsigned)(**at - '0');
        if (value > max)
            return false;
        (*at)++;
    }
    *out = value;
    return *at > start;
}

bool ftp_passive_read_227(const char *text, size_t len, uint16_t *port)
{
    const char *at = text + (len < CODE_LEN ? len : CODE_LEN), *end = text + len;
    unsigned numbers[6];
    while (at < end && !is_digit(*at))
        at++;
    for (size_t i = 0; i < 6; i++) {
        if (i && (at == end || *at++ != ','))
            return false;
        if (!read_number(&at, end, 255, &numbers[i]))
            return false;
    }
    *port = (uint16_t)(numbers[4] * 256 + numbers[5]);
    return *port != 0 && (at == end || *at != ',');
}

bool ftp_passive_read_229(const char *text, size_t len, uint16_t *port)
{
    const char *end = text + len;
    const char *at = memchr(text, '(', len);
    unsigned value = 0;
    if (!at || end - at < 7)
        return false;
    char delimiter = at[1];
    if (delimiter < 33 || delimiter > 126 || is_digit(delimiter) || at[2] != delimiter || at[3] != delimiter)
        return false;
    at += 4;
    if (!read_number(&at, end, 65535, &value) || value == 0)
        return false;
    *port = (uint16_t)value;
    return end - at >= 2 && at[0] == delimiter && at[1] == ')';
}

void ftp_passive_write_227(const struct addr *at, uint16_t port, char out[FTP_PASSIVE_LEN])
{
    uint32_t host = ntohl(at->sa.v4.sin_addr.s_addr);
    (void)snprintf(out, FTP_PASSIVE_LEN, "227 Entering Passive Mode (%u,%u,%u,%u,%u,%u).\r\n", host >> 24,
                   host >> 16 & 255, host >> 8 & 255, host & 255, port / 256u, port % 256u);
}

void ftp_passive_write_229(uint16_t port, char out[FTP_PASSIVE_LEN])
{
    (void)snprintf(out, FTP_PASSIVE_LEN, "229 Entering Extended Passive Mode (|||%u|)\r\n", port);
}
