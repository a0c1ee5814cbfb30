#include "transcript.h"

#include <string.h>

enum { RANDOM_LEN = 32, NAME_LEN = 48, CERTIFICATE_LEN = 600, SIGNATURE_LEN = 256, POINT_LEN = 32 };

static void add(struct transcript_parts *parts, enum transcript_message at, const void *bytes, size_t len)
{
    memcpy(parts->body[at] + parts->len[at], bytes, len);
    parts->len[at] += len;
}

static void add_many(struct transcript_parts *parts, enum transcript_message at, uint8_t byte, size_t len)
{
    memset(parts->body[at] + parts->len[at], byte, len);
    parts->len[at] += len;
}

static void add_number(struct transcript_parts *parts, enum transcript_message at, size_t value, size_t width)
{
    for (size_t i = width; i > 0; i--)
        add_many(parts, at, (uint8_t)(value >> 8 * (i - 1)), 1);
}

static void add_hello(struct transcript_parts *parts, enum transcript_message at)
{
    add(parts, at, "\3\3", 2);
    add_many(parts, at, 0x52, RANDOM_LEN);
    add_number(parts, at, RANDOM_LEN, 1);
    add_many(parts, at, 0x1d, RANDOM_LEN); /* session id */
}

static void add_certificates(struct transcript_parts *parts, enum transcript_message at, size_t count)
{
    add_number(parts, at, count * (CERTIFICATE_LEN + 3), 3);
    for (size_t i = 0; i < count; i++) {
        add_number(parts, at, CERTIFICATE_LEN, 3);
        add_many(parts, at, 0x30, CERTIFICATE_LEN);
    }
}

static void add_request(struct transcript_parts *parts, size_t authorities)
{
    enum transcript_message at = TRANSCRIPT_CERTIFICATE_REQUEST;

    add(parts, at, "\2\1\100\0\4\4\3\10\4", 9); /* types, then schemes */
    add_number(parts, at, authorities * (NAME_LEN + 2), 2);
    for (size_t i = 0; i < authorities; i++) {
        add_number(parts, at, NAME_LEN, 2);
        add_many(parts, at, 0x31, NAME_LEN);
    }
}

void transcript_parts(struct transcript_parts *parts, size_t authorities)
{
    static const uint8_t types[TRANSCRIPT_MESSAGES] = {1, 2, 11, 12, 13, 14, 11, 16};

    memset(parts->len, 0, sizeof parts->len);
    memcpy(parts->type, types, sizeof types);
    parts->authorities = authorities;
    add_hello(parts, TRANSCRIPT_CLIENT_HELLO);
    add(parts, TRANSCRIPT_CLIENT_HELLO, "\0\4\300\57\300\60\1\0\0\11\0\27\0\0\0\13\0\1\0", 19);
    add_hello(parts, TRANSCRIPT_SERVER_HELLO);
    add(parts, TRANSCRIPT_SERVER_HELLO, "\300\57\0\0\5\377\1\0\1\0", 10);
    add_certificates(parts, TRANSCRIPT_CERTIFICATE, 2);
    add(parts, TRANSCRIPT_SERVER_KEY_EXCHANGE, "\3\0\35\40", 4);
    add_many(parts, TRANSCRIPT_SERVER_KEY_EXCHANGE, 0x9f, POINT_LEN);
    add(parts, TRANSCRIPT_SERVER_KEY_EXCHANGE, "\10\4\1\0", 4);
    add_many(parts, TRANSCRIPT_SERVER_KEY_EXCHANGE, 0x51, SIGNATURE_LEN);
    add_request(parts, authorities);
    add_certificates(parts, TRANSCRIPT_OWN_CERTIFICATE, 1);
    add_number(parts, TRANSCRIPT_CLIENT_KEY_EXCHANGE, POINT_LEN, 1);
    add_many(parts, TRANSCRIPT_CLIENT_KEY_EXCHANGE, 0x2a, POINT_LEN);
}

size_t transcript_join(const struct transcript_parts *parts, uint8_t out[TRANSCRIPT_BYTES_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < TRANSCRIPT_MESSAGES; i++) {
        out[len++] = parts->type[i];
        out[len++] = (uint8_t)(parts->len[i] >> 16);
        out[len++] = (uint8_t)(parts->len[i] >> 8);
        out[len++] = (uint8_t)parts->len[i];
        memcpy(out + len, parts->body[i], parts->len[i]);
        len += parts->len[i];
    }
    return len;
}
