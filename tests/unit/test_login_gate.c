/* The gate before logins: one inside at a time, over processes, whatever becomes of the one that is. */
#include "login_gate.h"
#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHORT_MS = 20, LONG_MS = 20000 };

static struct login_gate gate;

static int make(void **state)
{
    struct err err;

    (void)state;
    assert_true(login_gate_make(&gate, &err));
    return 0;
}

static int clear(void **state)
{
    (void)state;
    login_gate_close(&gate);
    return 0;
}

/* A process that is inside until it is told to leave, or is killed. */
static pid_t someone_inside(int leave[2], bool refused)
{
    int inside[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(inside), 0);
    assert_int_equal(pipe(leave), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool done = login_gate_enter(&gate, LONG_MS) && write(inside[1], "", 1) == 1;

        close(leave[1]);
        done = done && read(leave[0], &byte, 1) == 1;
        login_gate_leave(&gate, refused);
        _exit(!done);
    }
    assert_int_equal(read(inside[0], &byte, 1), 1);
    close(inside[0]);
    close(inside[1]);
    close(leave[0]);
    return pid;
}

static void end_with(pid_t pid, int leave, int signal)
{
    int status;

    if (signal)
        assert_int_equal(kill(pid, signal), 0);
    else
        assert_int_equal(write(leave, "", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(signal ? WTERMSIG(status) : WEXITSTATUS(status), signal);
    close(leave);
}

static void one_is_inside_at_a_time(void **state)
{
    int leave[2];
    pid_t pid = someone_inside(leave, false);

    (void)state;
    assert_false(login_gate_enter(&gate, SHORT_MS));
    end_with(pid, leave[1], 0);
    assert_true(login_gate_enter(&gate, SHORT_MS));
    assert_false(login_gate_refused(&gate));
    login_gate_leave(&gate, false);
}

static void who_is_killed_inside_holds_nobody_up(void **state)
{
    int leave[2];
    pid_t pid = someone_inside(leave, true);

    (void)state;
    end_with(pid, leave[1], SIGKILL);
    assert_true(login_gate_enter(&gate, LONG_MS));
    assert_false(login_gate_refused(&gate));
    login_gate_leave(&gate, false);
}

static void what_was_refused_stays_refused_for_all_who_share_it(void **state)
{
    struct login_gate other;
    struct err err;
    int leave[2];
    pid_t pid;

    (void)state;
    assert_true(login_gate_share(&gate, &other, &err));
    pid = someone_inside(leave, true);
    end_with(pid, leave[1], 0);
    assert_true(login_gate_refused(&gate));
    assert_true(login_gate_refused(&other));
    assert_true(login_gate_enter(&other, SHORT_MS));
    login_gate_leave(&other, false);
    assert_true(login_gate_refused(&gate));
    login_gate_close(&other);
}

static void without_one_everything_is_allowed(void **state)
{
    struct login_gate none = LOGIN_GATE_NONE;

    (void)state;
    assert_true(login_gate_enter(&none, 0));
    login_gate_leave(&none, true);
    assert_false(login_gate_refused(&none));
    login_gate_close(&none);
}

static void memory_of_another_size_is_none(void **state)
{
    struct login_gate other;
    struct err err;

    (void)state;
    assert_false(login_gate_take(&other, memfd_create("odd", 0), &err));
    assert_int_equal(other.fd, -1);
    assert_false(login_gate_take(&other, -1, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_is_inside_at_a_time, make, clear),
        cmocka_unit_test_setup_teardown(who_is_killed_inside_holds_nobody_up, make, clear),
        cmocka_unit_test_setup_teardown(what_was_refused_stays_refused_for_all_who_share_it, make, clear),
        cmocka_unit_test(without_one_everything_is_allowed),
        cmocka_unit_test(memory_of_another_size_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
