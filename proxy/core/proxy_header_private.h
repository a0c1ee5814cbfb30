/* What reader (proxy_header.c) and writer (proxy_header_write.c) share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_V2_FIXED = 16, /* signature, version and command, family, length */
    PROXY_V2_SIGNATURE = 12,
    PROXY_V2_LOCAL = 0x20,
    PROXY_V2_PROXY = 0x21,
    PROXY_V2_TCP4 = 0x11,
    PROXY_V2_TCP6 = 0x21,
    PROXY_V2_UNIX = 0x31,
    PROXY_V2_IPV4_BYTES = 12,
    PROXY_V2_IPV6_BYTES = 36,
    PROXY_V2_UNIX_BYTES = 216,
    PROXY_TLV_HEAD = 3, /* type, length */
    PROXY_TLV_ALPN = 0x01,
    PROXY_TLV_AUTHORITY = 0x02,
    PROXY_TLV_CRC32C = 0x03,
    PROXY_TLV_SSL = 0x20,
    PROXY_TLV_SSL_VERSION = 0x21,
    PROXY_TLV_SSL_CN = 0x22,
    PROXY_TLV_SSL_CIPHER = 0x23,
    PROXY_TLV_SSL_CERTIFICATE = 0x28,
    PROXY_CLIENT_SSL = 0x01,
    PROXY_CLIENT_CERT_CONN = 0x02,
    PROXY_CLIENT_CERT_SESS = 0x04,
};

extern const uint8_t proxy_header_signature[PROXY_V2_SIGNATURE];

/* Goes on from `sum` (0 at first). */
uint32_t proxy_header_crc32c(uint32_t sum, const uint8_t *data, size_t len);
