/* The PIN's file: which are read, which are refused, and that the PIN arrives whole. */
#include "unit.h"

#include "pin_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIGNER_UID = 64999, STRANGER_UID = 64998 };

static char folder[] = "/tmp/p11gate-pin-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/pin", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_pin(const void *bytes, size_t len, mode_t mode)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_pin_is_taken_without_its_newline(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *pin;
    } rows[] = {
        {"1234\n", 5, "1234"},
        {"1234", 4, "1234"},
        {"1\n", 2, "1"},
        {" 12 34 \n", 8, " 12 34 "},
        {"12\n\n", 4, "12\n"},
        {"a\nb", 3, "a\nb"},
        {"p\xc3\xa4ss\n", 6, "p\xc3\xa4ss"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct pin pin;
        struct err err;

        write_pin(rows[i].bytes, rows[i].len, 0600);
        if (!pin_file_read(path, SIGNER_UID, &pin, &err))
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(pin.len, strlen(rows[i].pin));
        assert_memory_equal(pin.memory, rows[i].pin, pin.len);
        pin_wipe(&pin);
        assert_null(pin.memory);
    }
}

static void what_is_no_pin_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *what;
    } rows[] = {{"", 0, "empty"},
                {"\n", 1, "a newline alone"},
                {"12\0"
                 "34\n",
                 6, "a NUL inside"}};
    static char longest[PIN_BYTES_MAX + 2];
    struct pin pin;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        write_pin(rows[i].bytes, rows[i].len, 0600);
        if (pin_file_read(path, SIGNER_UID, &pin, &err) || pin.memory)
            fail_msg("accepted: %s", rows[i].what);
    }
    memset(longest, 'x', sizeof longest);
    write_pin(longest, PIN_BYTES_MAX, 0600);
    assert_true(pin_file_read(path, SIGNER_UID, &pin, &err));
    pin_wipe(&pin);
    write_pin(longest, PIN_BYTES_MAX + 1, 0600);
    assert_false(pin_file_read(path, SIGNER_UID, &pin, &err));
    write_pin(longest, PIN_BYTES_MAX + 2, 0600);
    assert_false(pin_file_read(path, SIGNER_UID, &pin, &err));
}

static void a_file_that_others_can_touch_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0660, 0620, 0602, 0610, 0601, 0666, 0777};
    struct pin pin;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ROWS(modes); i++) {
        write_pin("1234\n", 5, modes[i]);
        if (pin_file_read(path, SIGNER_UID, &pin, &err))
            fail_msg("accepted: mode %o", (unsigned)modes[i]);
        assert_non_null(strstr(err.text, "chmod 600"));
    }
    write_pin("1234\n", 5, 0400);
    assert_true(pin_file_read(path, SIGNER_UID, &pin, &err));
    pin_wipe(&pin);
}

static void what_is_no_file_is_refused_and_does_not_block(void **state)
{
    struct pin pin;
    struct err err;

    (void)state;
    (void)unlink(path);
    assert_false(pin_file_read(path, SIGNER_UID, &pin, &err));
    assert_false(pin_file_read(folder, SIGNER_UID, &pin, &err));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(pin_file_read(path, SIGNER_UID, &pin, &err));
    assert_non_null(strstr(err.text, "not a file"));
}

static void it_belongs_to_root_or_to_the_signers_user(void **state)
{
    struct pin pin;
    struct err err;

    (void)state;
    if (geteuid() != 0)
        skip();
    write_pin("1234\n", 5, 0600);
    assert_int_equal(chown(path, SIGNER_UID, 0), 0);
    assert_true(pin_file_read(path, SIGNER_UID, &pin, &err));
    pin_wipe(&pin);
    assert_int_equal(chown(path, STRANGER_UID, 0), 0);
    assert_false(pin_file_read(path, SIGNER_UID, &pin, &err));
    assert_non_null(strstr(err.text, "belongs to uid 64998"));
}

static void an_error_never_shows_the_pin(void **state)
{
    struct pin pin;
    struct err err = {.text = ""};

    (void)state;
    write_pin("sesame\n", 7, 0644);
    assert_false(pin_file_read(path, SIGNER_UID, &pin, &err));
    assert_null(strstr(err.text, "sesame"));
}

static void the_pipe_carries_the_pin_and_ends(void **state)
{
    struct pin pin;
    struct err err;
    char got[16];
    int fd;

    (void)state;
    write_pin("1234\n", 5, 0600);
    assert_true(pin_file_read(path, SIGNER_UID, &pin, &err));
    fd = pin_pipe(&pin, &err);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(read(fd, got, sizeof got), 4);
    assert_memory_equal(got, "1234", 4);
    assert_int_equal(read(fd, got, sizeof got), 0);
    close(fd);
    pin_wipe(&pin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pin_is_taken_without_its_newline),
        cmocka_unit_test(what_is_no_pin_is_refused),
        cmocka_unit_test(a_file_that_others_can_touch_is_refused),
        cmocka_unit_test(what_is_no_file_is_refused_and_does_not_block),
        cmocka_unit_test(it_belongs_to_root_or_to_the_signers_user),
        cmocka_unit_test(an_error_never_shows_the_pin),
        cmocka_unit_test(the_pipe_carries_the_pin_and_ends),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
