#include "text.h"
#include "unit.h"

#include <string.h>

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *text;
        uint64_t max, value;
        bool fine;
    } rows[] = {
        {"0", 10, 0, true},
        {"10", 10, 10, true},
        {"11", 10, 0, false},
        {"", 10, 0, false},
        {"-1", 10, 0, false},
        {"+1", 10, 0, false},
        {" 1", 10, 0, false},
        {"1 ", 10, 0, false},
        {"0x1", 99, 0, false},
        {"007", 10, 7, true},
        {"5", 4, 0, false},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
        {"1e3", 9999, 0, false},
        {"9", 8, 0, false},
        {"18446744073709551616", UINT64_MAX, 0, false},
        {"99999999999999999999999", UINT64_MAX, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t value = 0;
        bool fine = text_number(rows[i].text, strlen(rows[i].text), rows[i].max, &value);

        if (fine != rows[i].fine || (fine && value != rows[i].value))
            fail_msg("\"%s\" up to %llu", rows[i].text, (unsigned long long)rows[i].max);
    }
}

static void durations_and_sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        bool duration_fine;
        uint64_t duration_ms;
        bool size_fine;
        uint64_t size_bytes;
    } rows[] = {
        {"0", true, 0, true, 0},
        {"30s", true, 30000, false, 0},
        {"250ms", true, 250, false, 0},
        {"5m", true, 300000, false, 0},
        {"8h", true, 28800000, false, 0},
        {"7d", true, 604800000, false, 0},
        {"400d", false, 0, false, 0},
        {"30", false, 0, true, 30},
        {"30 s", false, 0, false, 0},
        {"s", false, 0, false, 0},
        {"64K", false, 0, true, 65536},
        {"4M", false, 0, true, 4194304},
        {"4G", false, 0, true, 1ull << 32},
        {"4k", false, 0, false, 0},
        {"1.5h", false, 0, false, 0},
        {"-5s", false, 0, false, 0},
        {"99999999999999999999G", false, 0, false, 0},
        {"1S", false, 0, false, 0},
        {"0s", true, 0, false, 0},
        {"", false, 0, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint64_t value = 0;

        if (text_duration_ms(rows[i].text, &value) != rows[i].duration_fine ||
            (rows[i].duration_fine && value != rows[i].duration_ms))
            fail_msg("duration \"%s\"", rows[i].text);
        if (text_size_bytes(rows[i].text, &value) != rows[i].size_fine ||
            (rows[i].size_fine && value != rows[i].size_bytes))
            fail_msg("size \"%s\"", rows[i].text);
    }
}

static void words_are_compared_without_case_and_by_distance(void **state)
{
    (void)state;
    assert_true(text_same("PaSv", "pasv"));
    assert_false(text_same("pas", "pasv"));
    assert_false(text_same("pasvx", "pasv"));
    assert_true(text_same_n("HOSTxx", 4, "host"));
    assert_false(text_same_n("HOST", 3, "host"));
    assert_int_equal(text_distance("backend", "backend"), 0);
    assert_int_equal(text_distance("bakend", "backend"), 1);
    assert_int_equal(text_distance("abckend", "backend"), 1);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("passive-port", "passive-ports"), 1);
}

static void hex_and_copies_end_where_they_should(void **state)
{
    char out[9];

    (void)state;
    text_hex((const uint8_t[]){0x00, 0xff, 0x1a, 0x90}, 4, out);
    assert_string_equal(out, "00ff1a90");
    assert_true(text_copy(out, sizeof out, "12345678"));
    assert_false(text_copy(out, sizeof out, "123456789"));
    assert_string_equal(out, "12345678");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(durations_and_sizes_have_units),
        cmocka_unit_test(words_are_compared_without_case_and_by_distance),
        cmocka_unit_test(hex_and_copies_end_where_they_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
