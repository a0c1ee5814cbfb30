#include "http_certificate.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Four characters for up to three bytes (RFC 4648 4). */
static void encode_group(const uint8_t *data, size_t len, char out[4])
{
    uint32_t bits = (uint32_t)data[0] << 16;

    if (len > 1)
        bits |= (uint32_t)data[1] << 8;
    if (len > 2)
        bits |= data[2];
    memset(out, '=', 4);
    out[0] = digits[bits >> 18];
    out[1] = digits[bits >> 12 & 63];
    if (len > 1)
        out[2] = digits[bits >> 6 & 63];
    if (len > 2)
        out[3] = digits[bits & 63];
}

static bool add_base64(struct buf *out, const uint8_t *der, size_t len)
{
    for (size_t at = 0; at < len; at += 3) {
        char group[4];

        encode_group(der + at, len - at, group);
        if (!buf_add(out, group, sizeof group))
            return false;
    }
    return true;
}

bool http_certificate_leaf(struct buf *out, const uint8_t *der, size_t len)
{
    return buf_add_text(out, "Client-Cert: :") && add_base64(out, der, len) && buf_add_text(out, ":\r\n");
}

bool http_certificate_issuer(struct buf *out, bool first, const uint8_t *der, size_t len)
{
    return buf_add_text(out, first ? "Client-Cert-Chain: :" : ", :") && add_base64(out, der, len) &&
           buf_add_text(out, ":");
}

/* What RFC 3986 does not count among the unreserved characters is escaped. */
static bool add_url_encoded(struct buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *reserved = strchr("+/=", text[i]);
        bool fine = reserved ? buf_printf(out, "%%%02X", (unsigned)text[i]) : buf_add(out, &text[i], 1);

        if (!fine)
            return false;
    }
    return true;
}

/* A PEM text has lines of 64 characters: 48 bytes. */
static bool add_pem(struct buf *out, const uint8_t *der, size_t len)
{
    enum { LINE_BYTES = 48 };

    if (!buf_add_text(out, "-----BEGIN%20CERTIFICATE-----%0A"))
        return false;
    for (size_t at = 0; at < len; at += 3) {
        char group[4];

        encode_group(der + at, len - at, group);
        if (!add_url_encoded(out, group, sizeof group))
            return false;
        if ((at % LINE_BYTES == LINE_BYTES - 3 || at + 3 >= len) && !buf_add_text(out, "%0A"))
            return false;
    }
    return buf_add_text(out, "-----END%20CERTIFICATE-----%0A");
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 2253 escapes a character by a backslash in front of it or of its two hex digits. Only the second way is
 * used here: readers of this field differ in what a backslash does to the quote that ends the text. */
static bool add_subject(struct buf *out, const char *subject)
{
    for (const char *at = subject; *at; at++) {
        bool escapes = *at == '\\' && at[1] && !is_hex(at[1]);
        bool fine;

        at += escapes;
        if (escapes || *at == '"' || (*at == '\\' && !at[1]))
            fine = buf_printf(out, "\\%02X", (unsigned)(unsigned char)*at);
        else
            fine = buf_add(out, at, 1);
        if (!fine)
            return false;
    }
    return true;
}

bool http_certificate_xfcc(struct buf *out, const char *fingerprint, const char *subject, const uint8_t *der,
                           size_t len)
{
    if (!buf_printf(out, "X-Forwarded-Client-Cert: Hash=%s;Cert=\"", fingerprint) ||
        !add_pem(out, der, len) || !buf_add_text(out, "\""))
        return false;
    if (subject[0] &&
        !(buf_add_text(out, ";Subject=\"") && add_subject(out, subject) && buf_add_text(out, "\"")))
        return false;
    return buf_add_text(out, "\r\n");
}
