#include "ftp_port.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

enum { PORT_MIN = 1024, PORT_NUMBERS = 6, EPRT_FIELDS = 3 };

static enum ftp_port_status check(const struct addr *named, uint16_t port, const struct addr *client,
                                  struct addr *out)
{
    struct addr there = *client; /* with the scope of a link-local address, which nobody names */
    if (!addr_is_v4(client))
        there.sa.v6.sin6_scope_id = 0;
    if (port < PORT_MIN || !addr_same_host(named, &there))
        return FTP_PORT_FOREIGN;
    *out = *client;
    addr_set_port(out, port);
    return FTP_PORT_OK;
}

static bool read_numbers(const char *text, unsigned numbers[PORT_NUMBERS])
{
    for (size_t i = 0; i < PORT_NUMBERS; i++) {
        size_t len = strcspn(text, ",");
        uint64_t value;
        if (!text_number(text, len, 255, &value) || (text[len] == ',') != (i < PORT_NUMBERS - 1))
            return false;
        numbers[i] = (unsigned)value;
        text += len + 1;
    }
    return true;
}

enum ftp_port_status ftp_port_read(const char *text, const struct addr *client, struct addr *out)
{
    unsigned n[PORT_NUMBERS];
    char host[ADDR_TEXT_LEN];
    struct addr named;
    struct err err;
    if (!addr_is_v4(client))
        return FTP_PORT_PROTOCOL;
    if (!read_numbers(text, n))
        return FTP_PORT_MALFORMED;
    (void)snprintf(host, sizeof host, "%u.%u.%u.%u", n[0], n[1], n[2], n[3]);
    if (!addr_parse_host(host, &named, &err))
        return FTP_PORT_MALFORMED;
    return check(&named, (uint16_t)(n[4] * 256 + n[5]), client, out);
}

struct field {
    const char *text;
    size_t len;
};

/* Three fields, each between two delimiters, and nothing behind the last. */
static bool read_fields(const char *text, struct field fields[EPRT_FIELDS])
{
    char delimiter[2] = {text[0], '\0'};
    if (delimiter[0] < 33 || delimiter[0] > 126)
        return false;
    for (size_t i = 0; i < EPRT_FIELDS; i++) {
        fields[i].text = ++text;
        fields[i].len = strcspn(text, delimiter);
        text += fields[i].len;
        if (*text != delimiter[0])
            return false;
    }
    return text[1] == '\0';
}

enum ftp_port_status ftp_port_read_extended(const char *text, const struct addr *client, struct addr *out)
{
    struct field fields[EPRT_FIELDS];
    char host[ADDR_TEXT_LEN];
    struct addr named;
    struct err err;
    uint64_t protocol, port;
    if (!read_fields(text, fields) || !text_number(fields[0].text, fields[0].len, UINT32_MAX, &protocol))
        return FTP_PORT_MALFORMED;
    if (protocol != (addr_is_v4(client) ? 1 : 2))
        return FTP_PORT_PROTOCOL;
    if (fields[1].len >= sizeof host || !text_number(fields[2].text, fields[2].len, UINT16_MAX, &port))
        return FTP_PORT_MALFORMED;
    memcpy(host, fields[1].text, fields[1].len);
    host[fields[1].len] = '\0';
    if (!addr_parse_host(host, &named, &err) || addr_is_v4(&named) != addr_is_v4(client))
        return FTP_PORT_MALFORMED;
    return check(&named, (uint16_t)port, client, out);
}
