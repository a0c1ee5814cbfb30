/*
 * Children that misbehave. This program starts itself: as a child it floods, lies, falls silent or dies, and
 * the parent must notice, stay whole, and keep no descriptor of it.
 */
#include "unit.h"

#include "child.h"
#include "log.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { START_MS = 10000, SHORT_START_MS = 100, FLOOD = 200 };

/* -- the child --------------------------------------------------------------------------------- */

static void say(uint32_t type, const void *payload, size_t len, const int *fds, size_t fd_count)
{
    while (channel_send(CHANNEL_FD, type, payload, len, fds, fd_count) == CHANNEL_AGAIN)
        ;
}

static void wait_for_kill(void)
{
    for (;;)
        (void)pause();
}

static int misbehave(const char *how)
{
    static struct channel_message message;
    const int null[2] = {STDIN_FILENO, STDIN_FILENO};
    struct err err;

    if (strcmp(how, "flood") == 0) {
        for (uint32_t i = 0; i < FLOOD; i++)
            say(1000 + i, "nonsense", 8, null, 2);
        say(MESSAGE_READY, NULL, 0, NULL, 0);
        say(MESSAGE_READY, NULL, 0, NULL, 0);
        (void)message_send_text(CHANNEL_FD, MESSAGE_SIGNER_STATE, 4, "taken");
        return 0;
    }
    if (strcmp(how, "fault") == 0) {
        say(MESSAGE_FAULT, "x", 1, null, 1);
        (void)message_send_text(CHANNEL_FD, MESSAGE_FAULT, 1, "first line\nsecond line");
        return 1;
    }
    if (strcmp(how, "closed") == 0)
        close(CHANNEL_FD);
    if (strcmp(how, "started") == 0) {
        /* One message with the grants, one that starts. */
        if (channel_wait(CHANNEL_FD, START_MS, &message, &err) != CHANNEL_OK || message.fd_count != 3)
            return 20;
        if (channel_wait(CHANNEL_FD, START_MS, &message, &err) != CHANNEL_OK || message.type != MESSAGE_START)
            return 21;
        return 22;
    }
    if (strcmp(how, "crash") == 0)
        (void)kill(getpid(), SIGALRM);
    wait_for_kill();
    return 0;
}

/* -- the parent -------------------------------------------------------------------------------- */

struct seen {
    struct ev_loop *loop;
    unsigned ready, states, ended;
    struct child_end end;
    char fault[256];
};

static void on_ready(void *owner, struct child *child)
{
    struct seen *seen = owner;

    (void)child;
    seen->ready++;
}

static bool on_message(void *owner, struct child *child, struct channel_message *message)
{
    struct seen *seen = owner;

    (void)child;
    seen->states += message->type == MESSAGE_SIGNER_STATE;
    return message->type == MESSAGE_SIGNER_STATE;
}

static void on_ended(void *owner, struct child *child, const struct child_end *end)
{
    struct seen *seen = owner;

    (void)child;
    seen->ended++;
    seen->end = *end;
    (void)strncpy(seen->fault, end->fault, sizeof seen->fault - 1);
    ev_break(seen->loop, EVBREAK_ALL);
}

static const struct child_user table = {.ready = on_ready, .message = on_message, .ended = on_ended};

static int open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* One life of a child that does `how`, from start to end. */
static void live(const char *how, uint64_t start_ms, struct seen *seen)
{
    const char *const arguments[] = {"test", "--child", how, NULL};
    const struct account own = {.change = false};
    int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), high = fcntl(program, F_DUPFD_CLOEXEC, 16);
    const struct spawn_plan plan = {.program = high, .arguments = arguments, .account = &own};
    const struct grant grants[] = {{GRANT_QUEUE, 0, program}, {GRANT_COUNTERS, 0, program}};
    struct family family;
    struct child child;
    struct err err;
    int before;

    *seen = (struct seen){.loop = ev_default_loop(EVFLAG_NOENV)};
    family_init(&family, seen->loop);
    child_init(&child, &family, &table, seen);
    child.process = "worker";
    child.logs = true;
    child.start_timeout_ms = start_ms;
    before = open_fds();
    assert_true(child_start(&child, &plan, grants, 2, &err));
    assert_true(child_runs(&child));
    assert_false(LIST_EMPTY(&family.living));
    ev_run(seen->loop, 0);
    assert_false(child_runs(&child));
    assert_true(LIST_EMPTY(&family.living));
    assert_int_equal(seen->ended, 1);
    assert_int_equal(open_fds(), before);
    close(program);
    close(high);
}

static void a_flood_of_nonsense_is_dropped(void **state)
{
    struct seen seen;

    (void)state;
    live("flood", START_MS, &seen);
    assert_int_equal(seen.ready, 1);
    assert_int_equal(seen.states, 1);
    assert_true(seen.end.was_ready);
    assert_false(seen.end.by_signal);
    assert_int_equal(seen.end.code, 0);
    assert_string_equal(seen.fault, "");
}

static void the_last_words_are_heard(void **state)
{
    struct seen seen;

    (void)state;
    live("fault", START_MS, &seen);
    assert_int_equal(seen.ready, 0);
    assert_false(seen.end.was_ready);
    assert_int_equal(seen.end.code, 1);
    assert_string_equal(seen.fault, "first line\nsecond line");
}

static void one_that_falls_silent_is_killed(void **state)
{
    static const char *const ways[] = {"silent", "closed"};
    struct seen seen;

    (void)state;
    for (size_t i = 0; i < ROWS(ways); i++) {
        live(ways[i], SHORT_START_MS, &seen);
        assert_true(seen.end.by_signal);
        assert_int_equal(seen.end.code, SIGKILL);
        assert_int_equal(seen.ready, 0);
    }
}

static void a_signal_is_told_from_a_code(void **state)
{
    struct seen seen;

    (void)state;
    live("crash", START_MS, &seen);
    assert_true(seen.end.by_signal);
    assert_int_equal(seen.end.code, SIGALRM);
}

static void grants_and_start_come_in_two_messages(void **state)
{
    struct seen seen;

    (void)state;
    live("started", START_MS, &seen);
    assert_false(seen.end.by_signal);
    assert_int_equal(seen.end.code, 22);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_nonsense_is_dropped),
        cmocka_unit_test(the_last_words_are_heard),
        cmocka_unit_test(one_that_falls_silent_is_killed),
        cmocka_unit_test(a_signal_is_told_from_a_code),
        cmocka_unit_test(grants_and_start_come_in_two_messages),
    };

    if (argc > 2 && strcmp(argv[1], "--child") == 0)
        return misbehave(argv[2]);
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
