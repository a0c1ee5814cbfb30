/* What a signer signs and what it refuses: every form, and what looks nearly like one. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "handshake_form.h"
#include "sign_message.h"

enum { BYTES_MAX = 400 };

#define SERVER      "TLS 1.3, server CertificateVerify"
#define CLIENT      "TLS 1.3, client CertificateVerify"
#define THING(text) text, sizeof text - 1

struct row13 {
    const char *name;
    size_t spaces;
    const char *context;
    size_t context_len; /* with the zero byte, usually */
    size_t hash_len;
    enum form_verdict expected;
};

static const struct row13 rows13[] = {
    {"SHA-256", 64, SERVER, sizeof SERVER, 32, FORM_OK},
    {"SHA-384", 64, SERVER, sizeof SERVER, 48, FORM_OK},
    {"a client's, SHA-256", 64, CLIENT, sizeof CLIENT, 32, FORM_CLIENT},
    {"a client's, SHA-384", 64, CLIENT, sizeof CLIENT, 48, FORM_CLIENT},
    {"SHA-512 is no transcript hash", 64, SERVER, sizeof SERVER, 64, FORM_MALFORMED},
    {"SHA-1 is no transcript hash", 64, SERVER, sizeof SERVER, 20, FORM_MALFORMED},
    {"no hash", 64, SERVER, sizeof SERVER, 0, FORM_MALFORMED},
    {"a byte less of a hash", 64, SERVER, sizeof SERVER, 31, FORM_MALFORMED},
    {"a byte more than a hash", 64, SERVER, sizeof SERVER, 33, FORM_MALFORMED},
    {"a byte more than SHA-384", 64, SERVER, sizeof SERVER, 49, FORM_MALFORMED},
    {"no zero byte", 64, SERVER, sizeof SERVER - 1, 32, FORM_MALFORMED},
    {"no zero byte, the length made up", 64, SERVER, sizeof SERVER - 1, 33, FORM_MALFORMED},
    {"63 spaces", 63, SERVER, sizeof SERVER, 32, FORM_MALFORMED},
    {"63 spaces, the length made up", 63, SERVER, sizeof SERVER, 33, FORM_MALFORMED},
    {"65 spaces", 65, SERVER, sizeof SERVER, 32, FORM_MALFORMED},
    {"65 spaces, the length made up", 65, SERVER, sizeof SERVER, 31, FORM_MALFORMED},
    {"no spaces", 0, SERVER, sizeof SERVER, 32, FORM_MALFORMED},
    {"lower case", 64, "tls 1.3, server CertificateVerify", sizeof SERVER, 32, FORM_MALFORMED},
    {"another version", 64, "TLS 1.4, server CertificateVerify", sizeof SERVER, 32, FORM_MALFORMED},
    {"QUIC-like other words", 64, "TLS 1.3, server CertificateRequst", sizeof SERVER, 32, FORM_MALFORMED},
    {"an exported authenticator", 64, "Exported Authenticator", sizeof "Exported Authenticator", 43,
     FORM_MALFORMED},
    {"a delegated credential", 64, "TLS, server delegated credentials",
     sizeof "TLS, server delegated credentials", 32, FORM_MALFORMED},
};

static size_t build13(const struct row13 *row, uint8_t *out)
{
    memset(out, ' ', row->spaces);
    memcpy(out + row->spaces, row->context, row->context_len);
    memset(out + row->spaces + row->context_len, 0xa5, row->hash_len);
    return row->spaces + row->context_len + row->hash_len;
}

/* The bytes end where the heap block ends, so that reading past them is seen by the sanitizer. */
static enum form_verdict check(uint32_t form, const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    enum form_verdict verdict;

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    verdict = handshake_form_check(form, exact, len);
    free(exact);
    return verdict;
}

static void expect(const char *name, enum form_verdict is, enum form_verdict expected)
{
    if (is != expected)
        fail_msg("%s: %s, expected: %s", name, form_verdict_text(is), form_verdict_text(expected));
}

static void tls13_is_exact(void **state)
{
    uint8_t bytes[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < ROWS(rows13); i++) {
        size_t len = build13(&rows13[i], bytes);

        expect(rows13[i].name, check(SIGN_FORM_TLS13_SERVER, bytes, len), rows13[i].expected);
    }
}

/* Each byte in front of the hash counts; each byte of the hash is free. */
static void tls13_every_byte_counts(void **state)
{
    uint8_t bytes[BYTES_MAX];
    size_t len = build13(&rows13[0], bytes);

    (void)state;
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x01;
        assert_int_equal(check(SIGN_FORM_TLS13_SERVER, bytes, len), i < 98 ? FORM_MALFORMED : FORM_OK);
        bytes[i] ^= 0x01;
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(check(SIGN_FORM_TLS13_SERVER, bytes, cut), FORM_MALFORMED);
}

struct row12 {
    const char *name;
    uint8_t head[5]; /* curve_type, named_curve, length, first byte of the point */
    size_t point_len;
    enum form_verdict expected;
};

static const struct row12 rows12[] = {
    {"P-256", {3, 0x00, 0x17, 65, 4}, 65, FORM_OK},
    {"P-384", {3, 0x00, 0x18, 97, 4}, 97, FORM_OK},
    {"P-521", {3, 0x00, 0x19, 133, 4}, 133, FORM_OK},
    {"X25519", {3, 0x00, 0x1d, 32, 9}, 32, FORM_OK},
    {"X448", {3, 0x00, 0x1e, 56, 9}, 56, FORM_OK},
    {"P-256 compressed", {3, 0x00, 0x17, 33, 2}, 33, FORM_MALFORMED},
    {"P-256 that begins with 2", {3, 0x00, 0x17, 65, 2}, 65, FORM_MALFORMED},
    {"P-256 that begins with 0", {3, 0x00, 0x17, 65, 0}, 65, FORM_MALFORMED},
    {"P-384 that begins with 6", {3, 0x00, 0x18, 97, 6}, 97, FORM_MALFORMED},
    {"a length that lies low", {3, 0x00, 0x17, 64, 4}, 65, FORM_MALFORMED},
    {"a length that lies high", {3, 0x00, 0x17, 66, 4}, 65, FORM_MALFORMED},
    {"a byte behind the point", {3, 0x00, 0x1d, 32, 9}, 33, FORM_MALFORMED},
    {"a byte of the point missing", {3, 0x00, 0x1d, 32, 9}, 31, FORM_MALFORMED},
    {"X25519 with P-256's point", {3, 0x00, 0x1d, 65, 4}, 65, FORM_MALFORMED},
    {"P-256 with X25519's point", {3, 0x00, 0x17, 32, 4}, 32, FORM_MALFORMED},
    {"explicit prime", {1, 0x00, 0x17, 65, 4}, 65, FORM_MALFORMED},
    {"explicit char2", {2, 0x00, 0x17, 65, 4}, 65, FORM_MALFORMED},
    {"curve type 0", {0, 0x00, 0x17, 65, 4}, 65, FORM_MALFORMED},
    {"the group's high byte", {3, 0x01, 0x17, 65, 4}, 65, FORM_MALFORMED},
    {"secp192r1", {3, 0x00, 0x13, 49, 4}, 49, FORM_MALFORMED},
    {"secp256k1", {3, 0x00, 0x16, 65, 4}, 65, FORM_MALFORMED},
    {"brainpoolP256r1", {3, 0x00, 0x1a, 65, 4}, 65, FORM_MALFORMED},
    {"ffdhe2048 is no curve", {3, 0x01, 0x00, 65, 4}, 65, FORM_MALFORMED},
    {"an empty point", {3, 0x00, 0x1d, 0, 0}, 0, FORM_MALFORMED},
};

static size_t build12(const struct row12 *row, uint8_t random, uint8_t *out)
{
    memset(out, random, 64);
    memset(out + 64, 0x5a, 4 + row->point_len);
    memcpy(out + 64, row->head, row->point_len ? 5 : 4);
    return 68 + row->point_len;
}

static void tls12_is_exact(void **state)
{
    uint8_t bytes[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < ROWS(rows12); i++) {
        size_t len = build12(&rows12[i], 0x11, bytes);

        expect(rows12[i].name, check(SIGN_FORM_TLS12_SERVER, bytes, len), rows12[i].expected);
    }
}

static void tls12_cut_anywhere_is_refused(void **state)
{
    uint8_t bytes[BYTES_MAX];
    size_t len = build12(&rows12[0], 0x11, bytes);

    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(check(SIGN_FORM_TLS12_SERVER, bytes, cut), FORM_MALFORMED);
}

/* Randoms of 64 spaces are the client's to choose and the server's bad luck: still no TLS 1.3 message. */
static void the_two_forms_are_never_the_same(void **state)
{
    uint8_t bytes[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < ROWS(rows12); i++) {
        size_t len = build12(&rows12[i], ' ', bytes);

        expect(rows12[i].name, check(SIGN_FORM_TLS13_SERVER, bytes, len), FORM_MALFORMED);
    }
    for (size_t i = 0; i < ROWS(rows13); i++) {
        size_t len = build13(&rows13[i], bytes);

        expect(rows13[i].name, check(SIGN_FORM_TLS12_SERVER, bytes, len), FORM_MALFORMED);
    }
}

/* A client's form is the mirror of a server's (RFC 8446 4.4.3). */
static void tls13_client_is_exact(void **state)
{
    uint8_t bytes[BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < ROWS(rows13); i++) {
        enum form_verdict expected = rows13[i].expected == FORM_OK       ? FORM_SERVER
                                     : rows13[i].expected == FORM_CLIENT ? FORM_OK
                                                                         : FORM_MALFORMED;
        size_t len = build13(&rows13[i], bytes);

        expect(rows13[i].name, check(SIGN_FORM_TLS13_CLIENT, bytes, len), expected);
    }
}

static void other_forms_are_refused(void **state)
{
    static const uint32_t unknown[] = {0, 5, 6, 0x0401, 0x7fffffff, 0xffffffff};
    uint8_t bytes[BYTES_MAX];
    size_t len = build13(&rows13[0], bytes);

    (void)state;
    for (size_t i = 0; i < ROWS(unknown); i++)
        assert_int_equal(check(unknown[i], bytes, len), FORM_UNKNOWN);
    assert_int_equal(check(SIGN_FORM_TLS13_CLIENT, bytes, len), FORM_SERVER);
    assert_int_equal(check(SIGN_FORM_TLS12_CLIENT, bytes, len), FORM_MALFORMED);
    for (size_t i = 0; i < ROWS(unknown); i++)
        assert_false(handshake_form_is_client(unknown[i]));
}

/* What somebody with the queue's descriptor might want to have signed instead of a handshake. */
static void other_things_worth_signing_are_refused(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
    } rows[] = {
        {"a SHA-256", THING("0123456789abcdef0123456789abcdef")},
        {"DigestInfo", THING("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20")},
        {"a JWT", THING("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0")},
        {"SSH signature", THING("SSHSIG\0\0\0\4file\0\0\0\0\0\0\0\6sha512")},
        {"TBSCertificate", THING("\x30\x82\x01\x00\xa0\x03\x02\x01\x02")},
        {"spaces", THING("                                                                ")},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        for (uint32_t form = 0; form < 6; form++)
            if (check(form, (const uint8_t *)rows[i].bytes, rows[i].len) == FORM_OK)
                fail_msg("%s is signed as form %u", rows[i].name, form);
}

struct scheme_row {
    uint32_t scheme;
    bool rsa12, rsa13, p256_12, p256_13, p384_12, p384_13, p521_12, p521_13;
    bool ed12, ed13;
};

static const struct scheme_row scheme_rows[] = {
    /*         RSA 1.2, 1.3   P-256 1.2, 1.3  P-384 1.2, 1.3  P-521 1.2, 1.3  Ed25519 1.2, 1.3 */
    {0x0401, true, false, false, false, false, false, false, false, false, false},
    {0x0501, true, false, false, false, false, false, false, false, false, false},
    {0x0601, true, false, false, false, false, false, false, false, false, false},
    {0x0804, true, true, false, false, false, false, false, false, false, false},
    {0x0805, true, true, false, false, false, false, false, false, false, false},
    {0x0806, true, true, false, false, false, false, false, false, false, false},
    {0x0403, false, false, true, true, true, false, true, false, false, false},
    {0x0503, false, false, true, false, true, true, true, false, false, false},
    {0x0603, false, false, true, false, true, false, true, true, false, false},
    {0x0807, false, false, false, false, false, false, false, false, true, true},
};

static void schemes_fit_key_and_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(scheme_rows); i++) {
        const struct scheme_row *row = &scheme_rows[i];
        const struct scheme *scheme = scheme_find(row->scheme);
        const bool expected[5][2] = {{row->rsa12, row->rsa13},
                                     {row->p256_12, row->p256_13},
                                     {row->p384_12, row->p384_13},
                                     {row->p521_12, row->p521_13},
                                     {row->ed12, row->ed13}};

        assert_non_null(scheme);
        for (int key = SCHEME_KEY_RSA; key <= SCHEME_KEY_ED25519; key++) {
            enum scheme_key kind = (enum scheme_key)key;

            assert_int_equal(handshake_form_allows(SIGN_FORM_TLS12_SERVER, scheme, kind), expected[key][0]);
            assert_int_equal(handshake_form_allows(SIGN_FORM_TLS13_SERVER, scheme, kind), expected[key][1]);
            assert_int_equal(handshake_form_allows(SIGN_FORM_TLS12_CLIENT, scheme, kind), expected[key][0]);
            assert_int_equal(handshake_form_allows(SIGN_FORM_TLS13_CLIENT, scheme, kind), expected[key][1]);
            assert_false(handshake_form_allows(0, scheme, kind));
            assert_false(handshake_form_allows(5, scheme, kind));
        }
    }
}

/* MD5, SHA-1, SHA-224, DSA, rsa_pss_pss, Ed448, brainpool, SM2, GREASE, nothing. */
static void weak_and_unknown_schemes_are_refused(void **state)
{
    static const uint32_t refused[] = {0x0101, 0x0201, 0x0203, 0x0301, 0x0303,  0x0402,
                                       0x0202, 0x0809, 0x080a, 0x080b, 0x0408,  0x0808,
                                       0x081a, 0x0708, 0x0a0a, 0x0000, 0x10401, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < ROWS(refused); i++) {
        assert_null(scheme_find(refused[i]));
        assert_false(handshake_form_allows(SIGN_FORM_TLS12_SERVER, scheme_find(refused[i]), SCHEME_KEY_RSA));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls13_is_exact),
        cmocka_unit_test(tls13_every_byte_counts),
        cmocka_unit_test(tls12_is_exact),
        cmocka_unit_test(tls12_cut_anywhere_is_refused),
        cmocka_unit_test(the_two_forms_are_never_the_same),
        cmocka_unit_test(tls13_client_is_exact),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(other_things_worth_signing_are_refused),
        cmocka_unit_test(schemes_fit_key_and_form),
        cmocka_unit_test(weak_and_unknown_schemes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
