#include "fake_control.h"

#include <errno.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RULES_MAX = 32, WORDS_MAX = 4, WORD_BYTES = 48, PLACES_MAX = 64, HANG_POLL_MS = 10 };

struct rule {
    int word_count;
    char words[WORDS_MAX][WORD_BYTES];
};

/* Beside the control file, mapped by every process. The counts belong to one version of the file. */
struct shared {
    uint64_t version;
    uint64_t used[RULES_MAX]; /* how often the rule with this number has failed a call */
};

static struct {
    char path[400];
    uint64_t version;
    int rule_count;
    struct rule rules[RULES_MAX];
    int lock;
    int places[PLACES_MAX];
    int place; /* held now, or -1 */
    struct shared *shared;
} control = {.lock = -1, .place = -1};

struct name {
    const char *name;
    unsigned long value;
};

static const struct name codes[] = {
    {"CKR_GENERAL_ERROR", CKR_GENERAL_ERROR},
    {"CKR_FUNCTION_FAILED", CKR_FUNCTION_FAILED},
    {"CKR_FUNCTION_REJECTED", CKR_FUNCTION_REJECTED},
    {"CKR_HOST_MEMORY", CKR_HOST_MEMORY},
    {"CKR_DEVICE_ERROR", CKR_DEVICE_ERROR},
    {"CKR_DEVICE_MEMORY", CKR_DEVICE_MEMORY},
    {"CKR_DEVICE_REMOVED", CKR_DEVICE_REMOVED},
    {"CKR_TOKEN_NOT_PRESENT", CKR_TOKEN_NOT_PRESENT},
    {"CKR_SESSION_CLOSED", CKR_SESSION_CLOSED},
    {"CKR_SESSION_COUNT", CKR_SESSION_COUNT},
    {"CKR_SESSION_HANDLE_INVALID", CKR_SESSION_HANDLE_INVALID},
    {"CKR_USER_NOT_LOGGED_IN", CKR_USER_NOT_LOGGED_IN},
    {"CKR_PIN_INCORRECT", CKR_PIN_INCORRECT},
    {"CKR_PIN_LOCKED", CKR_PIN_LOCKED},
    {"CKR_MECHANISM_INVALID", CKR_MECHANISM_INVALID},
    {"CKR_KEY_HANDLE_INVALID", CKR_KEY_HANDLE_INVALID},
};

static const struct name mechanisms[] = {
    {"CKM_RSA_PKCS", CKM_RSA_PKCS},
    {"CKM_RSA_X_509", CKM_RSA_X_509},
    {"CKM_RSA_PKCS_PSS", CKM_RSA_PKCS_PSS},
    {"CKM_ECDSA", CKM_ECDSA},
};

static const struct name flags[] = {
    {"COUNT_LOW", CKF_USER_PIN_COUNT_LOW},
    {"FINAL_TRY", CKF_USER_PIN_FINAL_TRY},
    {"LOCKED", CKF_USER_PIN_LOCKED},
};

#define FIND(table, word, otherwise) find((table), sizeof(table) / sizeof(table)[0], (word), (otherwise))

static unsigned long find(const struct name *table, size_t count, const char *word, unsigned long otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, word) == 0)
            return table[i].value;
    return otherwise;
}

static void pause_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* A file beside the control file that every user may open, whoever came first. */
static int open_beside(const char *ending)
{
    char path[sizeof control.path + 24];
    int fd;

    (void)snprintf(path, sizeof path, "%s.%s", control.path, ending);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        (void)fprintf(stderr, "fake token: %s: %s\n", path, strerror(errno));
    else
        (void)fchmod(fd, 0666);
    return fd;
}

static bool map_shared(void)
{
    int fd = open_beside("state");
    void *memory = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, sizeof *control.shared) == 0)
        memory = mmap(NULL, sizeof *control.shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        (void)close(fd);
    control.shared = memory == MAP_FAILED ? NULL : memory;
    return control.shared != NULL;
}

bool fake_control_open(void)
{
    const char *path = getenv("P11GATE_FAKE_CONTROL");

    if (!path || control.shared)
        return true;
    if (strlen(path) >= sizeof control.path) {
        (void)fprintf(stderr, "fake token: the path in P11GATE_FAKE_CONTROL is too long\n");
        return false;
    }
    (void)snprintf(control.path, sizeof control.path, "%s", path);
    for (int i = 0; i < PLACES_MAX; i++)
        control.places[i] = -1;
    control.lock = open_beside("lock");
    return control.lock >= 0 && map_shared();
}

static void read_rule(char *line)
{
    struct rule *rule = &control.rules[control.rule_count];
    char *rest = NULL;

    memset(rule, 0, sizeof *rule);
    for (char *word = strtok_r(line, " \t\r\n", &rest); word; word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (rule->word_count == WORDS_MAX || word[0] == '#')
            break;
        (void)snprintf(rule->words[rule->word_count++], WORD_BYTES, "%s", word);
    }
    control.rule_count += rule->word_count > 0;
}

static void read_rules(void)
{
    FILE *file = fopen(control.path, "re");
    char line[256];

    control.rule_count = 0;
    while (file && control.rule_count < RULES_MAX && fgets(line, sizeof line, file))
        read_rule(line);
    if (file)
        (void)fclose(file);
}

/* Time, size and inode: a file that is written again, or replaced, is a new version. */
static uint64_t file_version(void)
{
    struct stat state;

    if (stat(control.path, &state) != 0)
        return 1;
    return (uint64_t)state.st_mtim.tv_sec * 1000000000u + (uint64_t)state.st_mtim.tv_nsec +
           (uint64_t)state.st_size * 31 + (uint64_t)state.st_ino * 1009;
}

static void refresh(void)
{
    uint64_t version;

    if (!control.shared)
        return;
    version = file_version();
    if (version != control.version) {
        read_rules();
        control.version = version;
    }
}

static bool rule_is(const struct rule *rule, const char *first, const char *second)
{
    return strcmp(rule->words[0], first) == 0 &&
           (!second || (rule->word_count > 1 && strcmp(rule->words[1], second) == 0));
}

static const struct rule *find_rule(const char *first, const char *second)
{
    refresh();
    for (int i = 0; i < control.rule_count; i++)
        if (rule_is(&control.rules[i], first, second))
            return &control.rules[i];
    return NULL;
}

static long number(const struct rule *rule, int word)
{
    return rule->word_count > word ? strtol(rule->words[word], NULL, 10) : 0;
}

/* Takes one of the failures that the rule has left, over all processes. */
static bool take_failure(int index, long allowed)
{
    struct shared *shared = control.shared;
    bool taken;

    (void)flock(control.lock, LOCK_EX);
    if (shared->version != control.version) {
        memset(shared->used, 0, sizeof shared->used);
        shared->version = control.version;
    }
    taken = shared->used[index] < (uint64_t)allowed;
    shared->used[index] += taken;
    (void)flock(control.lock, LOCK_UN);
    return taken;
}

static unsigned long failure(const char *function)
{
    for (int i = 0; i < control.rule_count; i++) {
        const struct rule *rule = &control.rules[i];

        if (rule_is(rule, "fail", function) && rule->word_count == 4 && take_failure(i, number(rule, 2)))
            return FIND(codes, rule->words[3], strtoul(rule->words[3], NULL, 0));
    }
    return 0;
}

/* `delay_ms N` delays signatures; `delay_ms N FUNCTION` that function. */
static void delay(const char *function)
{
    for (int i = 0; i < control.rule_count; i++) {
        const struct rule *rule = &control.rules[i];
        const char *delayed = rule->word_count > 2 ? rule->words[2] : "C_Sign";

        if (rule_is(rule, "delay_ms", NULL) && strcmp(delayed, function) == 0)
            pause_ms(number(rule, 1));
    }
}

unsigned long fake_control_before(const char *function)
{
    unsigned long code;

    if (!control.shared)
        return 0;
    refresh();
    code = failure(function);
    delay(function);
    while (find_rule("hang", function))
        pause_ms(HANG_POLL_MS);
    return code;
}

bool fake_control_absent(void)
{
    return control.shared && find_rule("absent", NULL);
}

bool fake_control_hides(unsigned long mechanism)
{
    if (!control.shared)
        return false;
    refresh();
    for (int i = 0; i < control.rule_count; i++)
        if (rule_is(&control.rules[i], "hide", NULL) &&
            FIND(mechanisms, control.rules[i].words[1], 0) == mechanism)
            return true;
    return false;
}

bool fake_control_corrupts(const char *function)
{
    return control.shared && find_rule("corrupt", function);
}

unsigned long fake_control_token_flags(void)
{
    unsigned long all = 0;

    if (!control.shared)
        return 0;
    refresh();
    for (int i = 0; i < control.rule_count; i++)
        if (rule_is(&control.rules[i], "flag", NULL))
            all |= FIND(flags, control.rules[i].words[1], 0);
    return all;
}

static bool take_place(int place)
{
    char ending[24];

    if (control.places[place] < 0) {
        (void)snprintf(ending, sizeof ending, "place%d", place);
        control.places[place] = open_beside(ending);
    }
    if (control.places[place] < 0 || flock(control.places[place], LOCK_EX | LOCK_NB) != 0)
        return false;
    control.place = place;
    return true;
}

void fake_control_enter(void)
{
    control.place = -1;
    while (control.shared && control.place < 0) {
        const struct rule *rule = find_rule("parallel", NULL);
        long places = rule ? number(rule, 1) : 0;

        if (places <= 0 || places > PLACES_MAX)
            return;
        for (int i = 0; i < places; i++)
            if (take_place(i))
                return;
        pause_ms(1);
    }
}

void fake_control_leave(void)
{
    if (control.place >= 0)
        (void)flock(control.places[control.place], LOCK_UN);
    control.place = -1;
}
