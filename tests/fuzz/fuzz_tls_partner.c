/*
 * Whatever a partner's server says: a conversation of ours never takes it for him, and ends with a reason.
 *
 * The first byte decides: even, the rest is what the server sends. Odd, the rest is his certificate, in DER,
 * inside a TLS 1.2 handshake and in our truststore too, so that its names and dates are read.
 */
#include "remote_key.h"
#include "tls.h"
#include "tls_client.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DER_MAX = 12 * 1024, PEM_MAX = 20 * 1024, LINE_BYTES = 48, ROOM = 256 * 1024 };

static const char begin_line[] = "-----BEGIN CERTIFICATE-----\n", end_line[] = "-----END CERTIFICATE-----\n";

/* ECDHE-RSA-AES128-GCM, renegotiation_info (RFC 5746). */
static const uint8_t server_hello[] = {0x16, 3, 3, 0, 49, 2, 0, 0, 45, 3, 3};
static const uint8_t server_hello_rest[] = {0, 0xc0, 0x2f, 0, 0, 5, 0xff, 1, 0, 1, 0};
enum { RANDOM_LEN = 32 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static size_t put(uint8_t *out, size_t at, const void *bytes, size_t len)
{
    memcpy(out + at, bytes, len);
    return at + len;
}

static size_t put_number(uint8_t *out, size_t at, size_t value, size_t width)
{
    for (size_t i = width; i > 0; i--)
        out[at++] = (uint8_t)(value >> 8 * (i - 1));
    return at;
}

static size_t flight(uint8_t *out, const uint8_t *der, size_t len)
{
    size_t at = put(out, 0, server_hello, sizeof server_hello);

    memset(out + at, 0x5a, RANDOM_LEN);
    at = put(out, at + RANDOM_LEN, server_hello_rest, sizeof server_hello_rest);
    at = put(out, at, "\x16\3\3", 3);
    at = put_number(out, at, len + 10, 2);
    at = put_number(out, at, 11, 1);
    at = put_number(out, at, len + 6, 3);
    at = put_number(out, at, len + 3, 3);
    at = put_number(out, at, len, 3);
    return put(out, at, der, len);
}

static size_t pem(char *out, const uint8_t *der, size_t len)
{
    size_t at = put((uint8_t *)out, 0, begin_line, sizeof begin_line - 1);

    for (size_t done = 0; done < len; done += LINE_BYTES) {
        size_t now = len - done < LINE_BYTES ? len - done : LINE_BYTES;

        at += (size_t)EVP_EncodeBlock((unsigned char *)out + at, der + done, (int)now);
        out[at++] = '\n';
    }
    return put((uint8_t *)out, at, end_line, sizeof end_line - 1);
}

static void trust_it(struct tls_client_ctx *ctx, const uint8_t *der, size_t len)
{
    static char text[PEM_MAX];
    const struct tls_client_trust trust = {
        .ca_pem = text, .ca_pem_len = pem(text, der, len), .verify_depth = 3};
    struct err err;

    (void)tls_client_ctx_set_trust(ctx, &trust, &err);
}

static void converse(struct tls_client_ctx *ctx, const char *name, const uint8_t *said, size_t len)
{
    static uint8_t out[ROOM];
    struct tls_io io = {.out = out, .out_size = sizeof out};
    struct err err;
    struct tls *tls = tls_client_new(ctx, name, &err);
    enum tls_status status;

    must(tls && tls_handshake(tls, &io) == TLS_WANT_INPUT && io.out_len > 0);
    io.in = said;
    io.in_len = len;
    status = tls_handshake(tls, &io);
    must(status == TLS_WANT_INPUT || status == TLS_FAILED);
    must(status != TLS_FAILED || tls_error(tls)->text[0]);
    tls_free(tls);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tls_client_policy policy = {
        .versions = size && data[0] & 1 ? "1.2" : "1.2-1.3", .ciphers = "", .ciphersuites = "", .groups = ""};
    static uint8_t said[DER_MAX + 256];
    struct tls_client_ctx *ctx;
    struct err err;

    if (!size || size > DER_MAX)
        return 0;
    ctx = tls_client_ctx_new(&policy, &err);
    must(ctx);
    if (data[0] & 1) {
        trust_it(ctx, data + 1, size - 1);
        converse(ctx, "as2.acme.example", said, flight(said, data + 1, size - 1));
        converse(ctx, "192.0.2.7", said, flight(said, data + 1, size - 1));
    } else {
        converse(ctx, "as2.acme.example", data + 1, size - 1);
    }
    tls_client_ctx_unref(ctx);
    return 0;
}
