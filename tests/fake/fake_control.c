#include "fake_control.h"

#include <errno.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RULES_MAX = 32, WORDS_MAX = 4, WORD_BYTES = 256, PLACES_MAX = 64, HANG_POLL_MS = 10 };

struct rule {
    int word_count;
    char words[WORDS_MAX][WORD_BYTES];
};

/* Beside the control file, mapped by every process. The counts belong to one version of the file. */
struct shared {
    uint64_t version;
    uint64_t used[RULES_MAX]; /* how often the rule with this number has failed a call */
};

/* So many at once over all processes: a locked file each, so that the end of a process gives them back. */
struct places {
    const char *name;
    int fds[PLACES_MAX];
    bool held[PLACES_MAX];
};

static struct {
    char path[400];
    uint64_t version;
    int rule_count;
    struct rule rules[RULES_MAX];
    int lock;
    struct places signing, sessions; /* `parallel`, `sessions` */
    char token[WORD_BYTES];          /* that the module was started with; "": the environment's */
    uint64_t opened_version;         /* of the file, when the session was opened */
    bool forgotten;
    struct shared *shared;
} control = {.lock = -1, .signing = {.name = "place"}, .sessions = {.name = "session"}};

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
    {"CKM_RSA_PKCS", CKM_RSA_PKCS}, {"CKM_RSA_X_509", CKM_RSA_X_509}, {"CKM_RSA_PKCS_PSS", CKM_RSA_PKCS_PSS},
    {"CKM_ECDSA", CKM_ECDSA},       {"CKM_EDDSA", CKM_EDDSA},
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
        control.signing.fds[i] = control.sessions.fds[i] = -1;
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

unsigned long fake_control_token_flags(unsigned long own)
{
    const unsigned long all_flags = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    unsigned long all = own;

    if (!control.shared)
        return all;
    if (find_rule("flag", "NONE"))
        return all & ~all_flags;
    for (int i = 0; i < control.rule_count; i++)
        if (rule_is(&control.rules[i], "flag", NULL))
            all |= FIND(flags, control.rules[i].words[1], 0);
    return all;
}

static bool take_place(struct places *places, int number)
{
    char ending[24];

    if (places->held[number])
        return false;
    if (places->fds[number] < 0) {
        (void)snprintf(ending, sizeof ending, "%s%d", places->name, number);
        places->fds[number] = open_beside(ending);
    }
    places->held[number] = places->fds[number] >= 0 && flock(places->fds[number], LOCK_EX | LOCK_NB) == 0;
    return places->held[number];
}

static bool take_any_place(struct places *places, long count)
{
    for (int i = 0; i < count; i++)
        if (take_place(places, i))
            return true;
    return false;
}

/* Any one: they are all alike. */
static void give_place(struct places *places)
{
    for (int i = 0; i < PLACES_MAX; i++)
        if (places->held[i]) {
            (void)flock(places->fds[i], LOCK_UN);
            places->held[i] = false;
            return;
        }
}

/* 0: no limit. */
static long limit(const char *word)
{
    const struct rule *rule = find_rule(word, NULL);
    long places = rule ? number(rule, 1) : 0;

    return places > 0 && places <= PLACES_MAX ? places : 0;
}

void fake_control_enter(void)
{
    long places;

    while (control.shared && (places = limit("parallel")) != 0) {
        if (take_any_place(&control.signing, places))
            return;
        pause_ms(1);
    }
}

void fake_control_leave(void)
{
    give_place(&control.signing);
}

/* Taken without a limit too: a limit that comes later counts the sessions that are there. */
bool fake_control_take_session(void)
{
    long places;

    if (!control.shared)
        return true;
    places = limit("sessions");
    return take_any_place(&control.sessions, places ? places : PLACES_MAX) || !places;
}

void fake_control_give_session(void)
{
    give_place(&control.sessions);
}

void fake_control_crash(const char *function)
{
    if (!control.shared || !find_rule("crash", function))
        return;
    (void)signal(SIGSEGV, SIG_DFL);
    (void)raise(SIGSEGV);
}

static const char *token_named(void)
{
    const struct rule *rule = control.shared ? find_rule("token", NULL) : NULL;

    return rule && rule->word_count > 1 ? rule->words[1] : "";
}

const char *fake_control_token(void)
{
    (void)snprintf(control.token, sizeof control.token, "%s", token_named());
    return *control.token ? control.token : NULL;
}

bool fake_control_token_changed(void)
{
    return strcmp(control.token, token_named()) != 0;
}

void fake_control_session_opened(void)
{
    refresh();
    control.opened_version = control.version;
    control.forgotten = false;
}

bool fake_control_session_lost(void)
{
    if (control.shared && find_rule("forget", NULL) && control.opened_version != control.version)
        control.forgotten = true;
    return control.forgotten;
}
