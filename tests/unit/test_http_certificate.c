/* H7: a certificate in header fields, byte for byte. */
#include "unit.h"

#include "http_certificate.h"

#include <string.h>

static void is_text(struct buf *out, const char *expected)
{
    assert_true(buf_add(out, "", 1));
    assert_string_equal((const char *)buf_data(out), expected);
    buf_free(out);
}

/* RFC 4648 10 */
static void base64_is_that_of_the_standard(void **state)
{
    static const char *const rows[][2] = {
        {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},          {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "+//+"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char expected[64] = "Client-Cert: :";
        struct buf out;

        buf_init(&out, 1024);
        assert_true(http_certificate_leaf(&out, (const uint8_t *)rows[i][0], strlen(rows[i][0])));
        memcpy(expected + strlen(expected), rows[i][1], strlen(rows[i][1]) + 1);
        memcpy(expected + strlen(expected), ":\r\n", 4);
        is_text(&out, expected);
    }
}

static void a_chain_is_one_field(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    assert_true(http_certificate_issuer(&out, true, (const uint8_t *)"foo", 3));
    assert_true(http_certificate_issuer(&out, false, (const uint8_t *)"foobar", 6));
    is_text(&out, "Client-Cert-Chain: :Zm9v:, :Zm9vYmFy:");
}

#define BEGIN "X-Forwarded-Client-Cert: Hash=ab12;Cert=\"-----BEGIN%20CERTIFICATE-----%0A"
#define END   "%0A-----END%20CERTIFICATE-----%0A\""

static void an_xfcc_is_quoted_and_encoded(void **state)
{
    /* subject, and what stands for it: no backslash in front of a character that is no hex digit, so that
     * nobody can take the closing quote for an escaped one */
    static const char *const rows[][2] = {
        {"CN=Acme", ";Subject=\"CN=Acme\""},
        {"", ""},
        {"CN=a\\,b,O=\\C3\\84", ";Subject=\"CN=a\\2Cb,O=\\C3\\84\""},
        {"CN=a\\\";Hash=1\\\"", ";Subject=\"CN=a\\22;Hash=1\\22\""},
        {"CN=a\\\\", ";Subject=\"CN=a\\5C\""},
        {"CN=a\\", ";Subject=\"CN=a\\5C\""},
        {"CN=a\"b", ";Subject=\"CN=a\\22b\""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char expected[512] = BEGIN "%2B%2F%2F%2BZg%3D%3D" END;
        struct buf out;

        buf_init(&out, 4096);
        assert_true(http_certificate_xfcc(&out, "ab12", rows[i][0],
                                          (const uint8_t *)"\xfb\xff\xfe"
                                                           "f",
                                          4));
        memcpy(expected + strlen(expected), rows[i][1], strlen(rows[i][1]) + 1);
        memcpy(expected + strlen(expected), "\r\n", 3);
        is_text(&out, expected);
    }
}

/* Lines of 64 characters, as PEM has them. */
static void pem_has_lines(void **state)
{
    static const uint8_t der[100];
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_true(http_certificate_xfcc(&out, "ab12", "", der, 96));
#define LINE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    is_text(&out, BEGIN LINE "%0A" LINE END "\r\n");
    buf_init(&out, 4096);
    assert_true(http_certificate_xfcc(&out, "ab12", "", der, 97));
    is_text(&out, BEGIN LINE "%0A" LINE "%0AAA%3D%3D" END "\r\n");
}

static void a_full_buffer_is_told(void **state)
{
    size_t whole = 0;

    (void)state;
    for (size_t limit = 0; limit < 300; limit++) {
        struct buf out;
        bool fine;

        buf_init(&out, limit);
        fine = http_certificate_xfcc(&out, "ab12", "CN=\\,", (const uint8_t *)"foobar", 6);
        assert_true(buf_len(&out) <= limit);
        if (fine && !whole)
            whole = limit;
        assert_int_equal(fine, whole != 0);
        buf_free(&out);
    }
    assert_in_range(whole, 100, 299);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_is_that_of_the_standard), cmocka_unit_test(a_chain_is_one_field),
        cmocka_unit_test(an_xfcc_is_quoted_and_encoded),  cmocka_unit_test(pem_has_lines),
        cmocka_unit_test(a_full_buffer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
