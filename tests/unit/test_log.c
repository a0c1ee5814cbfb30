#include "log.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

/* What the housekeeper would read. */
static void read_lines(char *out, size_t size)
{
    ssize_t got;

    assert_true(log_flush());
    got = recv(pair[1], out, size - 1, MSG_DONTWAIT);
    out[got > 0 ? got : 0] = 0;
}

static void a_clients_bytes_stay_on_their_line(void **state)
{
    static const struct {
        const char *value, *shown;
    } rows[] = {
        {"simple", " k=simple\n"},
        {"two words", " k=\"two words\"\n"},
        {"line\nevent=forged", " k=\"line\\x0aevent=forged\"\n"},
        {"quote\" level=x", " k=\"quote\\\" level=x\"\n"},
        {"back\\slash", " k=\"back\\\\slash\"\n"},
        {"\xc3\xa4", " k=\"\\xc3\\xa4\"\n"},
        {"\x1b[31m", " k=\"\\x1b[31m\"\n"},
        {"", "event=test\n"},
        {NULL, "event=test\n"},
    };

    (void)state;
    log_open(pair[0]);
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct log_line line;
        char text[8192];

        log_begin(&line, LOG_LEVEL_INFO, "test");
        log_text(&line, "k", rows[i].value);
        log_end(&line);
        read_lines(text, sizeof text);
        if (!strstr(text, rows[i].shown) || strchr(text, '\n') != text + strlen(text) - 1)
            fail_msg("row %zu: %s", i, text);
        assert_int_equal(strncmp(text, "time=2", 6), 0);
    }
}

static void a_line_has_an_end_even_when_values_are_long(void **state)
{
    struct log_line line;
    char value[3000], text[16384];

    (void)state;
    memset(value, 'v', sizeof value);
    log_begin(&line, LOG_LEVEL_INFO, "test");
    log_bytes(&line, "first", value, sizeof value);
    log_bytes(&line, "second", value, sizeof value); /* does not fit: left out whole */
    log_number(&line, "third", -3);
    log_end(&line);
    read_lines(text, sizeof text);
    assert_null(strstr(text, "second"));
    assert_non_null(strstr(text, " third=-3\n"));
}

static void what_is_below_the_level_is_not_written(void **state)
{
    char text[4096];

    (void)state;
    log_set_level(LOG_LEVEL_WARNING);
    log_event(LOG_LEVEL_INFO, "quiet", NULL);
    log_event(LOG_LEVEL_ERROR, "loud", "because of %d", 7);
    log_set_level(LOG_LEVEL_INFO);
    read_lines(text, sizeof text);
    assert_null(strstr(text, "quiet"));
    assert_non_null(strstr(text, "event=loud reason=\"because of 7\"\n"));
}

/* The reader sleeps: writing goes on without blocking, and what was lost is counted. */
static void a_full_log_drops_and_counts(void **state)
{
    char text[65536];
    uint64_t lines = 0, dropped;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        log_event(LOG_LEVEL_INFO, "flood", "%064d", i);
        if (i % 100 == 0)
            (void)log_flush();
    }
    dropped = log_dropped();
    assert_true(dropped > 0);
    for (bool done = false; !done;) {
        ssize_t got;

        done = log_flush();
        while ((got = recv(pair[1], text, sizeof text, MSG_DONTWAIT)) > 0)
            for (ssize_t i = 0; i < got; i++)
                lines += text[i] == '\n';
    }
    assert_int_equal(lines + dropped, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_bytes_stay_on_their_line),
        cmocka_unit_test(a_line_has_an_end_even_when_values_are_long),
        cmocka_unit_test(what_is_below_the_level_is_not_written),
        cmocka_unit_test(a_full_log_drops_and_counts),
    };

    return cmocka_run_group_tests(tests, open_pair, NULL);
}
