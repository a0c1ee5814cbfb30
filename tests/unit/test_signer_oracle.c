/* A worker under somebody else's hand: it speaks the request protocol over the real queue and asks the real
 * p11gate-signer for everything but a handshake. Each is refused, and each is counted. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "signer_requests.h"
#include "transcript.h"

#include "clock.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>

enum { BYTES_MAX = SIGN_BYTES_MAX, RATE = 2, ASKED = 100 };

static struct signer_start start;
static struct running running;
static uint8_t bytes[BYTES_MAX];

static size_t text(const char *what)
{
    return (size_t)snprintf((char *)bytes, sizeof bytes, "%s", what);
}

static size_t noise(size_t len)
{
    assert_int_equal(RAND_bytes(bytes, (int)len), 1);
    return len;
}

static size_t nothing(void)
{
    return 0;
}

static size_t one_byte(void)
{
    return noise(1);
}

static size_t bare_hash(void)
{
    return noise(32);
}

static size_t digest_info(void)
{
    static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

    (void)noise(sizeof prefix + 32);
    memcpy(bytes, prefix, sizeof prefix);
    return sizeof prefix + 32;
}

static size_t noise_as_long_as_tls13(void)
{
    return noise(130);
}

static size_t as_much_as_fits(void)
{
    return noise(BYTES_MAX);
}

/* With the key's signature this would be a certificate of its owner's choice. */
static size_t certificate_body(void)
{
    unsigned char *at = bytes;
    int len = i2d_re_X509_tbs(fixture.certificates[FIXTURE_RSA], NULL);

    assert_true(len > 0 && len < BYTES_MAX);
    return (size_t)i2d_re_X509_tbs(fixture.certificates[FIXTURE_RSA], &at);
}

static size_t request_body(void)
{
    X509_REQ *request =
        X509_to_X509_REQ(fixture.certificates[FIXTURE_RSA], fixture.keys[FIXTURE_RSA], EVP_sha256());
    unsigned char *at = bytes;
    int len;

    assert_non_null(request);
    len = i2d_re_X509_REQ_tbs(request, &at);
    X509_REQ_free(request);
    return (size_t)len;
}

/* RFC 4252 7: a session's hash, then what the user wants. */
static size_t login_of_ssh(void)
{
    static const uint8_t head[] = {0, 0, 0, 32};
    static const uint8_t request[] = {50,  0,   0,   0,   4,   'r', 'o', 'o', 't', 0,   0,   0,   14,  's',
                                      's', 'h', '-', 'c', 'o', 'n', 'n', 'e', 'c', 't', 'i', 'o', 'n', 0,
                                      0,   0,   9,   'p', 'u', 'b', 'l', 'i', 'c', 'k', 'e', 'y'};

    (void)noise(200);
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head + 32, request, sizeof request);
    return 200;
}

static size_t web_token(void)
{
    return text("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiIsImV4cCI6NDEwMjQ0NDgwMH0");
}

/* The signedAttrs of an AS2 message or a receipt (RFC 5652 5.4). */
static size_t mail_attributes(void)
{
    static const uint8_t head[] = {0x31, 0x69, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                   0x0d, 0x01, 0x09, 0x03, 0x31, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48};

    (void)noise(107);
    memcpy(bytes, head, sizeof head);
    return 107;
}

static size_t document(void)
{
    return text("I owe the bearer a million.\n");
}

static size_t tls13(const char *context, size_t hash_len)
{
    size_t len = strlen(context) + 1;

    memset(bytes, ' ', 64);
    memcpy(bytes + 64, context, len);
    memset(bytes + 64 + len, 0x42, hash_len);
    return 64 + len + hash_len;
}

static size_t tls13_client(void)
{
    return tls13("TLS 1.3, client CertificateVerify", 32);
}

static size_t tls13_other_context(void)
{
    return tls13("TLS 1.3, server CertificateVerifi", 32);
}

static size_t tls13_hash_of_64(void)
{
    return tls13("TLS 1.3, server CertificateVerify", 64);
}

static size_t tls13_63_spaces(void)
{
    size_t len = tls13("TLS 1.3, server CertificateVerify", 48);

    memmove(bytes, bytes + 1, len - 1);
    return len - 1;
}

/* A credential that another key may use instead of this one (RFC 9345). */
static size_t delegated_credential(void)
{
    return tls13("TLS, server delegated credentials", 90);
}

static size_t tls12(const void *params, size_t params_len, size_t len)
{
    (void)noise(len);
    memcpy(bytes + 64, params, params_len);
    return len;
}

static size_t tls12_finite_field(void)
{
    return tls12("\x01\x00", 2, 64 + 3 * 258); /* a prime of 256 bytes: DHE */
}

static size_t tls12_explicit_prime(void)
{
    return tls12("\x01\x20", 2, 64 + 200);
}

static size_t tls12_unknown_curve(void)
{
    return tls12("\x03\x00\x13\x31\x04", 5, 64 + 4 + 49); /* secp192r1 */
}

static size_t tls12_compressed_point(void)
{
    return tls12("\x03\x00\x17\x21\x02", 5, 64 + 4 + 33);
}

static size_t tls12_and_a_byte(void)
{
    return tls12("\x03\x00\x17\x41\x04", 5, 64 + 4 + 65 + 1);
}

static size_t tls12_without_randoms(void)
{
    static const uint8_t params[] = {3, 0, 0x17, 65, 4};

    (void)noise(69);
    memcpy(bytes, params, sizeof params);
    return 69;
}

static const struct {
    const char *name;
    size_t (*make)(void);
} kinds[] = {
    {"nothing", nothing},
    {"one byte", one_byte},
    {"a bare hash", bare_hash},
    {"a DigestInfo", digest_info},
    {"noise as long as a CertificateVerify", noise_as_long_as_tls13},
    {"noise, as much as fits", as_much_as_fits},
    {"a certificate's body", certificate_body},
    {"a certificate request's body", request_body},
    {"a login of SSH", login_of_ssh},
    {"a web token", web_token},
    {"the attributes of a signed mail", mail_attributes},
    {"a document", document},
    {"a client's CertificateVerify", tls13_client},
    {"another context string", tls13_other_context},
    {"a transcript hash of 64 bytes", tls13_hash_of_64},
    {"63 spaces", tls13_63_spaces},
    {"a delegated credential", delegated_credential},
    {"a DHE ServerKeyExchange", tls12_finite_field},
    {"a curve by its numbers", tls12_explicit_prime},
    {"a curve that nobody offers", tls12_unknown_curve},
    {"a compressed point", tls12_compressed_point},
    {"a ServerKeyExchange and a byte", tls12_and_a_byte},
    {"a ServerKeyExchange without randoms", tls12_without_randoms},
};

static void start_with(const char *first, const char *second)
{
    fixture_start(&start, first);
    start.wanted[1] = start.wanted[0];
    start.wanted[1].name = second;
    start.wanted_count = second ? 2 : 1;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
}

/* With each form that there is and an RSA and an EC key. */
static void expect_refused(const char *name, size_t (*make)(void), uint64_t *asked)
{
    static const uint32_t schemes[] = {0x0804, 0x0403};
    struct reply reply;

    for (uint32_t form = 0; form <= 5; form++) {
        size_t key = form % 2, len = make();

        if (request_status(&running, key, (enum sign_form)form, schemes[key], bytes, len, &reply) !=
            SIGN_NOT_ALLOWED)
            fail_msg("%s as form %u was not refused", name, form);
        assert_int_equal(counter_get(&running.page->refused), ++*asked);
    }
}

static void nothing_but_a_handshake_is_signed(void **state)
{
    uint64_t asked = 0;

    (void)state;
    start_with("ftps-rsa", "ftps-ec");
    for (size_t i = 0; i < ROWS(kinds); i++)
        expect_refused(kinds[i].name, kinds[i].make, &asked);
    assert_int_equal(counter_get(&running.page->signatures), 0);
    assert_int_equal(counter_get(&running.page->failures), 0);
    assert_int_equal(counter_get(&running.page->state), SIGNER_READY);
    running_stop(&running);
}

static struct transcript_parts parts;

/* A well-formed message of the form. */
static size_t message_of(enum sign_form form)
{
    switch (form) {
    case SIGN_FORM_TLS13_SERVER:
        return tls13("TLS 1.3, server CertificateVerify", 32);
    case SIGN_FORM_TLS13_CLIENT:
        return tls13("TLS 1.3, client CertificateVerify", 48);
    case SIGN_FORM_TLS12_CLIENT:
        transcript_parts(&parts, 600);
        return transcript_join(&parts, bytes);
    case SIGN_FORM_TLS12_SERVER:
        break;
    }
    return tls12("\x03\x00\x17\x41\x04", 5, 64 + 4 + 65);
}

/* A key for servers signs no client's message, and a key for clients no server's, whatever is stated: each
 * form of bytes under each stated form. */
static void each_key_signs_for_its_own_side_only(void **state)
{
    static const uint32_t schemes[] = {0x0804, 0x0403};
    uint64_t signatures = 0, refused = 0;
    struct reply reply;

    (void)state;
    fixture_start(&start, "ftps-rsa");
    start.wanted[1] = start.wanted[0];
    start.wanted[1].name = "ftps-ec";
    start.wanted[1].client = true;
    start.wanted_count = 2;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    assert_false(running.keys[0].client);
    assert_true(running.keys[1].client);
    for (uint32_t row = 0; row < 2 * 4 * 4; row++) {
        enum sign_form stated = (enum sign_form)(1 + row / 2 % 4), really = (enum sign_form)(1 + row / 8);
        size_t key = row % 2, len = message_of(really);
        bool allowed = stated == really && (stated >= SIGN_FORM_TLS13_CLIENT) == (key == 1);
        uint32_t status = request_status(&running, key, stated, schemes[key], bytes, len, &reply);

        if (status != (allowed ? SIGN_DONE : SIGN_NOT_ALLOWED))
            fail_msg("key %zu, form %u stated as %u: %u", key, really, stated, status);
        *(allowed ? &signatures : &refused) += 1;
        assert_int_equal(counter_get(&running.page->refused), refused);
        if (allowed)
            assert_true(signature_good(fixture.keys[key ? FIXTURE_EC : FIXTURE_RSA], schemes[key], bytes, len,
                                       &reply));
    }
    assert_int_equal(signatures, 4);
    assert_int_equal(counter_get(&running.page->signatures), signatures);
    assert_int_equal(counter_get(&running.page->failures), 0);
    running_stop(&running);
}

/* One key on the token, configured twice: then, and only then, it signs for both sides. */
static void a_key_for_both_sides_is_two_keys(void **state)
{
    struct reply reply;

    (void)state;
    fixture_start(&start, "ftps-ec");
    start.wanted[1] = start.wanted[0];
    start.wanted[1].client = true;
    start.wanted_count = 2;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    assert_int_equal(running.key_count, 2);
    assert_memory_equal(running.keys[0].name, running.keys[1].name, sizeof running.keys[0].name);
    for (uint32_t form = 1; form <= 4; form++) {
        size_t len = message_of((enum sign_form)form);

        assert_int_equal(request_status(&running, 0, (enum sign_form)form, 0x0403, bytes, len, &reply),
                         SIGN_DONE);
    }
    running_stop(&running);
}

/* Two seconds' worth at once, and then no faster; what is refused costs the token nothing. */
static void no_faster_than_the_limit(void **state)
{
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    uint64_t begun_ms, took_ms, done = 0, refused = 0;
    struct reply reply;

    (void)state;
    fixture_start(&start, "ftps-ec");
    start.max_per_second = RATE;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    begun_ms = clock_monotonic_ms();
    for (int i = 0; i < ASKED; i++) {
        uint32_t status = request_status(&running, 0, SIGN_FORM_TLS13_SERVER, 0x0403, bytes, len, &reply);

        assert_true(status == SIGN_DONE || status == SIGN_NOT_ALLOWED);
        done += status == SIGN_DONE;
        refused += status == SIGN_NOT_ALLOWED;
    }
    took_ms = clock_monotonic_ms() - begun_ms;
    print_message("%lu done, %lu refused in %lu ms\n", (unsigned long)done, (unsigned long)refused,
                  (unsigned long)took_ms);
    assert_true(done >= 2ul * RATE);
    assert_true(done <= 2ul * RATE + 1 + took_ms * RATE / 1000);
    assert_int_equal(counter_get(&running.page->signatures), done);
    assert_int_equal(counter_get(&running.page->refused), refused);
    assert_true(refused > 0);
    assert_non_null(strstr(running_log(&running), "more than max-signatures-per-second"));
    running_stop(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_a_handshake_is_signed),
        cmocka_unit_test(each_key_signs_for_its_own_side_only),
        cmocka_unit_test(a_key_for_both_sides_is_two_keys),
        cmocka_unit_test(no_faster_than_the_limit),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
