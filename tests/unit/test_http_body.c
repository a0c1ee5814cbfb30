/* Framing: which bytes of a body go on, where it ends, and what breaks it; the same at once and byte by byte.
 */
#include "unit.h"

#include "buf.h"
#include "http_body.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

struct chunk_row {
    const char *name, *in;
    size_t in_len;
    const char *out; /* what goes on, when the body is not refused */
    enum http_progress progress;
    size_t left; /* bytes behind the body */
};

static const struct chunk_row chunks[] = {
    {"one chunk", BYTES("5\r\nhello\r\n0\r\n\r\n"), "5\r\nhello\r\n0\r\n\r\n", HTTP_DONE, 0},
    {"no chunk", BYTES("0\r\n\r\n"), "0\r\n\r\n", HTTP_DONE, 0},
    {"many zeros", BYTES("0000000000000000\r\n\r\n"), "0000000000000000\r\n\r\n", HTTP_DONE, 0},
    {"both cases", BYTES("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
     "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", HTTP_DONE, 0},
    {"a next request", BYTES("1\r\na\r\n0\r\n\r\nGET "), "1\r\na\r\n0\r\n\r\n", HTTP_DONE, 4},
    {"data like a chunk", BYTES("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), "5\r\n0\r\n\r\n\r\n0\r\n\r\n", HTTP_DONE, 0},
    {"extension", BYTES("1;a=b\r\nx\r\n0;c\r\n\r\n"), "1\r\nx\r\n0\r\n\r\n", HTTP_DONE, 0},
    {"blank before an extension", BYTES("1 \t;a=\"b;c\"\r\nx\r\n0\r\n\r\n"), "1\r\nx\r\n0\r\n\r\n", HTTP_DONE,
     0},
    {"trailers", BYTES("1\r\nx\r\n0\r\nA: b\r\nContent-Length: 5\r\n\r\n"), "1\r\nx\r\n0\r\n\r\n", HTTP_DONE,
     0},
    {"empty trailer", BYTES("0\r\nA:\r\n\r\nx"), "0\r\n\r\n", HTTP_DONE, 1},
    {"unfinished size", BYTES("1"), "1", HTTP_MORE, 0},
    {"unfinished data", BYTES("5\r\nhel"), "5\r\nhel", HTTP_MORE, 0},
    {"unfinished end", BYTES("0\r\n"), "0\r\n", HTTP_MORE, 0},
    {"unfinished trailer", BYTES("0\r\nA: b\r\n"), "0\r\n", HTTP_MORE, 0},
    {"largest size", BYTES("7fffffffffffffff\r\nx"), "7fffffffffffffff\r\nx", HTTP_MORE, 0},

    {"no size", BYTES("\r\n"), NULL, HTTP_REFUSED, 0},
    {"extension without a size", BYTES(";a\r\n"), NULL, HTTP_REFUSED, 0},
    {"space before a size", BYTES(" 1\r\nx\r\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"space behind a size", BYTES("1 \r\nx\r\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"0x", BYTES("0x1\r\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"plus", BYTES("+1\r\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"minus", BYTES("-1\r\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"letter", BYTES("g\r\n"), NULL, HTTP_REFUSED, 0},
    {"underscore", BYTES("1_0\r\n"), NULL, HTTP_REFUSED, 0},
    {"NUL in a size", BYTES("1\0\r\nx"), NULL, HTTP_REFUSED, 0},
    {"size of 2^63", BYTES("8000000000000000\r\n"), NULL, HTTP_REFUSED, 0},
    {"size of 2^64", BYTES("10000000000000000\r\n"), NULL, HTTP_REFUSED, 0},
    {"size of 2^64 + 5", BYTES("10000000000000005\r\n"), NULL, HTTP_REFUSED, 0},
    {"all ones", BYTES("ffffffffffffffff\r\n"), NULL, HTTP_REFUSED, 0},
    {"17 zeros", BYTES("00000000000000000\r\n"), NULL, HTTP_REFUSED, 0},
    {"bare LF behind a size", BYTES("1\nx\r\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"bare CR behind a size", BYTES("1\rx\r\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"CR CR LF", BYTES("1\r\r\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"no line end behind the data", BYTES("1\r\nx0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"LF behind the data", BYTES("1\r\nx\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"CR behind the data", BYTES("1\r\nx\r0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"too much data", BYTES("1\r\nxy\r\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"too little data", BYTES("3\r\nx\r\n0\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"bare LF in an extension", BYTES("1;a\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"bare CR in an extension", BYTES("1;a\rb\r\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"NUL in an extension", BYTES("1;a\0\r\nx\r\n"), NULL, HTTP_REFUSED, 0},
    {"LF at the end", BYTES("0\r\n\n"), NULL, HTTP_REFUSED, 0},
    {"CR and a byte at the end", BYTES("0\r\n\rG"), NULL, HTTP_REFUSED, 0},
    {"a request as a trailer", BYTES("0\r\nGET /admin HTTP/1.1\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"folded trailer", BYTES("0\r\nA: b\r\n c\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"trailer without a colon", BYTES("0\r\nA\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"trailer without a name", BYTES("0\r\n: b\r\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"bare LF in a trailer", BYTES("0\r\nA: b\n\r\n"), NULL, HTTP_REFUSED, 0},
    {"space before the colon of a trailer", BYTES("0\r\nA : b\r\n\r\n"), NULL, HTTP_REFUSED, 0},
};

/* The body as an exchange reads it; *taken tells how far. */
static enum http_progress filter(struct http_body *body, const uint8_t *in, size_t len, struct buf *out,
                                 size_t *taken)
{
    enum http_progress progress = HTTP_MORE;

    *taken = 0;
    while (*taken < len && progress == HTTP_MORE) {
        struct http_run run;

        progress = http_body_next(body, in + *taken, len - *taken, &run);
        assert_true(run.drop + run.pass <= len - *taken);
        assert_true(buf_add(out, in + *taken + run.drop, run.pass));
        *taken += run.drop + run.pass;
        assert_true(progress != HTTP_MORE || run.drop + run.pass > 0);
    }
    return progress;
}

static enum http_progress filter_in_steps(const char *in, size_t len, size_t step, struct buf *out,
                                          size_t *left)
{
    struct http_body body = {.framing = HTTP_FRAMING_CHUNKED, .announced = HTTP_FRAMING_CHUNKED};
    enum http_progress progress = HTTP_MORE;
    size_t at = 0, taken;

    while (at < len && progress == HTTP_MORE) {
        size_t have = step && step < len - at ? step : len - at;
        uint8_t *copy = malloc(have);

        assert_non_null(copy);
        memcpy(copy, in + at, have);
        progress = filter(&body, copy, have, out, &taken);
        free(copy);
        at += taken;
    }
    *left = len - at;
    assert_true(http_body_is_over(&body) == (progress == HTTP_DONE));
    return progress;
}

static bool chunk_row_holds(const struct chunk_row *row, size_t step)
{
    struct buf out;
    size_t left;
    bool holds;

    buf_init(&out, 1 << 20);
    holds = filter_in_steps(row->in, row->in_len, step, &out, &left) == row->progress;
    if (row->out)
        holds = holds && left == row->left && buf_len(&out) == strlen(row->out) &&
                memcmp(buf_data(&out), row->out, buf_len(&out)) == 0;
    buf_free(&out);
    return holds;
}

static void chunks_pass_or_break(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < ROWS(chunks); i++)
        for (size_t step = 0; step < 4; step++)
            if (!chunk_row_holds(&chunks[i], step)) {
                print_error("%s, in steps of %zu\n", chunks[i].name, step);
                wrong++;
            }
    assert_int_equal(wrong, 0);
}

/* What is dropped is bounded: `count` bytes of x between the two texts. */
static enum http_progress filter_long(const char *before, size_t count, const char *after)
{
    size_t len = strlen(before) + count + strlen(after), left;
    char *text = malloc(len);
    struct buf out;
    enum http_progress progress;

    assert_non_null(text);
    buf_init(&out, 1 << 20);
    memcpy(text, before, strlen(before));
    memset(text + strlen(before), 'x', count);
    memcpy(text + strlen(before) + count, after, strlen(after));
    progress = filter_in_steps(text, len, 0, &out, &left);
    assert_int_equal(filter_in_steps(text, len, 1, &out, &left), progress);
    buf_free(&out);
    free(text);
    return progress;
}

static void extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(filter_long("0;", HTTP_EXTENSION_BYTES_MAX - 1, "\r\n\r\n"), HTTP_DONE);
    assert_int_equal(filter_long("0;", HTTP_EXTENSION_BYTES_MAX, "\r\n\r\n"), HTTP_REFUSED);
    assert_int_equal(filter_long("0 ;", HTTP_EXTENSION_BYTES_MAX - 2, "\r\n\r\n"), HTTP_DONE);
    assert_int_equal(filter_long("0\r\nA:", HTTP_TRAILER_BYTES_MAX - 3, "\r\n\r\n"), HTTP_DONE);
    assert_int_equal(filter_long("0\r\nA:", HTTP_TRAILER_BYTES_MAX, "\r\n\r\n"), HTTP_REFUSED);
    assert_int_equal(filter_long("0\r\nA: b\r\nB:", HTTP_TRAILER_BYTES_MAX - 9, "\r\n\r\n"), HTTP_DONE);
    assert_int_equal(filter_long("0\r\nA: b\r\nB:", HTTP_TRAILER_BYTES_MAX - 8, "\r\n\r\n"), HTTP_REFUSED);
    /* The bound of an extension is one chunk's. */
    assert_int_equal(filter_long("1;aaaaaaaaaa\r\nx\r\n0;", HTTP_EXTENSION_BYTES_MAX - 1, "\r\n\r\n"),
                     HTTP_DONE);
}

struct framing_row {
    const char *head;
    bool to_head, to_1_0;
    enum http_framing framing, announced;
    unsigned long long length;
};

static const struct framing_row framings[] = {
    {"POST / HTTP/1.1\r\n\r\n", 0, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_NONE, 0},
    {"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 0, 0, HTTP_FRAMING_LENGTH, HTTP_FRAMING_LENGTH, 3},
    {"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n", 0, 0, HTTP_FRAMING_LENGTH, HTTP_FRAMING_LENGTH, 3},
    {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, HTTP_FRAMING_CHUNKED,
     HTTP_FRAMING_CHUNKED, 0},
    {"HTTP/1.1 200 OK\r\n\r\n", 0, 0, HTTP_FRAMING_CLOSE, HTTP_FRAMING_NONE, 0},
    {"HTTP/1.1 200 OK\r\n\r\n", 1, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_NONE, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 0, 1, HTTP_FRAMING_LENGTH, HTTP_FRAMING_LENGTH, 9},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 1, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_LENGTH, 9},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 1, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_CHUNKED,
     0},
    {"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", 0, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_LENGTH, 9},
    {"HTTP/1.1 204 X\r\nContent-Length: 9\r\n\r\n", 0, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_NONE, 9},
    {"HTTP/1.1 100 X\r\nContent-Length: 9\r\n\r\n", 0, 0, HTTP_FRAMING_NONE, HTTP_FRAMING_NONE, 9},
    {"HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n", 0, 0, HTTP_FRAMING_LENGTH, HTTP_FRAMING_LENGTH, 0},
};

static void heads_decide_the_framing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(framings); i++) {
        const struct framing_row *row = &framings[i];
        const uint8_t *bytes = (const uint8_t *)row->head;
        bool answer = strncmp(row->head, "HTTP", 4) == 0, fine;
        struct http_fault fault;
        struct http_head head;
        struct http_body body;

        http_head_begin(&head, answer ? HTTP_HEAD_ANSWER : HTTP_HEAD_REQUEST);
        assert_int_equal(http_head_parse(&head, bytes, strlen(row->head), &fault), HTTP_DONE);
        fine = answer ? http_body_of_answer(&body, &head, bytes, row->to_head, row->to_1_0, &fault)
                      : http_body_of_request(&body, &head, bytes, &fault);
        assert_true(fine);
        assert_int_equal(body.framing, row->framing);
        assert_int_equal(body.announced, row->announced);
        assert_int_equal(body.length, row->length);
    }
}

static void a_chunked_answer_to_1_0_is_the_backends_fault(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct http_fault fault;
    struct http_head head;
    struct http_body body;

    (void)state;
    http_head_begin(&head, HTTP_HEAD_ANSWER);
    assert_int_equal(http_head_parse(&head, (const uint8_t *)text, sizeof text - 1, &fault), HTTP_DONE);
    assert_false(http_body_of_answer(&body, &head, (const uint8_t *)text, false, true, &fault));
    assert_int_equal(fault.code, 502);
}

static void a_length_ends_exactly(void **state)
{
    struct http_body body = {.framing = HTTP_FRAMING_LENGTH, .remaining = 5};
    const uint8_t *bytes = (const uint8_t *)"helloGET /";
    struct http_run run;

    (void)state;
    assert_int_equal(http_body_next(&body, bytes, 2, &run), HTTP_MORE);
    assert_int_equal(run.pass, 2);
    assert_int_equal(http_body_next(&body, bytes + 2, 8, &run), HTTP_DONE);
    assert_int_equal(run.pass, 3);
    assert_int_equal(http_body_next(&body, bytes + 5, 5, &run), HTTP_DONE);
    assert_int_equal(run.pass, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_pass_or_break),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
        cmocka_unit_test(heads_decide_the_framing),
        cmocka_unit_test(a_chunked_answer_to_1_0_is_the_backends_fault),
        cmocka_unit_test(a_length_ends_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
