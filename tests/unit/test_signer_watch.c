/* Which signer is killed, and when: never one inside a login before the deadline of that login (TRAPS 9). */
#include "clock.h"
#include "signer.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGN_TIMEOUT_MS = 1000, NEVER = -1 };

static struct family family;
static struct signer signer;
static struct signer_page page;

/* One that lives until somebody kills it. */
static int begin(void **state)
{
    (void)state;
    signer = (struct signer){.page = &page};
    memset((void *)&page, 0, sizeof page);
    child_init(&signer.child, &family, NULL, &signer);
    signer.child.process = "signer";
    signer.child.quiet = signer.child.ready = true;
    signer.child.started_ms = clock_monotonic_ms();
    signer.login_seen = true;
    signer.child.pid = fork();
    if (signer.child.pid == 0)
        for (;;)
            (void)pause();
    return signer.child.pid < 0;
}

static int end(void **state)
{
    (void)state;
    (void)kill(signer.child.pid, SIGKILL);
    return waitpid(signer.child.pid, NULL, 0) < 0;
}

/* since -1: not at all. */
static void puts_on_its_page(enum signer_state state, int64_t login_ms, int64_t busy_ms)
{
    uint64_t now_ms = clock_monotonic_ms();

    signer.state = state;
    signer.child.killed = false;
    counter_set(&page.login_since_ms, login_ms == NEVER ? 0 : now_ms - (uint64_t)login_ms);
    counter_set(&page.busy_since_ms, busy_ms == NEVER ? 0 : now_ms - (uint64_t)busy_ms);
}

static void while_it_serves(void **state)
{
    static const struct {
        int64_t login_ms, busy_ms;
        enum signer_state state;
        bool odd, killed;
    } rows[] = {
        {NEVER, NEVER, SIGNER_READY, false, false},
        {NEVER, 1500, SIGNER_READY, false, false},
        {NEVER, 2100, SIGNER_READY, false, true},
        /* in a login for one signature */
        {100, 25000, SIGNER_READY, false, false},
        {29000, 29000, SIGNER_READY, false, false},
        {30100, 30100, SIGNER_READY, false, true},
        /* in the one at the start */
        {NEVER, NEVER, SIGNER_LOGGING_IN, false, false},
        {29000, NEVER, SIGNER_LOGGING_IN, false, false},
        {30100, NEVER, SIGNER_LOGGING_IN, false, true},
        /* one that has other keys ends at once, but not inside a login */
        {NEVER, NEVER, SIGNER_READY, true, true},
        {29000, 29000, SIGNER_READY, true, false},
        /* a page from the future is nobody's login that ends */
        {-60000, NEVER, SIGNER_READY, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        puts_on_its_page(rows[i].state, rows[i].login_ms, rows[i].busy_ms);
        signer.odd = rows[i].odd;
        signer_watch(&signer, true, SIGN_TIMEOUT_MS, clock_monotonic_ms());
        if (signer.child.killed != rows[i].killed)
            fail_msg("row %zu", i);
    }
}

static void while_it_stops(void **state)
{
    static const struct {
        int64_t login_ms;
        uint64_t waited_ms;
        enum signer_state state;
        bool at_once, killed;
    } rows[] = {
        {NEVER, 1900, SIGNER_READY, false, false},
        {NEVER, 2000, SIGNER_READY, false, true},
        {NEVER, 200, SIGNER_READY, true, true},
        {3000, 3000, SIGNER_READY, false, false},
        {100, 29000, SIGNER_READY, false, false},
        {100, 40000, SIGNER_READY, false, false},
        {30100, 100, SIGNER_READY, false, true},
        {NEVER, 40000, SIGNER_LOGGING_IN, false, false},
        {30100, 30100, SIGNER_LOGGING_IN, false, true},
        /* a second TERM: five seconds, of the login and since then */
        {3000, 3000, SIGNER_READY, true, false},
        {6000, 1000, SIGNER_READY, true, false},
        {1000, 6000, SIGNER_READY, true, false},
        {5100, 5100, SIGNER_READY, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        puts_on_its_page(rows[i].state, rows[i].login_ms, NEVER);
        signer_watch_stopping(&signer, rows[i].at_once, rows[i].waited_ms);
        if (signer.child.killed != rows[i].killed)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(while_it_serves, begin, end),
        cmocka_unit_test_setup_teardown(while_it_stops, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
