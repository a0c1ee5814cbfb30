#include "ftp_line.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *in;
    size_t in_len;
    enum ftp_line_status status;
    const char *line;
    size_t taken;
} command_rows[] = {
    {BYTES("NOOP\r\n"), FTP_LINE_READY, "NOOP", 6},
    {BYTES("NOOP\n"), FTP_LINE_READY, "NOOP", 5},
    {BYTES("NOOP\r\nQUIT\r\n"), FTP_LINE_READY, "NOOP", 6},
    {BYTES("\r\n"), FTP_LINE_READY, "", 2},
    {BYTES(""), FTP_LINE_MORE, NULL, 0},
    {BYTES("NOOP"), FTP_LINE_MORE, NULL, 0},
    {BYTES("NOOP\r"), FTP_LINE_MORE, NULL, 0},
    {BYTES("STOR \xc3\xa4 b\t.txt \r\n"), FTP_LINE_READY, "STOR \xc3\xa4 b\t.txt ", 17},
    /* F11: Telnet sequences, as clients send them in front of ABOR */
    {BYTES("\xff\xf4\xff\xf2"
           "ABOR\r\n"),
     FTP_LINE_READY, "ABOR", 10},
    {BYTES("\xff\xf4\xff\xf2"), FTP_LINE_MORE, NULL, 0},
    {BYTES("\xff\xf4\xff\xf2\xff\xf4\xff\xf2"
           "ABOR\r\n"),
     FTP_LINE_READY, "ABOR", 14},
    {BYTES("STOR \xff\xff.txt\r\n"), FTP_LINE_READY, "STOR \xff.txt", 13},
    /* ... and nothing else: 255 is a letter in Latin-1, and a name is what the client says it is */
    {BYTES("STOR \xff\xe4.txt\r\n"), FTP_LINE_READY, "STOR \xff\xe4.txt", 13},
    {BYTES("STOR m\xff.txt\r\n"), FTP_LINE_READY, "STOR m\xff.txt", 13},
    {BYTES("STOR \xff\xff\xff.txt\r\n"), FTP_LINE_READY, "STOR \xff\xff.txt", 14},
    {BYTES("STOR \xff\xfb\x01x\r\n"), FTP_LINE_READY, "STOR \xff\xfb\x01x", 11},
    {BYTES("STOR a\xff\r\n"), FTP_LINE_READY, "STOR a\xff", 9},
    {BYTES("STOR a\xff\xff\r\n"), FTP_LINE_READY, "STOR a\xff", 10},
    {BYTES("STOR a\xff\xf4\r\n"), FTP_LINE_READY, "STOR a", 10},
    /* what one reader takes for a line end and the other does not */
    {BYTES("STOR a\rDELE b\r\n"), FTP_LINE_BAD, NULL, 15},
    {BYTES("STOR a\0DELE b\r\n"), FTP_LINE_BAD, NULL, 15},
    {BYTES("STOR a\r\0\r\n"), FTP_LINE_BAD, NULL, 10},
    {BYTES("NOOP\r\r\n"), FTP_LINE_BAD, NULL, 7},
    {BYTES("\0\n"), FTP_LINE_BAD, NULL, 2},
};

static void f13_commands_are_single_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(command_rows); i++) {
        struct ftp_line line;
        size_t taken = 99;
        enum ftp_line_status status =
            ftp_line_read((const uint8_t *)command_rows[i].in, command_rows[i].in_len, &line, &taken);
        if (status != command_rows[i].status || taken != command_rows[i].taken)
            fail_msg("row %zu: status %d, %zu taken", i, (int)status, taken);
        if (command_rows[i].line)
            assert_string_equal(line.text, command_rows[i].line);
    }
}

/* A command of len letters, with CRLF. */
static enum ftp_line_status read_long(size_t len, char letter, bool with_end)
{
    uint8_t *data = malloc(len + 2);
    struct ftp_line line;
    size_t taken;
    assert_non_null(data);
    memset(data, letter, len);
    memcpy(data + len, "\r\n", 2);
    enum ftp_line_status status = ftp_line_read(data, with_end ? len + 2 : len, &line, &taken);
    if (status == FTP_LINE_READY && letter != '\xff')
        assert_int_equal(line.len, len);
    free(data);
    return status;
}

static void f13_commands_have_a_limit(void **state)
{
    (void)state;
    assert_int_equal(read_long(FTP_COMMAND_MAX, 'A', true), FTP_LINE_READY);
    assert_int_equal(read_long(FTP_COMMAND_MAX + 1, 'A', true), FTP_LINE_TOO_LONG);
    assert_int_equal(read_long(FTP_COMMAND_RAW_MAX - 1, 'A', false), FTP_LINE_MORE);
    assert_int_equal(read_long(FTP_COMMAND_RAW_MAX, 'A', false), FTP_LINE_TOO_LONG);
    assert_int_equal(read_long(1 << 20, 'A', false), FTP_LINE_TOO_LONG);
    assert_int_equal(read_long(1 << 20, '\xff', true), FTP_LINE_TOO_LONG);
    assert_int_equal(read_long(FTP_COMMAND_RAW_MAX - 2, '\xff', true), FTP_LINE_READY);
}

static const struct {
    const char *line, *verb, *argument;
} parse_rows[] = {
    {"NOOP", "NOOP", ""},
    {"retr file", "RETR", "file"},
    {"RETR  two blanks ", "RETR", " two blanks "},
    {"RETR ", "RETR", ""},
    {"", "", ""},
    {" NOOP", "", "NOOP"},
    {"ABCDEFGH x", "ABCDEFGH", "x"},
    {"ABCDEFGHI x", "", "x"},
    {"RETR\tfile", "", ""},
    {"X-Y z", "", "z"},
    {"xsha512 f", "XSHA512", "f"},
    {"XMD5", "XMD5", ""},
    {"5DMX", "", ""},
    {"NO\x10P", "", ""},
    {"STOR\xc3\xa4", "", ""},
    {"{SER x", "", "x"},
    {"220 x", "", "x"},
};

static void commands_are_a_verb_and_an_argument(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(parse_rows); i++) {
        struct ftp_line line = {.len = strlen(parse_rows[i].line)};
        struct ftp_command command;
        memcpy(line.text, parse_rows[i].line, line.len);
        ftp_line_parse(&line, &command);
        assert_string_equal(command.verb, parse_rows[i].verb);
        assert_string_equal(command.argument, parse_rows[i].argument);
    }
}

static const struct {
    const char *in;
    enum ftp_line_status status;
    unsigned code;
    size_t taken;
    const char *text;
} reply_rows[] = {
    {"220 hello\r\n", FTP_LINE_READY, 220, 11, "220 hello\r\n"},
    {"220 hello\n", FTP_LINE_READY, 220, 10, "220 hello\r\n"},
    {"220\r\n", FTP_LINE_READY, 220, 5, "220\r\n"},
    {"220 one\r\n331 two\r\n", FTP_LINE_READY, 220, 9, "220 one\r\n"},
    {"220 no end", FTP_LINE_MORE, 0, 0, ""},
    {"211-Features:\r\n SIZE\r\n211 End\r\n", FTP_LINE_READY, 211, 31, NULL},
    {"211-a\r\n211-b\r\n211 c\r\n", FTP_LINE_READY, 211, 21, NULL},
    {"211-a\r\n226 b\r\n", FTP_LINE_MORE, 211, 14, NULL},
    {"211-a\r\n2111 b\r\n211 End\r\n", FTP_LINE_READY, 211, 24, NULL},
    {"211-a\r\n\r\n211 End\r\n", FTP_LINE_READY, 211, 18, NULL},
    {"230 a\rb\r\n", FTP_LINE_READY, 230, 9, "230 a b\r\n"},
    {"hello\r\n", FTP_LINE_BAD, 0, 7, NULL},
    {"\r\n", FTP_LINE_BAD, 0, 2, NULL},
    {"22 hello\r\n", FTP_LINE_BAD, 0, 10, NULL},
    {"2200 hello\r\n", FTP_LINE_BAD, 0, 12, NULL},
    {"220_hello\r\n", FTP_LINE_BAD, 0, 11, NULL},
    {"631 protected\r\n", FTP_LINE_BAD, 0, 15, NULL},
    {"020 zero\r\n", FTP_LINE_BAD, 0, 10, NULL},
    {"2x0 hex\r\n", FTP_LINE_BAD, 0, 9, NULL},
};

static void f13_replies_are_read_to_their_last_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(reply_rows); i++) {
        struct ftp_reply reply;
        size_t taken = 99;
        ftp_reply_init(&reply);
        enum ftp_line_status status =
            ftp_reply_add(&reply, (const uint8_t *)reply_rows[i].in, strlen(reply_rows[i].in), &taken);
        if (status != reply_rows[i].status || taken != reply_rows[i].taken ||
            reply.code != reply_rows[i].code)
            fail_msg("row %zu: status %d, code %u, %zu taken", i, (int)status, reply.code, taken);
        if (reply_rows[i].text) {
            assert_int_equal(buf_len(&reply.text), strlen(reply_rows[i].text));
            if (buf_len(&reply.text))
                assert_memory_equal(buf_data(&reply.text), reply_rows[i].text, buf_len(&reply.text));
        }
        ftp_reply_free(&reply);
    }
}

/* F13: one byte a packet, what is not taken being offered again. */
static void f13_replies_come_in_pieces(void **state)
{
    static const char text[] = "211-Features:\r\n SIZE\r\n211 End\r\n200 next\r\n";
    const uint8_t *data = (const uint8_t *)text;
    struct ftp_reply reply;
    size_t at = 0, taken;
    (void)state;
    ftp_reply_init(&reply);
    for (size_t seen = 1; !reply.complete && seen < sizeof text; seen++) {
        (void)ftp_reply_add(&reply, data + at, seen - at, &taken);
        at += taken;
    }
    assert_int_equal(at, 31);
    assert_int_equal(buf_len(&reply.text), 31);
    ftp_reply_reset(&reply);
    assert_int_equal(ftp_reply_add(&reply, data + at, sizeof text - 1 - at, &taken), FTP_LINE_READY);
    assert_int_equal(reply.code, 200);
    ftp_reply_free(&reply);
}

static void f13_replies_have_limits(void **state)
{
    static uint8_t line[FTP_REPLY_LINE_MAX + 1];
    struct ftp_reply reply;
    size_t taken;
    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "220 ", 4);
    ftp_reply_init(&reply);
    assert_int_equal(ftp_reply_add(&reply, line, FTP_REPLY_LINE_MAX - 1, &taken), FTP_LINE_MORE);
    assert_int_equal(ftp_reply_add(&reply, line, FTP_REPLY_LINE_MAX, &taken), FTP_LINE_TOO_LONG);

    line[3] = '-';
    line[FTP_REPLY_LINE_MAX - 1] = '\n';
    enum ftp_line_status status = FTP_LINE_MORE;
    unsigned lines = 0;
    while (status == FTP_LINE_MORE && lines <= FTP_REPLY_BYTES_MAX / FTP_REPLY_LINE_MAX + 1) {
        status = ftp_reply_add(&reply, line, FTP_REPLY_LINE_MAX, &taken);
        lines++;
    }
    assert_int_equal(status, FTP_LINE_TOO_LONG);
    ftp_reply_free(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f13_commands_are_single_lines),
        cmocka_unit_test(f13_commands_have_a_limit),
        cmocka_unit_test(commands_are_a_verb_and_an_argument),
        cmocka_unit_test(f13_replies_are_read_to_their_last_line),
        cmocka_unit_test(f13_replies_come_in_pieces),
        cmocka_unit_test(f13_replies_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
