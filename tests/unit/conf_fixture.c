#include "conf_fixture.h"

#include "pack.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_files *fixture_files(const struct fixture_file *list)
{
    struct buf packed;
    struct conf_files *files;
    uint32_t count = 0;

    while (list[count].path)
        count++;
    buf_init(&packed, 1 << 22);
    assert_true(pack_u32(&packed, count));
    for (uint32_t i = 0; i < count; i++) {
        assert_true(pack_text(&packed, list[i].path));
        assert_true(pack_bytes(&packed, list[i].text, list[i].len ? list[i].len : strlen(list[i].text)));
    }
    files = conf_files_from_memory(buf_data(&packed), buf_len(&packed));
    assert_non_null(files);
    buf_free(&packed);
    return files;
}

struct conf *fixture_read(struct conf_files *files, const char *path)
{
    static struct conf_errors errors;
    struct conf *conf = conf_read(files, path, &errors);

    for (size_t i = 0; i < errors.count; i++)
        print_error("%s\n", errors.items[i].text);
    assert_non_null(conf);
    assert_int_equal(errors.count, 0);
    return conf;
}

char *fixture_slurp(const char *path)
{
    enum { BYTES_MAX = 1 << 20 };
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, BYTES_MAX + 1);

    if (!file)
        print_error("%s is not there\n", path);
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, BYTES_MAX, file) < BYTES_MAX);
    (void)fclose(file);
    return text;
}

void fixture_write(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}
