#include "proxy_header.h"
#include "proxy_header_private.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

enum { TEXT_MAX = 160 };

/* A row's header as bytes of known length, and what is expected: "SOURCE DESTINATION", "" without addresses,
 * NULL: refused. */
#define BYTES(text) text, sizeof(text) - 1

static const struct row {
    const char *bytes;
    size_t len;
    const char *means;
} rows[] = {
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 51000 990\r\n"), "192.0.2.7:51000 203.0.113.9:990"},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
     "255.255.255.255:65535 255.255.255.255:65535"},
    {BYTES("PROXY TCP6 2001:db8::7 2001:db8::9 51000 443\r\n"), "[2001:db8::7]:51000 [2001:db8::9]:443"},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::9 51000 443\r\n"), "192.0.2.7:51000 [2001:db8::9]:443"},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 0 990\r\n"), "192.0.2.7:0 203.0.113.9:990"},
    {BYTES("PROXY UNKNOWN\r\n"), ""},
    {BYTES("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), ""},
    {BYTES(SIGNATURE "\x20\x00\x00\x00"), ""},
    {BYTES(SIGNATURE "\x20\x11\x00\x03\xff\xff\xff"), ""}, /* LOCAL: whatever follows is ignored */
    {BYTES(SIGNATURE "\x21\x00\x00\x00"), ""},
    {BYTES(SIGNATURE "\x21\x00\x00\x02\xff\xff"), ""},
    {BYTES(SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde"),
     "192.0.2.7:51000 203.0.113.9:990"},
    {BYTES(SIGNATURE "\x21\x11\x00\x12\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde\x04\x00\x03"
                     "abc"),
     "192.0.2.7:51000 203.0.113.9:990"},
    {BYTES(SIGNATURE "\x21\x11\x00\x0f\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde\x04\x00\x00"),
     "192.0.2.7:51000 203.0.113.9:990"},
    {BYTES(SIGNATURE
           "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
           "\x09\xc7\x38\x01\xbb"),
     "[2001:db8::7]:51000 [2001:db8::9]:443"},
    {BYTES(SIGNATURE
           "\x21\x21\x00\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0"
           "\0\x09\xc7\x38\x01\xbb"),
     "192.0.2.7:51000 [2001:db8::9]:443"},
    /* hostile */
    {BYTES("QUIT\r\n"), NULL},
    {BYTES("\x16\x03\x01\x02\x00\x01"), NULL}, /* a ClientHello */
    {BYTES("proxy TCP4 192.0.2.7 203.0.113.9 51000 990\r\n"), NULL},
    {BYTES("PROXY\r\n"), NULL},
    {BYTES("PROXY \r\n"), NULL},
    {BYTES("PROXY UNKNOWNS\r\n"), NULL},
    {BYTES("PROXY UDP4 192.0.2.7 203.0.113.9 51000 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 51000\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 51000 990 \r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 51000 990 1\r\n"), NULL},
    {BYTES("PROXY TCP4  192.0.2.7 203.0.113.9 51000 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 51000 990\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 51000\r 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 051 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 65536 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 -1 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7 203.0.113.9 +1 990\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.07 203.0.113.9 1 990\r\n"), NULL},
    {BYTES("PROXY TCP4 2001:db8::7 2001:db8::9 1 2\r\n"), NULL},
    {BYTES("PROXY TCP6 192.0.2.7 203.0.113.9 1 2\r\n"), NULL},
    {BYTES("PROXY TCP6 fe80::1%eth0 2001:db8::9 1 2\r\n"), NULL},
    {BYTES("PROXY TCP4 192.0.2.7\0 203.0.113.9 1 2\r\n"), NULL},
    {BYTES(
         "PROXY TCP4 192.0.2.7 203.0.113.9 51000 990                                                        "
         "                                  "),
     NULL},
    {BYTES(SIGNATURE "\x11\x11\x00\x00"), NULL}, /* version 1 in binary */
    {BYTES(SIGNATURE "\x22\x11\x00\x00"), NULL}, /* an unknown command */
    {BYTES(SIGNATURE "\x21\x12\x00\x0c\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde"), NULL}, /* UDP */
    {BYTES(SIGNATURE "\x21\x41\x00\x00"), NULL},
    {BYTES(SIGNATURE "\x21\x11\x00\x0b\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03"), NULL},
    {BYTES(SIGNATURE "\x21\x21\x00\x0c\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde"), NULL},
    {BYTES(SIGNATURE "\x21\x31\x00\x0c\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde"), NULL},
    {BYTES(SIGNATURE "\x21\x11\xff\xff"), NULL}, /* too long to be waited for */
    {BYTES(SIGNATURE "\x21\x11\x00\x0d\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde\x04"), NULL},
    {BYTES(SIGNATURE "\x21\x11\x00\x0f\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde\x04\x00\x01"), NULL},
    {BYTES(SIGNATURE "\x21\x11\x00\x13\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde\x03\x00\x04\0\0\0\0"),
     NULL}, /* a wrong checksum */
    {BYTES(SIGNATURE "\x21\x11\x00\x0f\xc0\x00\x02\x07\xcb\x00\x71\x09\xc7\x38\x03\xde\x03\x00\x00"), NULL},
    {BYTES("\r\n\r\n\0\r\nQUIX\n\x20\x00\x00\x00"), NULL},
};

static void as_text(const struct proxy_header *header, char out[TEXT_MAX])
{
    char source[ADDR_TEXT_LEN], destination[ADDR_TEXT_LEN];

    out[0] = 0;
    if (!header->has_addresses)
        return;
    addr_text(&header->source, source);
    addr_text(&header->destination, destination);
    (void)snprintf(out, TEXT_MAX, "%s %s", source, destination);
}

static void check_row(const struct row *row, size_t have)
{
    struct proxy_header header;
    struct err err;
    char text[TEXT_MAX];
    enum proxy_header_progress progress = proxy_header_read((const uint8_t *)row->bytes, have, &header, &err);

    if (progress == PROXY_HEADER_MORE) {
        assert_true(have < row->len);
        return;
    }
    if (!row->means) {
        assert_int_equal(progress, PROXY_HEADER_BAD);
        return;
    }
    assert_int_equal(progress, PROXY_HEADER_DONE);
    assert_int_equal(have, row->len);
    assert_int_equal(header.len, row->len);
    as_text(&header, text);
    assert_string_equal(text, row->means);
}

static void h9_a_header_is_read_whole_or_refused_in_pieces_as_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        print_message("row %zu\n", i);
        for (size_t have = 0; have <= rows[i].len; have++)
            check_row(&rows[i], have);
    }
}

static void what_follows_is_not_the_headers(void **state)
{
    static const char bytes[] = "PROXY TCP4 192.0.2.7 203.0.113.9 51000 990\r\nUSER anna\r\n";
    struct proxy_header header;
    struct err err;

    (void)state;
    assert_int_equal(proxy_header_read((const uint8_t *)bytes, sizeof bytes - 1, &header, &err),
                     PROXY_HEADER_DONE);
    assert_string_equal(bytes + header.len, "USER anna\r\n");
}

static void address(const char *text, struct addr *out)
{
    struct err err;

    assert_true(addr_parse(text, out, &err));
}

/* --- what is written --- */

static const struct {
    const char *source, *destination, *v1;
} written[] = {
    {"192.0.2.7:51000", "203.0.113.9:990", "PROXY TCP4 192.0.2.7 203.0.113.9 51000 990\r\n"},
    {"[2001:db8::7]:51000", "[2001:db8::9]:443", "PROXY TCP6 2001:db8::7 2001:db8::9 51000 443\r\n"},
    {"192.0.2.7:51000", "[2001:db8::9]:443", "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::9 51000 443\r\n"},
};

static void h9_what_is_written_is_read_again(void **state)
{
    static const struct proxy_header_tls tls = {
        .version = "TLSv1.3", .cipher = "", .sni = "ftp.example.com", .alpn = "ftp"};

    (void)state;
    for (size_t i = 0; i < ROWS(written); i++) {
        for (int kind = 0; kind < 3; kind++) {
            char expected[TEXT_MAX], text[TEXT_MAX];
            struct addr source, destination;
            struct proxy_header header;
            struct buf out;
            struct err err;

            address(written[i].source, &source);
            address(written[i].destination, &destination);
            buf_init(&out, PROXY_HEADER_WRITTEN_MAX);
            assert_true(kind == 0
                            ? proxy_header_write_v1(&out, &source, &destination)
                            : proxy_header_write_v2(&out, &source, &destination, kind == 2 ? &tls : NULL));
            if (kind == 0) {
                assert_int_equal(buf_len(&out), strlen(written[i].v1));
                assert_memory_equal(buf_data(&out), written[i].v1, buf_len(&out));
            }
            assert_int_equal(proxy_header_read(buf_data(&out), buf_len(&out), &header, &err),
                             PROXY_HEADER_DONE);
            assert_int_equal(header.len, buf_len(&out));
            as_text(&header, text);
            (void)snprintf(expected, sizeof expected, "%s %s", written[i].source, written[i].destination);
            assert_string_equal(text, expected);
            buf_free(&out);
        }
    }
}

/* A TLV of the given type at or behind `at`, up to `end`; NULL: none. */
static const uint8_t *tlv(const uint8_t *at, const uint8_t *end, uint8_t type, size_t *len)
{
    while (at < end) {
        *len = (size_t)(at[1] << 8 | at[2]);
        if (at[0] == type)
            return at + PROXY_TLV_HEAD;
        at += PROXY_TLV_HEAD + *len;
    }
    return NULL;
}

static void assert_tlv(const uint8_t *at, const uint8_t *end, uint8_t type, const char *expected)
{
    size_t len = 0;
    const uint8_t *value = tlv(at, end, type, &len);

    if (!expected) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(value, expected, len);
}

static const struct tls_row {
    bool resumed, presented, verified;
    const char *certificate;
    uint8_t client, verify;
    const char *common_name, *certificate_sent;
} tls_rows[] = {
    {false, true, true, "DER", 0x07, 0, "anna", "DER"},
    {true, true, true, "DER", 0x05, 0, "anna", "DER"},
    {false, true, false, "DER", 0x07, 1, "anna", "DER"},
    {true, true, false, "DER", 0x05, 1, "anna", "DER"},
    {false, false, false, NULL, 0x01, 1, NULL, NULL},
    {true, false, false, NULL, 0x01, 1, NULL, NULL},
    /* nothing is told about a certificate that was not presented, whatever else is said */
    {false, false, true, "DER", 0x01, 1, NULL, NULL},
    {false, true, true, NULL, 0x07, 0, "anna", NULL},
};

static void check_tls_row(const struct tls_row *row)
{
    const struct proxy_header_tls tls = {
        .version = "TLSv1.3",
        .cipher = "TLS_AES_128_GCM_SHA256",
        .sni = "ftp.example.com",
        .common_name = "anna",
        .resumed = row->resumed,
        .presented = row->presented,
        .verified = row->verified,
        .certificate = (const uint8_t *)row->certificate,
        .certificate_len = row->certificate ? strlen(row->certificate) : 0,
    };
    const uint8_t *tlvs, *end, *ssl;
    struct addr source, destination;
    struct buf out;
    size_t len = 0;

    address("192.0.2.7:51000", &source);
    address("203.0.113.9:990", &destination);
    buf_init(&out, PROXY_HEADER_WRITTEN_MAX);
    assert_true(proxy_header_write_v2(&out, &source, &destination, &tls));
    tlvs = buf_data(&out) + PROXY_V2_FIXED + PROXY_V2_IPV4_BYTES;
    end = buf_data(&out) + buf_len(&out);
    assert_tlv(tlvs, end, PROXY_TLV_AUTHORITY, "ftp.example.com");
    assert_tlv(tlvs, end, PROXY_TLV_ALPN, NULL);
    ssl = tlv(tlvs, end, PROXY_TLV_SSL, &len);
    assert_non_null(ssl);
    assert_int_equal(ssl[0], row->client);
    assert_int_equal(ssl[1] << 24 | ssl[2] << 16 | ssl[3] << 8 | ssl[4], row->verify);
    assert_tlv(ssl + 5, ssl + len, PROXY_TLV_SSL_VERSION, "TLSv1.3");
    assert_tlv(ssl + 5, ssl + len, PROXY_TLV_SSL_CIPHER, "TLS_AES_128_GCM_SHA256");
    assert_tlv(ssl + 5, ssl + len, PROXY_TLV_SSL_CN, row->common_name);
    assert_tlv(ssl + 5, ssl + len, PROXY_TLV_SSL_CERTIFICATE, row->certificate_sent);
    buf_free(&out);
}

static void h9_verify_is_zero_only_for_what_was_presented_and_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(tls_rows); i++)
        check_tls_row(&tls_rows[i]);
}

static void a_certificate_that_does_not_fit_is_left_out(void **state)
{
    static const uint8_t certificate[UINT16_MAX];
    const struct proxy_header_tls tls = {.version = "TLSv1.3",
                                         .presented = true,
                                         .verified = true,
                                         .certificate = certificate,
                                         .certificate_len = sizeof certificate};
    struct addr source, destination;
    struct buf out;

    (void)state;
    address("192.0.2.7:51000", &source);
    address("203.0.113.9:990", &destination);
    buf_init(&out, PROXY_HEADER_WRITTEN_MAX);
    assert_true(proxy_header_write_v2(&out, &source, &destination, &tls));
    assert_true(buf_len(&out) < 128);
    buf_free(&out);
}

static void the_checksum_is_crc32c(void **state)
{
    (void)state;
    assert_int_equal(proxy_header_crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283u);
}

static const struct {
    const char *subject, *name; /* NULL: none */
} names[] = {
    {"CN=anna", "anna"},
    {"CN=anna,O=Acme", "anna"},
    {"C=DE,O=Acme,CN=anna", "anna"},
    {"O=Acme+CN=anna,C=DE", "anna"},
    {"CN=first,CN=second", "first"},
    {"CN=a\\,b\\+c\\\\d,O=x", "a,b+c\\d"},
    {"CN=J\\C3\\B6rg", "J\303\266rg"},
    {"CN=a\\ ", "a "},
    {"O=x\\,CN=admin,CN=anna", "anna"}, /* no name of its own inside another's value */
    {"O=x\\\\,CN=anna", "anna"},
    {"O=CN=admin", NULL},
    {"CN=admin\\00", NULL},
    {"CN=admin\\00.example,O=x", NULL},
    {"CN=#0C0461646D", NULL},
    {"CN=", NULL},
    {"O=Acme", NULL},
    {"O=x\\", NULL},
    {"", NULL},
    {"CN=0123456789012345678901234567890123456789", NULL}, /* longer than there is room */
};

static void h9_the_common_name_is_taken_out_of_a_subject(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(names); i++) {
        char name[32];

        assert_int_equal(proxy_header_common_name(names[i].subject, name, sizeof name),
                         names[i].name != NULL);
        assert_string_equal(name, names[i].name ? names[i].name : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h9_a_header_is_read_whole_or_refused_in_pieces_as_at_once),
        cmocka_unit_test(what_follows_is_not_the_headers),
        cmocka_unit_test(h9_what_is_written_is_read_again),
        cmocka_unit_test(h9_verify_is_zero_only_for_what_was_presented_and_verified),
        cmocka_unit_test(a_certificate_that_does_not_fit_is_left_out),
        cmocka_unit_test(the_checksum_is_crc32c),
        cmocka_unit_test(h9_the_common_name_is_taken_out_of_a_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
