/* What a signer's end before it was ready means for its keystore, and for p11gate at its start. */
#include "unit.h"

#include "trouble.h"

#include <signal.h>

static void an_end_is_read(void **state)
{
    static const struct {
        enum signer_state said;
        bool by_signal;
        int code;
        enum trouble trouble;
        uint64_t rest_ms;
        bool final;
        int exit_code;
    } rows[] = {
        {SIGNER_ABSENT, false, CHILD_EXIT_AGAIN, TROUBLE_ABSENT, 1000, false, 1},
        {SIGNER_FAULTY, false, CHILD_EXIT_AGAIN, TROUBLE_FAULTY, 0, false, 1},
        {SIGNER_STARTING, false, CHILD_EXIT_CONFIGURATION, TROUBLE_WRONG, 30000, true, 1},
        {SIGNER_LOGGING_IN, false, CHILD_EXIT_PIN, TROUBLE_CLOSED, 0, true, 77},
        /* One that says "absent" and ends otherwise is not believed. */
        {SIGNER_ABSENT, false, CHILD_EXIT_OK, TROUBLE_FAULTY, 0, false, 1},
        {SIGNER_ABSENT, true, SIGKILL, TROUBLE_FAULTY, 0, false, 1},
        {SIGNER_LOGGING_IN, true, SIGSEGV, TROUBLE_FAULTY, 0, false, 1},
        /* A signal's number is no exit code. */
        {SIGNER_STARTING, true, CHILD_EXIT_CONFIGURATION, TROUBLE_FAULTY, 0, false, 1},
        {SIGNER_STARTING, false, 127, TROUBLE_FAULTY, 0, false, 1},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct child_end end = {.by_signal = rows[i].by_signal, .code = rows[i].code, .fault = ""};
        enum trouble trouble = trouble_of(rows[i].said, &end);

        if (trouble != rows[i].trouble || trouble_rest_ms(trouble) != rows[i].rest_ms ||
            trouble_is_final(trouble) != rows[i].final || trouble_exit_code(trouble) != rows[i].exit_code)
            fail_msg("row %zu: %s", i, trouble_event(trouble));
    }
    /* Read from the keys that a signer offers, not from its end. */
    assert_int_equal(trouble_rest_ms(TROUBLE_CHANGED), 5000);
    assert_string_equal(trouble_event(TROUBLE_CHANGED), "keystore-keys-changed");
    assert_int_equal(trouble_exit_code(TROUBLE_NONE), 0);
    assert_false(trouble_is_final(TROUBLE_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_end_is_read)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
