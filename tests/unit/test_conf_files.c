#include "conf_files.h"

#include "conf_fixture.h"
#include "pack.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every test runs in a directory of its own. */
static char directory[] = "/tmp/p11gate-conf-files-XXXXXX";

static int enter_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) && chdir(directory) == 0 ? 0 : -1;
}

static int leave_directory(void **state)
{
    static const char *const made[] = {"a", "b", "empty", "fifo", "huge", "secret"};

    (void)state;
    for (size_t i = 0; i < ROWS(made); i++)
        (void)unlink(made[i]);
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static void assert_file(struct conf_files *files, const char *path, const char *expected, size_t expected_len)
{
    struct err err;
    size_t len = 0;
    const char *bytes = conf_files_get(files, path, &len, &err);

    assert_non_null(bytes);
    assert_int_equal(len, expected_len);
    assert_memory_equal(bytes, expected, expected_len);
    assert_int_equal(bytes[len], 0);
}

static void assert_refused(struct conf_files *files, const char *path, const char *reason)
{
    struct err err;
    size_t len;

    assert_null(conf_files_get(files, path, &len, &err));
    assert_string_equal(err.text, reason);
}

static void reads_each_file_once(void **state)
{
    struct conf_files *files = conf_files_from_disk();

    (void)state;
    assert_null(conf_files_first(files));
    fixture_write("a", "one\0two", 7);
    assert_file(files, "a", "one\0two", 7);
    fixture_write("a", "other", 5);
    assert_file(files, "a", "one\0two", 7);
    assert_int_equal(unlink("a"), 0);
    assert_file(files, "a", "one\0two", 7);
    assert_string_equal(conf_files_first(files), "a");
    conf_files_free(files);
}

static void refuses_what_is_no_file(void **state)
{
    struct conf_files *files = conf_files_from_disk();

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    fixture_write("huge", "x", 1);
    assert_int_equal(truncate("huge", CONF_FILE_BYTES_MAX + 1), 0);
    assert_refused(files, "absent", "cannot be read: No such file or directory");
    assert_refused(files, "", "cannot be read: No such file or directory");
    assert_refused(files, ".", "not a regular file");
    assert_refused(files, "fifo", "not a regular file"); /* nor does it wait for a writer */
    assert_refused(files, "/dev/null", "not a regular file");
    assert_refused(files, "huge", "larger than 4 MB");
    assert_null(conf_files_first(files));
    /* What was refused is asked for again. */
    fixture_write("absent", "now", 3);
    assert_file(files, "absent", "now", 3);
    assert_int_equal(unlink("absent"), 0);
    conf_files_free(files);
}

static void limits_the_whole(void **state)
{
    struct conf_files *files = conf_files_from_disk();
    char path[16] = "huge";

    (void)state;
    fixture_write("huge", "x", 1);
    assert_int_equal(truncate("huge", CONF_FILE_BYTES_MAX), 0);
    for (int i = 0; i < CONF_FILES_BYTES_MAX / CONF_FILE_BYTES_MAX; i++) {
        struct err err;
        size_t len;

        assert_non_null(conf_files_get(files, path, &len, &err));
        (void)snprintf(path, sizeof path, ".%.*s/huge", i, "/////////");
    }
    assert_refused(files, path, "too much: a configuration has at most 16384 files and 32 MB");
    conf_files_free(files);
}

static void lists_a_directory(void **state)
{
    struct conf_files *files = conf_files_from_disk(), *copy;
    struct buf packed;
    struct err err;

    (void)state;
    assert_int_equal(mkdir("d", 0700), 0);
    fixture_write("d/b.conf", "", 0);
    fixture_write("d/a.conf", "", 0);
    fixture_write("d/.conf", "", 0);
    fixture_write("d/.c.conf", "", 0);
    fixture_write("d/e.conf.bak", "", 0);
    fixture_write("d/f\n.conf", "", 0);
    assert_string_equal(conf_files_list(files, "d", ".conf", &err), "a.conf\nb.conf\n");
    fixture_write("d/c.conf", "", 0);
    assert_string_equal(conf_files_list(files, "d", ".conf", &err), "a.conf\nb.conf\n");
    buf_init(&packed, 4096);
    assert_true(conf_files_pack(files, &packed));
    copy = conf_files_from_memory(buf_data(&packed), buf_len(&packed));
    assert_string_equal(conf_files_list(copy, "d", ".conf", &err), "a.conf\nb.conf\n");
    assert_null(conf_files_list(copy, "other", ".conf", &err));
    assert_string_equal(err.text, "not among the files that were read at the start");
    assert_null(conf_files_list(files, "absent", ".conf", &err));
    assert_string_equal(err.text, "cannot be read: No such file or directory");
    buf_free(&packed);
    conf_files_free(copy);
    conf_files_free(files);
    assert_int_equal(system("rm -r d"), 0);
}

static void refuses_secrets_that_everybody_reads(void **state)
{
    static const struct {
        mode_t mode;
        bool good;
    } rows[] = {{0600, true}, {0640, true}, {0400, true}, {0604, false}, {0644, false}, {0602, false}};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct conf_files *files = conf_files_from_disk();
        struct err err = {.text = ""};
        size_t len;

        (void)unlink("secret");
        fixture_write("secret", "s", 1);
        assert_int_equal(chmod("secret", rows[i].mode), 0);
        assert_int_equal(conf_files_secret(files, "secret", &len, &err) != NULL, rows[i].good);
        assert_string_equal(err.text, rows[i].good ? "" : "everybody may read it: chmod o= takes that away");
        conf_files_free(files);
    }
}

static void packs_what_was_asked_for(void **state)
{
    struct conf_files *files = conf_files_from_disk(), *copy;
    struct buf packed;

    (void)state;
    fixture_write("b", "second", 6);
    fixture_write("a", "fir\0st", 6);
    fixture_write("empty", "", 0);
    assert_file(files, "b", "second", 6);
    assert_file(files, "a", "fir\0st", 6);
    assert_file(files, "empty", "", 0);
    buf_init(&packed, 4096);
    assert_true(conf_files_pack(files, &packed));
    conf_files_free(files);
    copy = conf_files_from_memory(buf_data(&packed), buf_len(&packed));
    buf_free(&packed);
    assert_non_null(copy);
    assert_string_equal(conf_files_first(copy), "b");
    assert_file(copy, "a", "fir\0st", 6);
    assert_file(copy, "b", "second", 6);
    assert_file(copy, "empty", "", 0);
    fixture_write("huge", "x", 1);
    assert_refused(copy, "huge", "not among the files that were read at the start");
    conf_files_free(copy);
}

static void says_when_the_packed_do_not_fit(void **state)
{
    static const struct fixture_file list[] = {{"a", "0123456789", 0}, {NULL, NULL, 0}};
    struct conf_files *files = fixture_files(list);
    struct buf packed;

    (void)state;
    buf_init(&packed, 12);
    assert_false(conf_files_pack(files, &packed));
    buf_free(&packed);
    conf_files_free(files);
}

static void packed_pair(struct buf *out, uint32_t count, const char *first, const char *second)
{
    buf_init(out, 4096);
    assert_true(pack_u32(out, count) && pack_text(out, first) && pack_bytes(out, "x", 1) &&
                pack_text(out, second) && pack_bytes(out, "y", 1));
}

static void refuses_malformed_memory(void **state)
{
    static const struct {
        uint32_t count;
        const char *first, *second;
        bool good;
    } rows[] = {
        {2, "a", "b", true},           {1, "a", "b", false}, {3, "a", "b", false}, {0, "a", "b", false},
        {0xffffffff, "a", "b", false}, {2, "a", "a", false}, {2, "a", "", false},  {2, "", "b", false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf packed;
        struct conf_files *files;

        packed_pair(&packed, rows[i].count, rows[i].first, rows[i].second);
        files = conf_files_from_memory(buf_data(&packed), buf_len(&packed));
        assert_int_equal(files != NULL, rows[i].good);
        conf_files_free(files);
        buf_free(&packed);
    }
}

static void refuses_every_cut(void **state)
{
    struct buf packed;

    (void)state;
    packed_pair(&packed, 2, "a", "b");
    for (size_t len = 0; len < buf_len(&packed); len++)
        assert_null(conf_files_from_memory(buf_data(&packed), len));
    assert_true(buf_add(&packed, "", 1));
    assert_null(conf_files_from_memory(buf_data(&packed), buf_len(&packed)));
    buf_free(&packed);
    conf_files_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_file_once),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(limits_the_whole),
        cmocka_unit_test(lists_a_directory),
        cmocka_unit_test(refuses_secrets_that_everybody_reads),
        cmocka_unit_test(packs_what_was_asked_for),
        cmocka_unit_test(refuses_malformed_memory),
        cmocka_unit_test(says_when_the_packed_do_not_fit),
        cmocka_unit_test(refuses_every_cut),
    };

    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
