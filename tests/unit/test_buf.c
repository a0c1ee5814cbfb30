#include "buf.h"
#include "unit.h"

#include <string.h>

static void bytes_come_out_in_order(void **state)
{
    struct buf buf;
    uint8_t next_in = 0, next_out = 0;

    (void)state;
    buf_init(&buf, 4096);
    for (unsigned round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < round % 17; i++, next_in++)
            assert_true(buf_add(&buf, &next_in, 1));
        for (unsigned i = 0; i < round % 13 && buf_len(&buf); i++, next_out++) {
            assert_int_equal(*buf_data(&buf), next_out);
            buf_take(&buf, 1);
        }
        if (buf_len(&buf) > 2048) {
            next_out = (uint8_t)(next_out + buf_len(&buf));
            buf_take(&buf, buf_len(&buf));
        }
    }
    buf_free(&buf);
    assert_int_equal(buf_len(&buf), 0);
}

static void the_limit_is_kept_and_nothing_is_lost_at_it(void **state)
{
    struct buf buf;
    char text[301];

    (void)state;
    memset(text, 'x', sizeof text);
    buf_init(&buf, 300);
    assert_false(buf_add(&buf, text, 301));
    assert_true(buf_add(&buf, text, 300));
    assert_false(buf_add(&buf, text, 1));
    assert_null(buf_reserve(&buf, 1));
    assert_int_equal(buf_len(&buf), 300);
    buf_take(&buf, 299);
    assert_true(buf_add(&buf, text, 299));
    assert_false(buf_printf(&buf, "%s", "y"));
    buf_take(&buf, 9999);
    assert_int_equal(buf_len(&buf), 0);
    buf_free(&buf);
}

static void text_is_formatted_behind_what_is_there(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 64);
    assert_true(buf_add_text(&buf, "220 "));
    assert_true(buf_printf(&buf, "%s %d\r\n", "port", 21));
    assert_int_equal(buf_len(&buf), 13);
    assert_memory_equal(buf_data(&buf), "220 port 21\r\n", 13);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_order),
        cmocka_unit_test(the_limit_is_kept_and_nothing_is_lost_at_it),
        cmocka_unit_test(text_is_formatted_behind_what_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
