/* Sealed memory and counter pages: nobody changes what was sealed, nobody is fooled by what was not. */
#include "unit.h"

#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counters.h"
#include "sealed.h"

static void sealed_memory_is_read_and_cannot_be_changed(void **state)
{
    struct err err;
    struct sealed sealed;
    struct stat status;
    int fd = sealed_new("test", "secret", 6, &err);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_not_equal(ftruncate(fd, 3), 0);
    assert_int_not_equal(ftruncate(fd, 30), 0);
    assert_int_not_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);

    assert_true(sealed_map(fd, 6, &sealed, &err));
    assert_int_equal(sealed.len, 6);
    assert_memory_equal(sealed.data, "secret", 6);
    sealed_unmap(&sealed);
    assert_false(sealed_map(fd, 5, &sealed, &err));
    close(fd);
}

static void no_bytes_are_fine_too(void **state)
{
    struct err err;
    struct sealed sealed;
    int fd = sealed_new("empty", NULL, 0, &err);

    (void)state;
    assert_true(fd >= 0);
    assert_true(sealed_map(fd, 6, &sealed, &err));
    assert_int_equal(sealed.len, 0);
    assert_non_null(sealed.data);
    sealed_unmap(&sealed);
    close(fd);
}

static void what_is_not_sealed_is_refused(void **state)
{
    static const struct {
        int seals;
        const char *what;
    } rows[] = {
        {0, "no seal"},
        {F_SEAL_SHRINK | F_SEAL_GROW, "it can be written"},
        {F_SEAL_GROW | F_SEAL_WRITE, "it can shrink: reading it would be SIGBUS"},
        {F_SEAL_SHRINK | F_SEAL_WRITE, "it can grow"},
    };
    struct err err;
    struct sealed sealed;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int fd = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_int_equal(write(fd, "abc", 3), 3);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, rows[i].seals), 0);
        if (sealed_map(fd, 100, &sealed, &err))
            fail_msg("accepted: %s", rows[i].what);
        close(fd);
    }
    assert_false(sealed_map(file, SIZE_MAX, &sealed, &err));
    assert_false(sealed_map(-1, 100, &sealed, &err));
    close(file);
}

static void sameness_is_of_bytes_and_of_seals(void **state)
{
    struct err err;
    int one = sealed_new("one", "abc", 3, &err), two = sealed_new("two", "abc", 3, &err);
    int other = sealed_new("other", "abd", 3, &err), longer = sealed_new("longer", "abcd", 4, &err);
    int loose = memfd_create("loose", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(write(loose, "abc", 3), 3);
    assert_true(sealed_same(one, two, 3));
    assert_false(sealed_same(one, two, 2));
    assert_false(sealed_same(one, other, 9));
    assert_false(sealed_same(one, longer, 9));
    assert_false(sealed_same(one, loose, 9));
    assert_false(sealed_same(one, -1, 9));
    close(one);
    close(two);
    close(other);
    close(longer);
    close(loose);
}

static void a_counter_page_is_shared_and_keeps_its_size(void **state)
{
    struct err err;
    int fd = counters_new("counters", sizeof(struct counters_page), &err);
    struct counters_page *writer, *reader;

    (void)state;
    assert_true(fd >= 0);
    assert_int_not_equal(ftruncate(fd, 1), 0);
    assert_int_not_equal(ftruncate(fd, 1 << 30), 0);
    writer = counters_map(fd, sizeof *writer, &err);
    reader = counters_map(fd, sizeof *reader, &err);
    assert_non_null(writer);
    assert_non_null(reader);
    counter_add(&writer->listeners[3].bytes_in, 40);
    counter_add(&writer->listeners[3].bytes_in, 2);
    counter_set(&writer->slots[COUNTERS_SLOTS_MAX - 1].id, 9);
    assert_true(counter_get(&reader->listeners[3].bytes_in) == 42);
    assert_true(counter_get(&reader->slots[COUNTERS_SLOTS_MAX - 1].id) == 9);
    munmap(writer, sizeof *writer);
    munmap(reader, sizeof *reader);
    close(fd);
}

static void a_page_of_another_size_is_refused(void **state)
{
    struct err err;
    int small = counters_new("small", 100, &err), loose = memfd_create("loose", MFD_CLOEXEC);

    (void)state;
    assert_null(counters_map(small, 101, &err));
    assert_null(counters_map(small, 99, &err));
    assert_int_equal(ftruncate(loose, 100), 0);
    assert_null(counters_map(loose, 100, &err));
    close(small);
    close(loose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_memory_is_read_and_cannot_be_changed),
        cmocka_unit_test(no_bytes_are_fine_too),
        cmocka_unit_test(what_is_not_sealed_is_refused),
        cmocka_unit_test(sameness_is_of_bytes_and_of_seals),
        cmocka_unit_test(a_counter_page_is_shared_and_keeps_its_size),
        cmocka_unit_test(a_page_of_another_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
