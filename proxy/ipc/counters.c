#include "counters.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int counters_new(const char *name, size_t size, struct err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        err_errno(err, "%s: cannot make memory to share", name);
        return -1;
    }
    /* Sealed in size: a process that cut its own page would kill its readers with SIGBUS. */
    if (fchmod(fd, 0600) || ftruncate(fd, (off_t)size) ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
        err_errno(err, "%s: cannot prepare %zu bytes of shared memory", name, size);
        close(fd);
        return -1;
    }
    return fd;
}

static void *map(int fd, size_t size, int protection, struct err *err)
{
    const int needed = F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);
    void *memory;

    if (seals < 0 || (seals & needed) != needed || lseek(fd, 0, SEEK_END) != (off_t)size) {
        err_set(err, "shared memory that is not sealed at %zu bytes", size);
        return NULL;
    }
    memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        err_errno(err, "cannot map shared memory");
        return NULL;
    }
    return memory;
}

void *counters_map(int fd, size_t size, struct err *err)
{
    return map(fd, size, PROT_READ | PROT_WRITE, err);
}

void *counters_view(int fd, size_t size, struct err *err)
{
    return map(fd, size, PROT_READ, err);
}

int counters_read_only(int fd, struct err *err)
{
    char path[32];
    int copy;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    copy = open(path, O_RDONLY | O_CLOEXEC);
    if (copy < 0)
        err_errno(err, "cannot share memory for reading");
    return copy;
}

/* The gauges that stand first in each struct. */
enum { LISTENER_GAUGES = 2, KEYSTORE_GAUGES = 2 };
enum {
    LISTENER_COUNTERS = offsetof(struct listener_counters, requests_by_code) / sizeof(counter),
    KEYSTORE_COUNTERS = sizeof(struct keystore_counters) / sizeof(counter),
};

_Static_assert(offsetof(struct listener_counters, sessions_total) == LISTENER_GAUGES * sizeof(counter),
               "a listener's gauges come first");
_Static_assert(offsetof(struct keystore_counters, signatures) == KEYSTORE_GAUGES * sizeof(counter),
               "a keystore's gauges come first");

const uint64_t counters_bucket_us[COUNTERS_BUCKETS - 1] = {
    1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000,
};

void keystore_counters_signed(struct keystore_counters *counters, uint64_t us)
{
    size_t bucket = 0;

    while (bucket < COUNTERS_BUCKETS - 1 && us > counters_bucket_us[bucket])
        bucket++;
    counter_add(&counters->sign_us_total, us);
    counter_add(&counters->sign_count, 1);
    counter_add(&counters->sign_bucket[bucket], 1);
}

/* The row of this CKR, or a free one; the last row takes what has no other. */
static struct ckr_counter *ckr_row(struct ckr_counter rows[COUNTERS_CKR_MAX], uint64_t ckr)
{
    for (size_t i = 0; i < COUNTERS_CKR_MAX - 1; i++) {
        if (!counter_get(&rows[i].count))
            counter_set(&rows[i].ckr, ckr);
        if (counter_get(&rows[i].ckr) == ckr)
            return &rows[i];
    }
    counter_set(&rows[COUNTERS_CKR_MAX - 1].ckr, COUNTERS_CKR_OTHER);
    return &rows[COUNTERS_CKR_MAX - 1];
}

void signer_page_count_ckr(struct signer_page *page, uint32_t ckr)
{
    counter_add(&ckr_row(page->errors, ckr ? ckr : COUNTERS_CKR_OTHER)->count, 1);
}

/* The row of this code, or a free one; the last row takes what has no other. */
static struct code_counter *code_row(struct code_counter rows[COUNTERS_CODES_MAX], uint64_t code)
{
    for (size_t i = 0; i < COUNTERS_CODES_MAX - 1; i++) {
        if (!counter_get(&rows[i].count))
            counter_set(&rows[i].code, code);
        if (counter_get(&rows[i].code) == code)
            return &rows[i];
    }
    counter_set(&rows[COUNTERS_CODES_MAX - 1].code, COUNTERS_CODE_OTHER);
    return &rows[COUNTERS_CODES_MAX - 1];
}

void listener_counters_request(struct listener_counters *counters, uint32_t code)
{
    counter_add(&counters->requests, 1);
    counter_add(&code_row(counters->requests_by_code, code)->count, 1);
}

static void codes_add(struct code_counter *total, struct code_counter *from)
{
    for (size_t i = 0; i < COUNTERS_CODES_MAX; i++) {
        uint64_t count = counter_get(&from[i].count), code = counter_get(&from[i].code);

        if (count)
            counter_add_saturating(&code_row(total, code)->count, count);
    }
}

static void counters_sum(counter *total, counter *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        counter_add_saturating(&total[i], counter_get(&from[i]));
}

void listener_counters_add(struct listener_counters *total, struct listener_counters *from)
{
    counters_sum((counter *)total + LISTENER_GAUGES, (counter *)from + LISTENER_GAUGES,
                 LISTENER_COUNTERS - LISTENER_GAUGES);
    codes_add(total->requests_by_code, from->requests_by_code);
}

void keystore_counters_add(struct keystore_counters *total, struct keystore_counters *from)
{
    counters_sum((counter *)total + KEYSTORE_GAUGES, (counter *)from + KEYSTORE_GAUGES,
                 KEYSTORE_COUNTERS - KEYSTORE_GAUGES);
}

void ckr_counters_add(struct ckr_counter total[COUNTERS_CKR_MAX], struct ckr_counter from[COUNTERS_CKR_MAX])
{
    for (size_t i = 0; i < COUNTERS_CKR_MAX; i++) {
        uint64_t count = counter_get(&from[i].count), ckr = counter_get(&from[i].ckr);

        if (count)
            counter_add_saturating(&ckr_row(total, ckr <= UINT32_MAX ? ckr : COUNTERS_CKR_OTHER)->count,
                                   count);
    }
}
