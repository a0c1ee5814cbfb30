/*
 * The PROXY protocol's header (haproxy.org, proxy-protocol.txt): who is behind a connection, said in front of
 * its first byte. Read from proxies that stand in front of p11gate, written for backends that understand it.
 *
 * Pure: no I/O, owns nothing; any process; never blocks. Requirement H9.
 */
#pragma once

#include "addr.h"
#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_HEADER_V1_MAX = 107,         /* bytes, with CR LF */
    PROXY_HEADER_MAX = 16 + 16 * 1024, /* the longest that is read: a v2 header with a client certificate */
    PROXY_HEADER_WRITTEN_MAX = 16 + UINT16_MAX,
};

enum proxy_header_progress {
    PROXY_HEADER_MORE, /* a good beginning: call again with more bytes behind the same ones */
    PROXY_HEADER_DONE,
    PROXY_HEADER_BAD, /* no PROXY header, or one that its protocol does not allow: err says why */
};

struct proxy_header {
    size_t len; /* of the header: what comes behind is the connection's first byte */
    /* False for LOCAL (the proxy itself: a health check), UNKNOWN, UNSPEC and UNIX: the socket's own
     * addresses count then. */
    bool has_addresses;
    struct addr source, destination; /* ::ffff:a.b.c.d is given as IPv4, so that no rule is walked past */
};

/* data begins at the connection's first byte. MORE is never said for PROXY_HEADER_MAX bytes and more. TLVs
 * are checked in their lengths, and the checksum is, when there is one; what they say is left alone. */
enum proxy_header_progress proxy_header_read(const uint8_t *data, size_t len, struct proxy_header *out,
                                             struct err *err);

/* The client's TLS as v2-tls tells it. Texts may be "" and are left out then; all are borrowed. */
struct proxy_header_tls {
    const char *version, *cipher, *sni, *alpn;
    const char *common_name;
    bool resumed, presented, verified; /* about the client certificate; verified counts with presented only */
    const uint8_t *certificate;        /* DER; NULL: none */
    size_t certificate_len;
};

/* Appends a header for a connection from source to destination (two families become IPv6). False: the buffer
 * is full. */
bool proxy_header_write_v1(struct buf *out, const struct addr *source, const struct addr *destination);
/* tls NULL: addresses only. A certificate that passes the header's 64 KB is left out. */
bool proxy_header_write_v2(struct buf *out, const struct addr *source, const struct addr *destination,
                           const struct proxy_header_tls *tls);

/* The common name of a subject in RFC 2253 form, its escapes undone; the first one, which is the most
 * specific. False (out "") when there is none, or none that fits and is free of NUL. */
bool proxy_header_common_name(const char *subject, char *out, size_t size);
