/*
 * What libFuzzer's main does when it is given files: each file, and each file of each folder, is
 * handed to the target once. Linked instead of libFuzzer where the compiler has none.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned replayed;

static void replay_file(const char *path)
{
    enum { INPUT_BYTES_MAX = 1 << 20 };
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    FILE *file = fopen(path, "rb");

    if (!data || !file) {
        perror(path);
        exit(1);
    }
    /* An allocation of the exact length, so that a sanitizer sees a read past the end. */
    size_t len = fread(data, 1, INPUT_BYTES_MAX, file);
    uint8_t *exact = realloc(data, len ? len : 1);
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    replayed++;
}

static void replay_folder(const char *path)
{
    DIR *folder = opendir(path);

    if (!folder) {
        perror(path);
        exit(1);
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        replay_file(name);
    }
    (void)closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    printf("%u inputs replayed\n", replayed);
    return replayed ? 0 : 1;
}
