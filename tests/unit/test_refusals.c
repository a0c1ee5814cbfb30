/* Which PINs no reload tries again. */
#include "refusals.h"
#include "unit.h"

#include <string.h>

static struct refusals refusals;
static struct pin refused;

static void pin_of(const char *text, time_t changed_s, struct pin *out)
{
    struct err err;

    assert_true(pin_new(out, &err));
    out->len = strlen(text);
    memcpy(out->memory, text, out->len);
    out->changed.tv_sec = changed_s;
}

static int prepare(void **state)
{
    const struct conf_keystore keystore = {.module = "/m.so", .token = "pkcs11:token=edge"};

    (void)state;
    memset(&refusals, 0, sizeof refusals);
    pin_of("4711", 1, &refused);
    refusals_add(&refusals, &keystore, &refused);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    refusals_clear(&refusals);
    pin_wipe(&refused);
    return 0;
}

static void the_same_pin_for_what_may_be_the_token(void **state)
{
    static const struct {
        const char *module, *token, *pin;
        time_t changed_s;
        bool refused;
    } rows[] = {
        {"/m.so", "pkcs11:token=edge", "4711", 1, true},  {"/m.so", "pkcs11:serial=1", "4711", 1, true},
        {"/m.so", "pkcs11:token=core", "4711", 1, false}, {"/n.so", "pkcs11:token=edge", "4711", 1, false},
        {"/m.so", "pkcs11:token=edge", "4712", 1, false}, {"/m.so", "pkcs11:token=edge", "47110", 1, false},
        {"/m.so", "pkcs11:token=edge", "4711", 2, false}, /* written anew */
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        const struct conf_keystore keystore = {.module = rows[i].module, .token = rows[i].token};
        struct pin pin;

        pin_of(rows[i].pin, rows[i].changed_s, &pin);
        if (refusals_has(&refusals, &keystore, &pin) != rows[i].refused)
            fail_msg("row %zu", i);
        pin_wipe(&pin);
    }
}

static void the_oldest_goes_when_there_are_too_many(void **state)
{
    const struct conf_keystore keystore = {.module = "/m.so", .token = "pkcs11:token=edge"};

    (void)state;
    for (time_t i = 0; i < REFUSALS_MAX; i++) {
        struct pin pin;

        pin_of("other", i, &pin);
        refusals_add(&refusals, &keystore, &pin);
        refusals_add(&refusals, &keystore, &pin);
        assert_true(refusals_has(&refusals, &keystore, &pin));
        pin_wipe(&pin);
        assert_int_equal(refusals_has(&refusals, &keystore, &refused), i < REFUSALS_MAX - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_pin_for_what_may_be_the_token, prepare, clear),
        cmocka_unit_test_setup_teardown(the_oldest_goes_when_there_are_too_many, prepare, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
