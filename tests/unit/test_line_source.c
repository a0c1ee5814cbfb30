/* Lines cut out of a stream: whole, in order, bounded, and with nothing in them that a terminal obeys. */
#include "unit.h"

#include "line_source.h"

#include <stdlib.h>
#include <string.h>

static struct line_source source;
static struct buf out;

static int make(void **state)
{
    (void)state;
    line_source_init(&source, NULL);
    buf_init(&out, 1024 * 1024);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    line_source_free(&source);
    buf_free(&out);
    return 0;
}

static void comes(const char *wanted)
{
    assert_int_equal(buf_len(&out), strlen(wanted));
    assert_memory_equal(buf_data(&out), wanted, strlen(wanted));
    buf_take(&out, buf_len(&out));
}

static void takes(const char *text)
{
    assert_true(line_source_take(&source, text, strlen(text), &out));
}

static void a_line_comes_when_it_is_whole(void **state)
{
    (void)state;
    takes("one");
    assert_int_equal(buf_len(&out), 0);
    takes(" line\nand");
    comes("one line\n");
    takes(" another\nthird\n");
    comes("and another\nthird\n");
    takes("\n\n");
    assert_int_equal(buf_len(&out), 0);
}

static void an_end_makes_a_line_of_what_was_begun(void **state)
{
    (void)state;
    takes("half a li");
    assert_true(line_source_end(&source, &out));
    comes("half a li\n");
    assert_true(line_source_end(&source, &out));
    assert_int_equal(buf_len(&out), 0);
}

static void bytes_that_a_terminal_obeys_are_taken_out(void **state)
{
    static const char hostile[] = "a\x1b[2Jb\rc\td\x7f\x80\xff\0e\n";

    (void)state;
    assert_true(line_source_take(&source, hostile, sizeof hostile - 1, &out));
    comes("a?[2Jb?c?d????e\n");
}

static void a_line_without_end_is_cut(void **state)
{
    static const size_t chunks[] = {1,    7, 4096, LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1,
                                    65536};

    (void)state;
    for (size_t i = 0; i < ROWS(chunks); i++) {
        size_t total = 3 * LINE_BYTES_MAX + 5, newlines = 0, longest = 0, now = 0;
        char *text = malloc(chunks[i]);

        memset(text, 'x', chunks[i]);
        for (size_t sent = 0; sent < total; sent += chunks[i]) {
            size_t part = total - sent < chunks[i] ? total - sent : chunks[i];
            assert_true(line_source_take(&source, text, part, &out));
        }
        assert_true(line_source_end(&source, &out));
        for (size_t at = 0; at < buf_len(&out); at++) {
            now = buf_data(&out)[at] == '\n' ? 0 : now + 1;
            newlines += buf_data(&out)[at] == '\n';
            longest = now > longest ? now : longest;
        }
        assert_int_equal(buf_len(&out), total + newlines);
        assert_int_equal(newlines, 4);
        assert_int_equal(longest, LINE_BYTES_MAX);
        buf_take(&out, buf_len(&out));
        free(text);
    }
}

static void a_full_line_and_its_newline_are_one_line(void **state)
{
    char *text = malloc(LINE_BYTES_MAX);

    (void)state;
    memset(text, 'y', LINE_BYTES_MAX);
    assert_true(line_source_take(&source, text, LINE_BYTES_MAX, &out));
    assert_int_equal(buf_len(&out), 0);
    takes("\n");
    assert_int_equal(buf_len(&out), LINE_BYTES_MAX + 1);
    free(text);
}

static void a_full_target_is_said_and_the_next_line_is_whole(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 4);
    assert_false(line_source_take(&source, "too long\nab\ncd", 14, &small));
    assert_int_equal(buf_len(&small), 3);
    assert_memory_equal(buf_data(&small), "ab\n", 3);
    buf_free(&small);
    takes("ef\n");
    comes("cdef\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_comes_when_it_is_whole),
        TEST(an_end_makes_a_line_of_what_was_begun),
        TEST(bytes_that_a_terminal_obeys_are_taken_out),
        TEST(a_line_without_end_is_cut),
        TEST(a_full_line_and_its_newline_are_one_line),
        TEST(a_full_target_is_said_and_the_next_line_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
