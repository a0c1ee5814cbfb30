/* The writer: what a backend is told. */
#include "proxy_header.h"
#include "proxy_header_private.h"

#include <string.h>

static void mapped(uint8_t out[16], const struct addr *addr)
{
    if (!addr_is_v4(addr)) {
        memcpy(out, &addr->sa.v6.sin6_addr, 16);
        return;
    }
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, &addr->sa.v4.sin_addr, 4);
}

/* Text of an address in a header of IPv6: IPv4 is mapped. */
static void mapped_text(const struct addr *addr, char out[ADDR_TEXT_LEN])
{
    struct addr v6 = {.len = sizeof v6.sa.v6};

    v6.sa.v6.sin6_family = AF_INET6;
    mapped(v6.sa.v6.sin6_addr.s6_addr, addr);
    addr_host_text(&v6, out);
}

bool proxy_header_write_v1(struct buf *out, const struct addr *source, const struct addr *destination)
{
    bool is_v4 = addr_is_v4(source) && addr_is_v4(destination);
    char from[ADDR_TEXT_LEN], to[ADDR_TEXT_LEN];

    if (is_v4) {
        addr_host_text(source, from);
        addr_host_text(destination, to);
    } else {
        mapped_text(source, from);
        mapped_text(destination, to);
    }
    return buf_printf(out, "PROXY %s %s %s %u %u\r\n", is_v4 ? "TCP4" : "TCP6", from, to,
                      (unsigned)addr_port(source), (unsigned)addr_port(destination));
}

static void put_u16(uint8_t *at, size_t number)
{
    at[0] = (uint8_t)(number >> 8);
    at[1] = (uint8_t)number;
}

static bool add_tlv(struct buf *out, uint8_t type, const void *value, size_t len)
{
    uint8_t head[PROXY_TLV_HEAD] = {type};

    if (!len)
        return true;
    put_u16(head + 1, len);
    return buf_add(out, head, sizeof head) && buf_add(out, value, len);
}

static bool add_text_tlv(struct buf *out, uint8_t type, const char *text)
{
    return add_tlv(out, type, text, text ? strlen(text) : 0);
}

static bool add_addresses(struct buf *out, const struct addr *source, const struct addr *destination)
{
    bool is_v4 = addr_is_v4(source) && addr_is_v4(destination);
    size_t host = is_v4 ? 4 : 16;
    uint8_t fixed[PROXY_V2_FIXED] = {0}, addresses[PROXY_V2_IPV6_BYTES];

    memcpy(fixed, proxy_header_signature, PROXY_V2_SIGNATURE);
    fixed[12] = PROXY_V2_PROXY;
    fixed[13] = is_v4 ? PROXY_V2_TCP4 : PROXY_V2_TCP6;
    if (is_v4) {
        memcpy(addresses, &source->sa.v4.sin_addr, 4);
        memcpy(addresses + 4, &destination->sa.v4.sin_addr, 4);
    } else {
        mapped(addresses, source);
        mapped(addresses + 16, destination);
    }
    put_u16(addresses + 2 * host, addr_port(source));
    put_u16(addresses + 2 * host + 2, addr_port(destination));
    return buf_add(out, fixed, sizeof fixed) && buf_add(out, addresses, 2 * host + 4);
}

static uint8_t client_bits(const struct proxy_header_tls *tls)
{
    unsigned bits = PROXY_CLIENT_SSL;

    if (tls->presented)
        bits |= PROXY_CLIENT_CERT_SESS | (tls->resumed ? 0u : (unsigned)PROXY_CLIENT_CERT_CONN);
    return (uint8_t)bits;
}

/* H9: "verify" is 0 for a certificate that was presented and verified, and for nothing else. */
static bool add_ssl(struct buf *out, size_t start, const struct proxy_header_tls *tls)
{
    size_t at = buf_len(out), room;
    uint8_t head[PROXY_TLV_HEAD + 5] = {PROXY_TLV_SSL};
    bool fine;

    head[PROXY_TLV_HEAD] = client_bits(tls);
    head[PROXY_TLV_HEAD + 4] = !(tls->presented && tls->verified);
    fine = buf_add(out, head, sizeof head) && add_text_tlv(out, PROXY_TLV_SSL_VERSION, tls->version) &&
           add_text_tlv(out, PROXY_TLV_SSL_CIPHER, tls->cipher) &&
           add_text_tlv(out, PROXY_TLV_SSL_CN, tls->presented ? tls->common_name : NULL);
    room = start + PROXY_HEADER_WRITTEN_MAX - buf_len(out);
    if (fine && tls->presented && tls->certificate && tls->certificate_len + 64 <= room)
        fine = add_tlv(out, PROXY_TLV_SSL_CERTIFICATE, tls->certificate, tls->certificate_len);
    if (fine)
        put_u16(buf_data(out) + at + 1, buf_len(out) - at - PROXY_TLV_HEAD);
    return fine;
}

static bool add_checksum(struct buf *out, size_t start)
{
    static const uint8_t empty[4];
    uint32_t sum;
    uint8_t *header;

    if (!add_tlv(out, PROXY_TLV_CRC32C, empty, sizeof empty))
        return false;
    header = buf_data(out) + start;
    put_u16(header + 14, buf_len(out) - start - PROXY_V2_FIXED);
    sum = proxy_header_crc32c(0, header, buf_len(out) - start);
    put_u16(buf_data(out) + buf_len(out) - 4, sum >> 16);
    put_u16(buf_data(out) + buf_len(out) - 2, sum & 0xffff);
    return true;
}

bool proxy_header_write_v2(struct buf *out, const struct addr *source, const struct addr *destination,
                           const struct proxy_header_tls *tls)
{
    size_t start = buf_len(out);

    if (!add_addresses(out, source, destination))
        return false;
    if (tls &&
        !(add_text_tlv(out, PROXY_TLV_ALPN, tls->alpn) && add_text_tlv(out, PROXY_TLV_AUTHORITY, tls->sni) &&
          add_ssl(out, start, tls) && add_checksum(out, start)))
        return false;
    put_u16(buf_data(out) + start + 14, buf_len(out) - start - PROXY_V2_FIXED);
    return true;
}

/* --- the common name --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a value, its escape undone; -1 at the end of the value. */
static int next_of_value(const char **at)
{
    const char *c = *at;

    if (!*c || *c == ',' || *c == '+')
        return -1;
    if (*c != '\\') {
        *at = c + 1;
        return (unsigned char)*c;
    }
    if (hex_digit(c[1]) >= 0 && hex_digit(c[2]) >= 0) {
        *at = c + 3;
        return hex_digit(c[1]) << 4 | hex_digit(c[2]);
    }
    *at = c[1] ? c + 2 : c + 1;
    return (unsigned char)c[1];
}

static void skip_value(const char **at)
{
    while (**at && **at != ',' && **at != '+')
        *at += **at == '\\' && (*at)[1] ? 2 : 1;
}

bool proxy_header_common_name(const char *subject, char *out, size_t size)
{
    const char *at = subject;
    size_t len = 0;

    out[0] = 0;
    while (strncmp(at, "CN=", 3) != 0) {
        skip_value(&at);
        if (!*at)
            return false;
        at++;
    }
    at += 3;
    if (*at == '#') /* a value in hex, of a type that is no text */
        return false;
    for (int c = next_of_value(&at); c >= 0; c = next_of_value(&at)) {
        if (!c || len + 1 >= size) {
            out[0] = 0;
            return false;
        }
        out[len++] = (char)c;
    }
    out[len] = 0;
    return len > 0;
}
