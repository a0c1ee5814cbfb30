/* A line of the log as JSON: always one object on one line, whatever the process has said. */
#include "unit.h"

#include "json_line.h"
#include "line_source.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void becomes(const char *line, size_t len, const char *expected)
{
    struct buf out;

    buf_init(&out, 1024 * 1024);
    assert_true(json_line_add(line, len, &out));
    assert_true(buf_add(&out, "", 1));
    assert_string_equal((const char *)buf_data(&out), expected);
    buf_free(&out);
}

static void pairs_become_members(void **state)
{
    static const struct {
        const char *line, *expected;
    } rows[] = {
        {"time=2026-01-02T03:04:05.678Z level=info event=session-end",
         "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"info\",\"event\":\"session-end\"}\n"},
        {"bytes_in=5000000000 ms=-1 code=226", "{\"bytes_in\":5000000000,\"ms\":-1,\"code\":226}\n"},
        {"serial=123 session=42",
         "{\"serial\":\"123\",\"session\":\"42\"}\n"}, /* names that look like numbers */
        {"code=12a ms=", "{\"code\":\"12a\",\"ms\":\"\"}\n"},
        {"code=1234567890123456789", "{\"code\":\"1234567890123456789\"}\n"}, /* more than 18 digits */
        {"path=\"/a b\" user=\"a=\\\"b\\\\\"", "{\"path\":\"/a b\",\"user\":\"a=\\\"b\\\\\"}\n"},
        {"path=\"a\\x0d\\x0aDELE b\"", "{\"path\":\"a\\r\\nDELE b\"}\n"},
        {"user=\"m\\xc3\\xbcller\"", "{\"user\":\"m\\u00FCller\"}\n"},
        {"user=\"\\xf0\\x9f\\x98\\x80\"", "{\"user\":\"\\uD83D\\uDE00\"}\n"},
        {"user=\"\\xff\\xfe\"", "{\"user\":\"\\\"\\\\xff\\\\xfe\\\"\"}\n"}, /* no UTF-8: as it stands */
        {"user=\"a\\x00b\"", "{\"user\":\"a\\u0000b\"}\n"},
        {"a=1 a=2", "{\"a\":\"2\"}\n"},
        {"cipher=TLS_AES_256 x=y=z", "{\"cipher\":\"TLS_AES_256\",\"x\":\"y=z\"}\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        becomes(rows[i].line, strlen(rows[i].line), rows[i].expected);
}

static void what_is_no_pair_is_the_line(void **state)
{
    static const struct {
        const char *line, *expected;
    } rows[] = {
        {"ERROR: AddressSanitizer", "{\"line\":\"ERROR: AddressSanitizer\"}\n"},
        {"a=1 b", "{\"line\":\"a=1 b\"}\n"},
        {"a=1 =2", "{\"line\":\"a=1 =2\"}\n"},
        {"a=\"open", "{\"line\":\"a=\\\"open\"}\n"},
        {"a=\"open\\", "{\"line\":\"a=\\\"open\\\\\"}\n"},
        {"a=\"b\"c", "{\"line\":\"a=\\\"b\\\"c\"}\n"},
        {"a=1  b=2", "{\"line\":\"a=1  b=2\"}\n"},
        {"\"", "{\"line\":\"\\\"\"}\n"},
        {" ", "{\"line\":\" \"}\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        becomes(rows[i].line, strlen(rows[i].line), rows[i].expected);
}

/* Every prefix of a line with everything in it, and every byte of it changed, is an object. */
static void is_an_object_whatever_comes(void **state)
{
    static const char line[] =
        "time=x event=e user=\"a\\xc3\\xbc\\x00\\\"\\\\\" bytes_in=12 path=\"\\xff\" k=";
    static const char bytes[] = "\" =\\x0z~";
    struct buf out;

    (void)state;
    buf_init(&out, 1024 * 1024);
    for (size_t i = 0; i < sizeof line; i++) {
        for (size_t k = 0; k <= strlen(bytes); k++) {
            char changed[sizeof line];
            json_t *object;

            memcpy(changed, line, sizeof line);
            if (k < strlen(bytes))
                changed[i] = bytes[k];
            assert_true(json_line_add(changed, k < strlen(bytes) ? sizeof line - 1 : i, &out));
            assert_non_null(memchr(buf_data(&out), '\n', buf_len(&out)));
            assert_ptr_equal(memchr(buf_data(&out), '\n', buf_len(&out)), buf_data(&out) + buf_len(&out) - 1);
            object = json_loadb((const char *)buf_data(&out), buf_len(&out), JSON_ALLOW_NUL, NULL);
            assert_true(json_is_object(object));
            json_decref(object);
            buf_take(&out, buf_len(&out));
        }
    }
    buf_free(&out);
}

static void the_longest_line_fits(void **state)
{
    char *line = malloc(LINE_BYTES_MAX + 2);
    struct buf out;

    (void)state;
    assert_non_null(line);
    memset(line, 'a', LINE_BYTES_MAX + 2);
    memcpy(line, "k=\"", 3);
    line[LINE_BYTES_MAX - 1] = '"';
    buf_init(&out, 1024 * 1024);
    assert_true(json_line_add(line, LINE_BYTES_MAX, &out));
    assert_true(json_line_add(line, LINE_BYTES_MAX + 2, &out)); /* no such line comes */
    assert_int_equal(buf_len(&out), strlen("{\"k\":\"\"}\n") + LINE_BYTES_MAX - 4 +
                                        strlen("{\"line\":\"\"}\n") + LINE_BYTES_MAX + 2 + 2);
    buf_free(&out);
    buf_init(&out, 100);
    assert_false(json_line_add(line, LINE_BYTES_MAX, &out)); /* out takes less */
    buf_free(&out);
    free(line);
}

static void a_source_turns_while_it_runs(void **state)
{
    struct line_source source;
    bool as_json = false;
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    line_source_init(&source, &as_json);
    assert_true(line_source_take(&source, "a=1\nb=2", 7, &out));
    as_json = true;
    assert_true(line_source_take(&source, "\nc=\"\xff\"\n", 7, &out));
    as_json = false;
    assert_true(line_source_take(&source, "d=4\n", 4, &out));
    assert_true(buf_add(&out, "", 1));
    assert_string_equal((const char *)buf_data(&out), "a=1\n{\"b\":\"2\"}\n{\"c\":\"?\"}\nd=4\n");
    line_source_free(&source);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_become_members),         cmocka_unit_test(what_is_no_pair_is_the_line),
        cmocka_unit_test(is_an_object_whatever_comes),  cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(a_source_turns_while_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
