/* The reader: a header from somebody else is hostile until its last byte was looked at. */
#include "proxy_header.h"

#include "proxy_header_private.h"
#include "text.h"

#include <string.h>

const uint8_t proxy_header_signature[PROXY_V2_SIGNATURE] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                            0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static const char v1_beginning[] = "PROXY ";

enum { V1_BEGINNING = sizeof v1_beginning - 1, V1_FIELDS = 5 };

/* RFC 3720, reflected polynomial; headers are short and few, so there is no table. */
uint32_t proxy_header_crc32c(uint32_t sum, const uint8_t *data, size_t len)
{
    sum = ~sum;
    for (size_t i = 0; i < len; i++) {
        sum ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ 0x82f63b78u : sum >> 1;
    }
    return ~sum;
}

static enum proxy_header_progress bad(struct err *err, const char *why)
{
    err_set(err, "PROXY header: %s", why);
    return PROXY_HEADER_BAD;
}

static uint16_t read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void address_v4(struct addr *out, const uint8_t *host, uint16_t port)
{
    memset(out, 0, sizeof *out);
    out->sa.v4.sin_family = AF_INET;
    memcpy(&out->sa.v4.sin_addr, host, 4);
    out->len = sizeof out->sa.v4;
    addr_set_port(out, port);
}

static void address_v6(struct addr *out, const uint8_t *host, uint16_t port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (memcmp(host, mapped, sizeof mapped) == 0) {
        address_v4(out, host + sizeof mapped, port);
        return;
    }
    memset(out, 0, sizeof *out);
    out->sa.v6.sin6_family = AF_INET6;
    memcpy(&out->sa.v6.sin6_addr, host, 16);
    out->len = sizeof out->sa.v6;
    addr_set_port(out, port);
}

/* --- v1: one line --- */

/* Cuts the line at its blanks; false for too many fields, and for an empty one. */
static bool v1_fields(char *line, char *fields[V1_FIELDS], size_t *count)
{
    *count = 0;
    for (char *at = line; at;) {
        char *blank = strchr(at, ' ');

        if (*count == V1_FIELDS || blank == at || !*at)
            return false;
        fields[(*count)++] = at;
        if (blank)
            *blank++ = 0;
        at = blank;
    }
    return true;
}

static bool v1_port(const char *text, uint16_t *out)
{
    size_t len = strlen(text);
    uint64_t number;

    if ((text[0] == '0' && len > 1) || !text_number(text, len, UINT16_MAX, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}

static bool v1_address(const char *host, const char *port_text, bool is_v4, struct addr *out)
{
    struct err err;
    uint16_t port;

    if (!v1_port(port_text, &port) || !addr_parse_host(host, out, &err) || addr_is_v4(out) != is_v4)
        return false;
    if (!is_v4) {
        const struct in6_addr bytes = out->sa.v6.sin6_addr;

        address_v6(out, bytes.s6_addr, port);
    }
    addr_set_port(out, port);
    return true;
}

static enum proxy_header_progress v1_line(char *line, struct proxy_header *out, struct err *err)
{
    char *fields[V1_FIELDS];
    size_t count;
    bool is_v4;

    if (strncmp(line, "UNKNOWN", 7) == 0 && (line[7] == 0 || line[7] == ' '))
        return PROXY_HEADER_DONE; /* what stands behind it is to be ignored */
    if (!v1_fields(line, fields, &count) || count != V1_FIELDS)
        return bad(err, "version 1 has a family, two addresses and two ports");
    is_v4 = strcmp(fields[0], "TCP4") == 0;
    if (!is_v4 && strcmp(fields[0], "TCP6") != 0)
        return bad(err, "version 1 knows TCP4, TCP6 and UNKNOWN");
    if (!v1_address(fields[1], fields[3], is_v4, &out->source) ||
        !v1_address(fields[2], fields[4], is_v4, &out->destination))
        return bad(err, "an address or port is none of its family");
    out->has_addresses = true;
    return PROXY_HEADER_DONE;
}

static enum proxy_header_progress v1_read(const uint8_t *data, size_t len, struct proxy_header *out,
                                          struct err *err)
{
    size_t limit = len < PROXY_HEADER_V1_MAX ? len : (size_t)PROXY_HEADER_V1_MAX;
    const uint8_t *end = memchr(data, '\n', limit);
    size_t line_len = end ? (size_t)(end - data) : limit;
    char line[PROXY_HEADER_V1_MAX + 1];

    if (!end && limit == PROXY_HEADER_V1_MAX)
        return bad(err, "version 1 is a line of at most 107 bytes");
    if (memchr(data, 0, line_len))
        return bad(err, "a NUL in version 1");
    if (!end)
        return PROXY_HEADER_MORE;
    if (data[line_len - 1] != '\r' || memchr(data, '\r', line_len - 1))
        return bad(err, "version 1 ends with CR LF, and has no other CR");
    out->len = line_len + 1;
    line_len -= 1 + V1_BEGINNING;
    memcpy(line, data + V1_BEGINNING, line_len);
    line[line_len] = 0;
    return v1_line(line, out, err);
}

/* --- v2: binary --- */

/* Its own four bytes count as zero. */
static bool v2_checksum_holds(const uint8_t *header, size_t len, size_t value_at)
{
    static const uint8_t zero[4];
    uint32_t sum = proxy_header_crc32c(0, header, value_at), said;

    sum = proxy_header_crc32c(sum, zero, sizeof zero);
    sum = proxy_header_crc32c(sum, header + value_at + 4, len - value_at - 4);
    said = (uint32_t)read_u16(header + value_at) << 16 | read_u16(header + value_at + 2);
    return said == sum;
}

static enum proxy_header_progress v2_tlvs(const uint8_t *header, size_t len, size_t at, struct err *err)
{
    while (at < len) {
        size_t value_len = len - at >= PROXY_TLV_HEAD ? read_u16(header + at + 1) : SIZE_MAX;

        if (value_len > len - at - PROXY_TLV_HEAD)
            return bad(err, "a TLV is longer than the header");
        if (header[at] == PROXY_TLV_CRC32C &&
            (value_len != 4 || !v2_checksum_holds(header, len, at + PROXY_TLV_HEAD)))
            return bad(err, "the checksum is wrong");
        at += PROXY_TLV_HEAD + value_len;
    }
    return PROXY_HEADER_DONE;
}

/* How many bytes of addresses a family has; false: no family of ours. */
static bool v2_family(uint8_t family, size_t *address_bytes)
{
    switch (family) {
    case 0:
        *address_bytes = 0;
        return true;
    case PROXY_V2_TCP4:
        *address_bytes = PROXY_V2_IPV4_BYTES;
        return true;
    case PROXY_V2_TCP6:
        *address_bytes = PROXY_V2_IPV6_BYTES;
        return true;
    case PROXY_V2_UNIX:
        *address_bytes = PROXY_V2_UNIX_BYTES;
        return true;
    default:
        return false;
    }
}

static void v2_addresses(uint8_t family, const uint8_t *at, struct proxy_header *out)
{
    if (family == PROXY_V2_TCP4) {
        address_v4(&out->source, at, read_u16(at + 8));
        address_v4(&out->destination, at + 4, read_u16(at + 10));
    } else if (family == PROXY_V2_TCP6) {
        address_v6(&out->source, at, read_u16(at + 32));
        address_v6(&out->destination, at + 16, read_u16(at + 34));
    }
    out->has_addresses = family == PROXY_V2_TCP4 || family == PROXY_V2_TCP6;
}

static enum proxy_header_progress v2_read(const uint8_t *data, size_t len, struct proxy_header *out,
                                          struct err *err)
{
    bool is_local;
    size_t header_len, address_bytes = 0;

    if (len > 12 && data[12] != PROXY_V2_LOCAL && data[12] != PROXY_V2_PROXY)
        return bad(err, "neither LOCAL nor PROXY of version 2");
    if (len < PROXY_V2_FIXED)
        return PROXY_HEADER_MORE;
    is_local = data[12] == PROXY_V2_LOCAL;
    header_len = (size_t)PROXY_V2_FIXED + read_u16(data + 14);
    if (header_len > PROXY_HEADER_MAX)
        return bad(err, "version 2 is longer than 16 KB");
    if (!is_local && !v2_family(data[13], &address_bytes))
        return bad(err, "neither TCP over IPv4 or IPv6 nor UNIX");
    if (header_len < PROXY_V2_FIXED + address_bytes)
        return bad(err, "shorter than its addresses");
    if (len < header_len)
        return PROXY_HEADER_MORE;
    out->len = header_len;
    if (is_local)
        return PROXY_HEADER_DONE; /* family and addresses are to be ignored, so where TLVs begin is not known
                                   */
    v2_addresses(data[13], data + PROXY_V2_FIXED, out);
    if (data[13] == 0)
        return PROXY_HEADER_DONE;
    return v2_tlvs(data, header_len, PROXY_V2_FIXED + address_bytes, err);
}

static bool begins_with(const uint8_t *data, size_t len, const void *beginning, size_t beginning_len)
{
    return memcmp(data, beginning, len < beginning_len ? len : beginning_len) == 0;
}

enum proxy_header_progress proxy_header_read(const uint8_t *data, size_t len, struct proxy_header *out,
                                             struct err *err)
{
    enum proxy_header_progress progress = PROXY_HEADER_BAD;

    memset(out, 0, sizeof *out);
    if (!len)
        return PROXY_HEADER_MORE;
    if (begins_with(data, len, v1_beginning, V1_BEGINNING))
        progress = len < V1_BEGINNING ? PROXY_HEADER_MORE : v1_read(data, len, out, err);
    else if (begins_with(data, len, proxy_header_signature, PROXY_V2_SIGNATURE))
        progress = len < PROXY_V2_SIGNATURE ? PROXY_HEADER_MORE : v2_read(data, len, out, err);
    else
        return bad(err, "the connection does not begin with one");
    if (progress != PROXY_HEADER_DONE)
        memset(out, 0, sizeof *out);
    return progress;
}
