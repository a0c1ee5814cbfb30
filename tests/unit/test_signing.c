/* The parts of a signer that need no token: padding, encodings, return codes, key names, the PIN, chains. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "ckr.h"
#include "crypto.h"
#include "key_name.h"
#include "mechanism.h"
#include "pin.h"
#include "problems.h"
#include "pss.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <unistd.h>

static int setup(void **state)
{
    struct err err;

    (void)state;
    return crypto_setup(&err) ? 0 : -1;
}

/* The bare RSA operation over the block, as a token with CKM_RSA_X_509 does it. */
static size_t raw_rsa(EVP_PKEY *key, const uint8_t *block, size_t len, uint8_t *out)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    size_t out_len = SIGN_SIGNATURE_MAX;

    assert_int_equal(EVP_PKEY_sign_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(context, out, &out_len, block, len), 1);
    EVP_PKEY_CTX_free(context);
    return out_len;
}

/* 8n + 1 bits is where an encoding is a byte shorter than the modulus. */
static void pss_blocks_verify(void **state)
{
    static const unsigned bits[] = {1024, 1025, 1026, 1031, 2048};

    (void)state;
    for (size_t i = 0; i < ROWS(bits); i++) {
        EVP_PKEY *key = EVP_RSA_gen(bits[i]);

        assert_non_null(key);
        for (uint32_t value = 0x0804; value <= 0x0805; value++) {
            const struct scheme *scheme = scheme_find(value);
            uint8_t salt[CRYPTO_HASH_MAX], block[SIGN_SIGNATURE_MAX], signature[SIGN_SIGNATURE_MAX];
            struct crypto_input in;
            size_t len;

            assert_true(crypto_input(scheme, (const uint8_t *)"message", i, &in));
            memset(salt, 0x77, sizeof salt);
            assert_true(pss_encode(scheme, in.hash, salt, bits[i], block));
            len = raw_rsa(key, block, (bits[i] + 7) / 8, signature);
            assert_true(crypto_verify(key, scheme, &in, signature, len));
            in.hash[0] ^= 1;
            assert_false(crypto_verify(key, scheme, &in, signature, len));
        }
        EVP_PKEY_free(key);
    }
}

static void a_key_too_small_for_its_hash_is_refused(void **state)
{
    uint8_t hash[CRYPTO_HASH_MAX] = {0}, salt[CRYPTO_HASH_MAX] = {0}, block[256];

    (void)state;
    assert_false(pss_encode(scheme_find(0x0806), hash, salt, 1024, block)); /* needs 130 bytes */
    assert_false(pss_encode(scheme_find(0x0804), hash, salt, 512, block));
    assert_true(pss_encode(scheme_find(0x0804), hash, salt, 528 + 1, block)); /* just enough */
}

/* RFC 8032 7.1, test 2: a known answer, as the message itself is signed. */
static void ed25519_signs_the_message(void **state)
{
    static const uint8_t secret[32] = {0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3,
                                       0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab,
                                       0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
    static const uint8_t begins[8] = {0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8};
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
    const struct scheme *scheme = scheme_find(0x0807);
    uint8_t message[] = {0x72}, signature[SIGN_SIGNATURE_MAX];
    size_t len = sizeof signature;
    struct crypto_input in;

    (void)state;
    assert_true(crypto_input(scheme, message, sizeof message, &in));
    assert_true(crypto_sign(key, scheme, &in, signature, &len));
    assert_int_equal(len, 64);
    assert_memory_equal(signature, begins, sizeof begins);
    assert_true(crypto_verify(key, scheme, &in, signature, len));
    message[0]++;
    assert_false(crypto_verify(key, scheme, &in, signature, len));
    EVP_PKEY_free(key);
}

static void ecdsa_becomes_der(void **state)
{
    static const struct {
        uint8_t raw[8];
        size_t raw_len;
        uint8_t der[16];
        size_t der_len; /* 0: refused */
    } rows[] = {
        {{1, 2}, 2, {0x30, 6, 2, 1, 1, 2, 1, 2}, 8},
        {{0x80, 0x7f}, 2, {0x30, 7, 2, 2, 0, 0x80, 2, 1, 0x7f}, 9},
        {{0, 0, 0, 5, 0, 0, 0, 6}, 8, {0x30, 6, 2, 1, 5, 2, 1, 6}, 8},
        {{0, 0xff, 0, 0xff}, 4, {0x30, 8, 2, 2, 0, 0xff, 2, 2, 0, 0xff}, 10},
        {{1, 2, 3}, 3, {0}, 0},
        {{0}, 0, {0}, 0},
        {{1}, 1, {0}, 0},
    };
    uint8_t long_raw[134] = {1};
    struct signature out;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(mechanism_ecdsa_der(rows[i].raw, rows[i].raw_len, &out), rows[i].der_len > 0);
        if (!rows[i].der_len)
            continue;
        assert_int_equal(out.len, rows[i].der_len);
        assert_memory_equal(out.bytes, rows[i].der, out.len);
    }
    assert_false(mechanism_ecdsa_der(long_raw, sizeof long_raw, &out));
}

static void return_codes_mean_what_they_should(void **state)
{
    static const struct {
        unsigned long code;
        const char *name;
        enum ckr_meaning meaning;
    } rows[] = {
        {CKR_OK, "CKR_OK", CKR_MEANS_OK},
        {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", CKR_MEANS_FAULT},
        {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", CKR_MEANS_FAULT},
        {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", CKR_MEANS_FAULT},
        {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", CKR_MEANS_PIN},
        {CKR_PIN_LOCKED, "CKR_PIN_LOCKED", CKR_MEANS_PIN},
        {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", CKR_MEANS_ABSENT},
        {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", CKR_MEANS_NO_SCHEME},
        {CKR_FUNCTION_REJECTED, "CKR_FUNCTION_REJECTED", CKR_MEANS_REFUSED},
        {0x80000001, "CKR 0x80000001", CKR_MEANS_FAULT},
        {0xffffffffffffffff, "CKR 0xffffffffffffffff", CKR_MEANS_FAULT},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_string_equal(ckr_name(rows[i].code), rows[i].name);
        assert_int_equal(ckr_meaning(rows[i].code), rows[i].meaning);
    }
}

static void key_names(void **state)
{
    static const struct {
        const char *text;
        size_t attributes; /* beside the class; 0 and not good: refused */
        bool good;
    } rows[] = {
        {"ftps-rsa", 1, true},
        {"a label with spaces", 1, true},
        {"pkcs11", 1, true},          /* a label that only looks like one */
        {"PKCS11:object=x", 1, true}, /* a label: the scheme is written small */
        {"pkcs11:object=x", 1, true},
        {"pkcs11:id=%01%ff;object=x;type=private", 2, true},
        {"pkcs11:token=edge", 0, true},
        {"pkcs11:object=x?module-name=softhsm2", 1, true},
        {"pkcs11:object=x?colour=red", 1, true}, /* unknown query attributes are ignored (P3) */
        {"pkcs11:object=x;colour=red", 0, false},
        {"pkcs11:object=x;type=public", 0, false},
        {"pkcs11:object=x;type=cert", 0, false},
        {"pkcs11:object=x?pin-value=1234", 0, false},
        {"pkcs11:object=x?pin-source=f&pin-value=1", 0, false},
        {"pkcs11:object=%4", 0, false},
        {"pkcs11:object", 0, false},
        {"", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct key_name name;
        struct err err = {""};

        if (key_name_parse(rows[i].text, &name, &err) != rows[i].good)
            fail_msg("%s: %s", rows[i].text, err.text);
        if (!rows[i].good) {
            assert_null(strstr(err.text, "1234"));
            continue;
        }
        assert_int_equal(name.count, rows[i].attributes + 1);
        key_name_free(&name);
    }
}

static void what_is_shown_of_a_key_name(void **state)
{
    (void)state;
    assert_int_equal(key_name_shown("who?me"), 6);
    assert_int_equal(key_name_shown("pkcs11:object=x?pin-value=1"), 15);
    assert_int_equal(key_name_shown("pkcs11:%zz?pin-value=1"), 10);
}

static bool read_pin(const void *bytes, size_t len, struct pin *pin, struct err *err)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], bytes, len), len);
    assert_int_equal(close(ends[1]), 0);
    return pin_read(pin, ends[0], err);
}

static void pins(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *pin; /* NULL: refused */
    } rows[] = {
        {"1234", 4, "1234"},
        {"1234\n", 5, "1234"},
        {"1234\r\n", 6, "1234"},
        {" 12 34 ", 7, " 12 34 "},
        {"1234\n\n", 6, NULL},
        {"1234\n5678\n", 10, NULL},
        {"12\0"
         "34",
         5, NULL},
        {"", 0, NULL},
        {"\n", 1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct pin pin = {0};
        struct err err;

        assert_int_equal(read_pin(rows[i].bytes, rows[i].len, &pin, &err), rows[i].pin != NULL);
        if (rows[i].pin) {
            assert_string_equal(pin.text, rows[i].pin);
            assert_int_equal(pin.len, strlen(rows[i].pin));
        }
        pin_wipe(&pin);
        assert_null(pin.text);
    }
}

static void the_longest_pin(void **state)
{
    struct pin pin = {0};
    struct err err;
    char bytes[400];

    (void)state;
    memset(bytes, '9', sizeof bytes);
    assert_true(read_pin(bytes, PIN_LEN_MAX, &pin, &err));
    assert_int_equal(pin.len, PIN_LEN_MAX);
    pin_wipe(&pin);
    for (size_t len = PIN_LEN_MAX + 1; len <= sizeof bytes; len += 48)
        assert_false(read_pin(bytes, len, &pin, &err));
    assert_null(pin.text);
}

struct person {
    EVP_PKEY *key;
    X509 *certificate;
};

static void make_person(struct person *out, const char *name, const struct person *issuer)
{
    X509_NAME *subject;

    out->key = EVP_EC_gen("P-256");
    out->certificate = X509_new();
    assert_true(out->key && out->certificate);
    subject = X509_get_subject_name(out->certificate);
    assert_true(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0));
    assert_true(X509_set_issuer_name(out->certificate,
                                     issuer ? X509_get_subject_name(issuer->certificate) : subject));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(out->certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(out->certificate), 3600));
    assert_true(X509_set_pubkey(out->certificate, out->key));
    assert_true(X509_sign(out->certificate, issuer ? issuer->key : out->key, EVP_sha256()) > 0);
}

static void add(struct certificates *all, const struct person *person)
{
    unsigned char *der = NULL;
    int len = i2d_X509(person->certificate, &der);

    assert_true(len > 0);
    assert_true(certificates_add_der(all, der, (size_t)len));
    OPENSSL_free(der);
}

static void chains_are_put_in_order(void **state)
{
    struct certificates all = {0};
    struct person people[4]; /* root, one, two, leaf */
    X509 *chain[10];

    (void)state;
    make_person(&people[0], "root", NULL);
    make_person(&people[1], "one", &people[0]);
    make_person(&people[2], "two", &people[1]);
    make_person(&people[3], "leaf", &people[2]);
    for (int i = 0; i < 4; i++)
        add(&all, &people[i]);
    for (int i = 0; i < 4; i++)
        add(&all, &people[i]); /* again: no second ones */
    assert_int_equal(all.count, 4);
    assert_int_equal(certificates_chain(&all, all.items[3], chain, 10), 3);
    assert_ptr_equal(chain[0], all.items[3]);
    assert_ptr_equal(chain[1], all.items[2]);
    assert_ptr_equal(chain[2], all.items[1]);
    assert_int_equal(certificates_chain(&all, all.items[3], chain, 2), 2);
    assert_int_equal(certificates_chain(&all, all.items[0], chain, 10), 1); /* a self-signed leaf is sent */
    certificates_free(&all);
    for (int i = 0; i < 4; i++) {
        EVP_PKEY_free(people[i].key);
        X509_free(people[i].certificate);
    }
}

/* Two that signed each other must not make an endless chain. */
static void a_circle_ends(void **state)
{
    struct certificates all = {0};
    struct person first, second, crossed = {NULL, NULL};
    X509 *chain[10];

    (void)state;
    make_person(&first, "first", NULL);
    make_person(&second, "second", &first);
    make_person(&crossed, "first", &second);
    add(&all, &second);
    add(&all, &crossed);
    assert_int_equal(certificates_chain(&all, all.items[0], chain, 10), 2);
    certificates_free(&all);
    const struct person *people[] = {&first, &second, &crossed};
    for (int i = 0; i < 3; i++) {
        EVP_PKEY_free(people[i]->key);
        X509_free(people[i]->certificate);
    }
}

static void certificates_that_are_none(void **state)
{
    static const uint8_t rows[][4] = {{0x30, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0x30, 0x84, 0xff, 0xff}};
    struct certificates all = {0};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_false(certificates_add_der(&all, rows[i], sizeof rows[i]));
    assert_false(certificates_add_der(&all, rows[0], 0));
    assert_int_equal(all.count, 0);
}

static void a_full_report_counts_the_rest(void **state)
{
    struct problems problems;
    char where[600];
    const char *text;

    (void)state;
    memset(where, 'w', sizeof where);
    where[599] = 0;
    problems_init(&problems);
    for (int i = 0; i < 50; i++)
        problems_add(&problems, where, "pkcs11:object=x?pin-value=1234", "%s", where);
    text = problems_text(&problems);
    assert_true(strlen(text) < 8000);
    assert_non_null(strstr(text, "key \"pkcs11:object=x\": www"));
    assert_null(strstr(text, "1234"));
    assert_non_null(strstr(text, "more problems"));
    assert_int_equal(problems.count, 50);
    buf_free(&problems.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pss_blocks_verify),
        cmocka_unit_test(a_key_too_small_for_its_hash_is_refused),
        cmocka_unit_test(ed25519_signs_the_message),
        cmocka_unit_test(ecdsa_becomes_der),
        cmocka_unit_test(return_codes_mean_what_they_should),
        cmocka_unit_test(key_names),
        cmocka_unit_test(what_is_shown_of_a_key_name),
        cmocka_unit_test(pins),
        cmocka_unit_test(the_longest_pin),
        cmocka_unit_test(chains_are_put_in_order),
        cmocka_unit_test(a_circle_ends),
        cmocka_unit_test(certificates_that_are_none),
        cmocka_unit_test(a_full_report_counts_the_rest),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
