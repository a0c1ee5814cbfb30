/* Packed numbers and texts: what was written is read, and what was not is refused. */
#include "unit.h"

#include <string.h>

#include "pack.h"

static void everything_comes_back(void **state)
{
    struct buf out;
    struct unpack in;
    size_t len;
    const uint8_t *bytes;

    (void)state;
    buf_init(&out, 4096);
    assert_true(pack_u8(&out, 7));
    assert_true(pack_u32(&out, 0xdeadbeef));
    assert_true(pack_u64(&out, UINT64_MAX));
    assert_true(pack_bytes(&out, "a\0b", 3));
    assert_true(pack_bytes(&out, NULL, 0));
    assert_true(pack_text(&out, "edge"));
    assert_true(pack_text(&out, NULL));

    unpack_start(&in, buf_data(&out), buf_len(&out));
    assert_int_equal(unpack_u8(&in), 7);
    assert_int_equal(unpack_u32(&in), 0xdeadbeef);
    assert_true(unpack_u64(&in) == UINT64_MAX);
    bytes = unpack_bytes(&in, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "a\0b", 3);
    assert_non_null(unpack_bytes(&in, &len));
    assert_int_equal(len, 0);
    assert_string_equal(unpack_text(&in), "edge");
    assert_false(unpack_done(&in));
    assert_string_equal(unpack_text(&in), "");
    assert_true(unpack_done(&in));
    buf_free(&out);
}

static void a_full_buffer_is_said(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 6);
    assert_true(pack_u32(&out, 1));
    assert_false(pack_u32(&out, 2));
    assert_false(pack_text(&out, "long"));
    buf_free(&out);
}

/* Hostile texts: { bytes, length, what is wrong }. */
static void a_bad_text_is_empty_and_failed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *what;
    } rows[] = {
        {"", 0, "nothing at all"},
        {"\x04\0\0", 3, "a length cut short"},
        {"\x04\0\0\0ab", 6, "fewer bytes than the length says"},
        {"\x02\0\0\0ab", 6, "no NUL behind it"},
        {"\x02\0\0\0abc", 7, "something else than a NUL behind it"},
        {"\x03\0\0\0a\0b", 8, "a NUL inside"},
        {"\xff\xff\xff\xff"
         "ab",
         7, "a length near the end of 32 bits"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct unpack in;

        unpack_start(&in, rows[i].bytes, rows[i].len);
        if (strcmp(unpack_text(&in), "") != 0 || !in.failed || unpack_done(&in))
            fail_msg("accepted: %s", rows[i].what);
    }
}

static void a_failure_stays(void **state)
{
    struct unpack in;
    size_t len = 99;

    (void)state;
    unpack_start(&in, "\x01\x02\x03", 3);
    assert_int_equal(unpack_u32(&in), 0);
    assert_int_equal(unpack_u8(&in), 0);
    assert_true(unpack_u64(&in) == 0);
    assert_non_null(unpack_bytes(&in, &len));
    assert_int_equal(len, 0);
    assert_string_equal(unpack_text(&in), "");
    assert_false(unpack_done(&in));
}

static void bytes_left_over_are_not_done(void **state)
{
    struct unpack in;

    (void)state;
    unpack_start(&in, "\x01\x02", 2);
    assert_int_equal(unpack_u8(&in), 1);
    assert_false(unpack_done(&in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),          cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(a_bad_text_is_empty_and_failed), cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(bytes_left_over_are_not_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
