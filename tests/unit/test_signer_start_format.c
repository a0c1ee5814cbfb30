/* What a signer is told, as bytes: all of it arrives, half of it does not. */
#include "unit.h"

#include <string.h>

#include "signer_start.h"

static struct signer_start start, copy;

static void fill(void)
{
    start = (struct signer_start){
        .alias = "edge",
        .where = "p11gate.conf:9: keystore \"edge\"",
        .module = "/usr/lib/softhsm/libsofthsm2.so",
        .init_args = "",
        .token = "pkcs11:token=edge",
        .directory = "",
        .sign_timeout_ms = 2000,
        .max_per_second = 250,
        .force_login = true,
        .wanted_count = 2,
    };
    start.wanted[0] = (struct signer_wanted){
        .where = "p11gate.conf:31: listener \"ftps\"", .name = "rsa", .certificates_path = ""};
    start.wanted[1] = (struct signer_wanted){.where = "p11gate.conf:32: listener \"https\"",
                                             .name = "ec",
                                             .certificates = (const uint8_t *)"-----BEGIN",
                                             .certificates_len = 10,
                                             .certificates_path = "ec.pem",
                                             .client = true};
}

static void everything_arrives(void **state)
{
    struct buf bytes;

    (void)state;
    fill();
    buf_init(&bytes, SIGNER_START_BYTES_MAX);
    assert_true(signer_start_write(&bytes, &start));
    assert_true(signer_start_read(buf_data(&bytes), buf_len(&bytes), &copy));
    assert_string_equal(copy.alias, "edge");
    assert_string_equal(copy.where, start.where);
    assert_string_equal(copy.module, start.module);
    assert_string_equal(copy.token, start.token);
    assert_string_equal(copy.directory, "");
    assert_int_equal(copy.sign_timeout_ms, 2000);
    assert_int_equal(copy.max_per_second, 250);
    assert_true(copy.force_login);
    assert_false(copy.check);
    assert_int_equal(copy.wanted_count, 2);
    assert_string_equal(copy.wanted[0].name, "rsa");
    assert_int_equal(copy.wanted[0].certificates_len, 0);
    assert_string_equal(copy.wanted[1].where, start.wanted[1].where);
    assert_int_equal(copy.wanted[1].certificates_len, 10);
    assert_memory_equal(copy.wanted[1].certificates, "-----BEGIN", 10);
    assert_string_equal(copy.wanted[1].certificates_path, "ec.pem");
    assert_false(copy.wanted[0].client);
    assert_true(copy.wanted[1].client);
    buf_free(&bytes);
}

static void every_cut_and_every_tail_is_malformed(void **state)
{
    struct buf bytes;
    size_t whole;

    (void)state;
    fill();
    buf_init(&bytes, SIGNER_START_BYTES_MAX);
    assert_true(signer_start_write(&bytes, &start));
    whole = buf_len(&bytes);
    for (size_t len = 0; len < whole; len++)
        assert_false(signer_start_read(buf_data(&bytes), len, &copy));
    assert_true(buf_add(&bytes, "x", 1));
    assert_false(signer_start_read(buf_data(&bytes), whole + 1, &copy));
    buf_free(&bytes);
}

static void too_many_keys_are_refused_on_both_sides(void **state)
{
    struct buf bytes;
    uint32_t count = SIGNER_START_KEYS_MAX + 1;

    (void)state;
    fill();
    buf_init(&bytes, SIGNER_START_BYTES_MAX);
    start.wanted_count = count;
    assert_false(signer_start_write(&bytes, &start));
    buf_free(&bytes);
    start.wanted_count = 0;
    assert_true(signer_start_write(&bytes, &start));
    memcpy(buf_data(&bytes) + buf_len(&bytes) - sizeof count, &count, sizeof count);
    assert_false(signer_start_read(buf_data(&bytes), buf_len(&bytes), &copy));
    assert_int_equal(copy.wanted_count, 0);
    buf_free(&bytes);
}

static void a_flag_is_0_or_1(void **state)
{
    struct buf bytes;

    (void)state;
    fill();
    start.wanted_count = 0;
    buf_init(&bytes, SIGNER_START_BYTES_MAX);
    assert_true(signer_start_write(&bytes, &start));
    buf_data(&bytes)[buf_len(&bytes) - 5] = 2;
    assert_false(signer_start_read(buf_data(&bytes), buf_len(&bytes), &copy));
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(every_cut_and_every_tail_is_malformed),
        cmocka_unit_test(too_many_keys_are_refused_on_both_sides),
        cmocka_unit_test(a_flag_is_0_or_1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
