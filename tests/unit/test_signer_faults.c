/* The real p11gate-signer with a token that misbehaves: it ends rather than guess, and a bad signature
 * never leaves it. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "signer_requests.h"

#include "clock.h"

#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct signer_start start;
static struct running running;

static void start_fake(const char *key, const char *control)
{
    fixture_control(control);
    fixture_start(&start, key);
    start.module = FAKE_MODULE;
}

static void run_fake(const char *key)
{
    start_fake(key, "");
    running_start(&running, &start, FIXTURE_PIN);
    if (!running.ready)
        fail_msg("not ready: %s %s", running.fault, running.last_state_text);
}

/* The file's first rule was used so often: the second number of the shared state. */
static uint64_t failures_taken(void)
{
    uint64_t numbers[2] = {0, 0};
    FILE *file = fopen(fixture_path("control.state"), "re");

    assert_non_null(file);
    assert_int_equal(fread(numbers, sizeof numbers[0], 2, file), 2);
    fclose(file);
    return numbers[1];
}

static uint32_t sign_rsa(uint32_t scheme, struct reply *reply)
{
    enum sign_form form = scheme >> 8 == 8 ? SIGN_FORM_TLS13_SERVER : SIGN_FORM_TLS12_SERVER;
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(form, bytes);
    uint32_t status = request_status(&running, 0, form, scheme, bytes, len, reply);

    if (status == SIGN_DONE)
        assert_true(signature_good(fixture.keys[FIXTURE_RSA], scheme, bytes, len, reply));
    return status;
}

static void a_token_fault_ends_the_process(void **state)
{
    static const struct {
        const char *control, *said;
    } rows[] = {
        {"fail C_Sign 1 CKR_DEVICE_REMOVED", "C_Sign: CKR_DEVICE_REMOVED"},
        {"fail C_Sign 1 CKR_DEVICE_ERROR", "C_Sign: CKR_DEVICE_ERROR"},
        {"fail C_Sign 1 CKR_GENERAL_ERROR", "C_Sign: CKR_GENERAL_ERROR"},
        {"fail C_Sign 1 CKR_FUNCTION_FAILED", "C_Sign: CKR_FUNCTION_FAILED"},
        {"fail C_Sign 1 0x80000123", "C_Sign: CKR 0x80000123"},
        {"fail C_SignInit 1 CKR_SESSION_HANDLE_INVALID", "C_SignInit: CKR_SESSION_HANDLE_INVALID"},
        {"fail C_SignInit 1 CKR_SESSION_CLOSED", "C_SignInit: CKR_SESSION_CLOSED"},
        {"fail C_SignInit 1 CKR_USER_NOT_LOGGED_IN", "C_SignInit: CKR_USER_NOT_LOGGED_IN"},
        {"fail C_SignInit 1 CKR_KEY_HANDLE_INVALID", "C_SignInit: CKR_KEY_HANDLE_INVALID"},
        {"absent", "C_SignInit: CKR_DEVICE_REMOVED"},
        {"corrupt C_Sign", "the signature does not verify with the certificate"},
    };
    struct reply reply;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        run_fake("ftps-rsa");
        fixture_control(rows[i].control);
        assert_int_equal(sign_rsa(0x0804, &reply), SIGN_AGAIN);
        assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
        assert_true(running_saw(&running, SIGNER_FAULTY));
        assert_string_equal(running.last_state_text, rows[i].said);
        assert_non_null(strstr(running.log_text, "event=sign-failed"));
    }
}

/* Idle, it asks its token now and then: a link that a firewall dropped is found before a client waits for it.
 * The interval is the queue's receive timeout, a property of the socket that this process holds too. */
static void an_idle_signer_finds_its_token_gone(void **state)
{
    static const struct {
        const char *control, *said;
    } rows[] = {
        {"fail C_GetTokenInfo 1 CKR_DEVICE_REMOVED", "C_GetTokenInfo: CKR_DEVICE_REMOVED"},
        {"fail C_GetSessionInfo 1 CKR_SESSION_HANDLE_INVALID",
         "C_GetSessionInfo: CKR_SESSION_HANDLE_INVALID"},
    };
    const struct timeval soon = {.tv_usec = 50000};
    struct reply reply;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        run_fake("ftps-rsa");
        assert_int_equal(setsockopt(running.far_queue, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
        assert_int_equal(sign_rsa(0x0804, &reply), SIGN_DONE); /* the wait after this one is the short one */
        fixture_control(rows[i].control);
        assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
        assert_string_equal(running.last_state_text, rows[i].said);
    }
}

static void what_is_no_fault_is_survived(void **state)
{
    static const struct {
        const char *control;
        enum sign_status expected;
    } rows[] = {
        {"fail C_SignInit 1 CKR_MECHANISM_INVALID", SIGN_NO_SCHEME},
        {"hide CKM_RSA_PKCS_PSS", SIGN_NO_SCHEME},
        {"fail C_Sign 1 CKR_FUNCTION_REJECTED", SIGN_FAILED},
    };
    struct reply reply;

    (void)state;
    run_fake("ftps-rsa");
    for (size_t i = 0; i < ROWS(rows); i++) {
        fixture_control(rows[i].control);
        assert_int_equal(sign_rsa(0x0804, &reply), rows[i].expected);
        assert_int_not_equal(reply.answer.ckr, 0);
        fixture_control("");
        assert_int_equal(sign_rsa(0x0804, &reply), SIGN_DONE);
    }
    assert_int_equal(counter_get(&running.page->errors[0].ckr), CKR_MECHANISM_INVALID);
    assert_int_equal(counter_get(&running.page->errors[0].count), 2);
    assert_int_equal(counter_get(&running.page->errors[1].ckr), CKR_FUNCTION_REJECTED);
    assert_int_equal(counter_get(&running.page->errors[1].count), 1);
    assert_int_equal(counter_get(&running.page->failures), 3);
    running_stop(&running);
}

/* Strict tokens refuse the bare RSA operation, old ones know nothing else. */
static void pss_as_the_token_can(void **state)
{
    static const struct {
        const char *control;
        uint32_t schemes;
        enum sign_status pss;
    } rows[] = {
        {"hide CKM_RSA_X_509", INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS, SIGN_DONE},
        {"hide CKM_RSA_PKCS_PSS", INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS, SIGN_DONE},
        {"hide CKM_RSA_PKCS_PSS\nhide CKM_RSA_X_509", INVENTORY_RSA_PKCS1, SIGN_NO_SCHEME},
    };
    struct reply reply;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        start_fake("ftps-rsa", rows[i].control);
        running_start(&running, &start, FIXTURE_PIN);
        assert_true(running.ready);
        assert_int_equal(running.keys[0].schemes, rows[i].schemes);
        for (uint32_t scheme = 0x0804; scheme <= 0x0806; scheme++)
            assert_int_equal(sign_rsa(scheme, &reply), rows[i].pss);
        assert_int_equal(sign_rsa(0x0401, &reply), SIGN_DONE);
        assert_int_equal(strstr(running_log(&running), "event=key-without-pss") != NULL,
                         rows[i].pss != SIGN_DONE);
        running_stop(&running);
    }
}

static void ec_keys_need_ecdsa(void **state)
{
    (void)state;
    start_fake("ftps-ec", "hide CKM_ECDSA");
    running_start(&running, &start, FIXTURE_PIN);
    assert_int_equal(running_end(&running), 1);
    assert_non_null(strstr(running.fault, "the token does not offer CKM_ECDSA"));
}

/* A login that failed may be the last but one. */
static void no_login_is_tried_twice(void **state)
{
    static const struct {
        const char *control;
        int code;
        uint64_t logins;
        const char *said;
    } rows[] = {
        {"fail C_Login 9 CKR_PIN_INCORRECT", 77, 1, "refused the PIN (C_Login: CKR_PIN_INCORRECT)"},
        {"fail C_Login 9 CKR_PIN_LOCKED", 77, 1, "refused the PIN (C_Login: CKR_PIN_LOCKED)"},
        {"fail C_Login 9 CKR_PIN_INCORRECT\nflag COUNT_LOW", 77, 0, "CKF_USER_PIN_COUNT_LOW"},
        {"fail C_Login 9 CKR_PIN_INCORRECT\nflag FINAL_TRY", 77, 0, "CKF_USER_PIN_FINAL_TRY"},
        {"fail C_Login 9 CKR_PIN_INCORRECT\nflag LOCKED", 77, 0, "CKF_USER_PIN_LOCKED"},
        {"fail C_Login 9 CKR_DEVICE_ERROR", 75, 1, "C_Login: CKR_DEVICE_ERROR"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        start_fake("ftps-rsa", "fail C_GetMechanismInfo 0 0\n"); /* a version of the file with no use */
        start_fake("ftps-rsa", rows[i].control);
        running_start(&running, &start, FIXTURE_PIN);
        assert_int_equal(running_end(&running), rows[i].code);
        assert_int_equal(running.fault_code, rows[i].code == 77 ? 77 : 0);
        assert_non_null(strstr(rows[i].code == 77 ? running.fault : running.last_state_text, rows[i].said));
        if (rows[i].logins)
            assert_int_equal(failures_taken(), rows[i].logins);
        else
            assert_non_null(strstr(running.fault, "No login was tried"));
    }
}

static void force_login_goes_on(void **state)
{
    (void)state;
    start_fake("ftps-rsa", "flag FINAL_TRY");
    start.force_login = true;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    running_stop(&running);
}

static void faults_before_it_is_ready(void **state)
{
    static const struct {
        const char *control;
        enum signer_state expected;
        const char *said;
    } rows[] = {
        {"absent", SIGNER_ABSENT, "the module shows no token that fits"},
        {"fail C_Initialize 9 CKR_GENERAL_ERROR", SIGNER_FAULTY, "C_Initialize: CKR_GENERAL_ERROR"},
        {"fail C_GetSlotList 9 CKR_DEVICE_ERROR", SIGNER_FAULTY, "C_GetSlotList: CKR_DEVICE_ERROR"},
        {"fail C_OpenSession 9 CKR_FUNCTION_FAILED", SIGNER_FAULTY, "C_OpenSession: CKR_FUNCTION_FAILED"},
        {"fail C_OpenSession 9 CKR_TOKEN_NOT_PRESENT", SIGNER_ABSENT, "C_OpenSession: CKR_TOKEN_NOT_PRESENT"},
        {"fail C_FindObjectsInit 9 CKR_DEVICE_ERROR", SIGNER_FAULTY, "C_FindObjectsInit: CKR_DEVICE_ERROR"},
        {"fail C_GetAttributeValue 9 CKR_DEVICE_ERROR", SIGNER_FAULTY,
         "C_GetAttributeValue: CKR_DEVICE_ERROR"},
        {"fail C_GetAttributeValue 1 CKR_DEVICE_REMOVED", SIGNER_FAULTY,
         "C_GetAttributeValue: CKR_DEVICE_REMOVED"},
        {"fail C_GetMechanismInfo 9 CKR_DEVICE_ERROR", SIGNER_FAULTY, "C_GetMechanismInfo: CKR_DEVICE_ERROR"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        start_fake("ftps-rsa", rows[i].control);
        running_start(&running, &start, FIXTURE_PIN);
        assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
        assert_false(running.ready);
        assert_int_equal(running.states[running.state_count - 1], rows[i].expected);
        if (!strstr(running.last_state_text, rows[i].said))
            fail_msg("\"%s\" is not \"%s\"", running.last_state_text, rows[i].said);
    }
}

/* An EC key proves itself at the start. One that cannot, although the token shows the right public half, is
 * no fault of the configuration: a fresh process may do better. */
static void an_ec_key_that_signs_wrongly_does_not_start(void **state)
{
    (void)state;
    start_fake("ftps-ec", "corrupt C_Sign");
    running_start(&running, &start, FIXTURE_PIN);
    assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
    assert_true(running_saw(&running, SIGNER_FAULTY));
    assert_string_equal(running.last_state_text,
                        "a trial signature does not verify with the key's own public half");
}

/* The supervisor sees a hung signature in the page, and kills. */
static void a_hung_signature_is_seen_and_killed(void **state)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    uint64_t until = clock_monotonic_ms() + 10000;
    struct sign_request head;
    struct reply reply;
    int fd;

    (void)state;
    run_fake("ftps-rsa");
    fixture_control("hang C_Sign");
    request_fill(&head, &running, 0, SIGN_FORM_TLS13_SERVER, 0x0804, len);
    fd = request_send(&running, &head, bytes, len);
    while (!counter_get(&running.page->busy_since_ms) && clock_monotonic_ms() < until)
        (void)poll(NULL, 0, 1);
    assert_int_not_equal(counter_get(&running.page->busy_since_ms), 0);
    assert_int_equal(kill(running.pid, SIGKILL), 0);
    reply_take(fd, &reply);
    assert_false(reply.came); /* seen at once, as end-of-file */
    assert_int_equal(running_end(&running), 256 + SIGKILL);
}

/* At the start as well: an EC key's proof hangs, and is seen in the page before the signer is ready. */
static void a_hung_proof_is_seen_and_killed(void **state)
{
    uint64_t until = clock_monotonic_ms() + 10000;

    (void)state;
    start_fake("ftps-ec", "hang C_Sign");
    running_begin(&running, &start, FIXTURE_PIN);
    while (!counter_get(&running.page->busy_since_ms) && clock_monotonic_ms() < until)
        (void)poll(NULL, 0, 1);
    assert_int_not_equal(counter_get(&running.page->busy_since_ms), 0);
    assert_int_equal(kill(running.pid, SIGKILL), 0);
    assert_int_equal(running_end(&running), 256 + SIGKILL);
    assert_int_equal(running.states[running.state_count - 1],
                     SIGNER_STARTING); /* not logging in: may be killed */
    assert_false(running.ready);
}

/* Two signers, one token that does one thing at a time: the second signature waits for the first. */
static void one_at_a_time_over_two_signers(void **state)
{
    static struct running second;
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    struct sign_request head;
    struct reply reply;
    uint64_t begun;
    int fds[2];

    (void)state;
    run_fake("ftps-rsa");
    running_start_beside(&second, &running, &start, FIXTURE_PIN);
    assert_true(second.ready);
    fixture_control("delay_ms 100\nparallel 1\n");
    request_fill(&head, &running, 0, SIGN_FORM_TLS13_SERVER, 0x0804, len);
    begun = clock_monotonic_ms();
    for (int i = 0; i < 2; i++)
        fds[i] = request_send(&running, &head, bytes, len);
    for (int i = 0; i < 2; i++) {
        reply_take(fds[i], &reply);
        assert_int_equal(reply.answer.status, SIGN_DONE);
        assert_true(reply.answer.token_us >= 100000);
    }
    assert_true(clock_monotonic_ms() - begun >= 200);
    assert_int_equal(counter_get(&running.page->signatures), 1);
    assert_int_equal(counter_get(&second.page->signatures), 1);
    assert_int_equal(shutdown(running.queue, SHUT_RDWR), 0);
    assert_int_equal(running_end(&second), 0);
    assert_int_equal(running_end(&running), 0);
}

static void a_check_signs_with_everything_and_ends(void **state)
{
    (void)state;
    start_fake("ftps-rsa", "");
    start.check = true;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    assert_int_equal(running.key_count, 1);
    assert_int_equal(running_end(&running), 0);
    assert_non_null(strstr(running.log_text, "event=signer-checked"));
}

static void a_check_tells_what_fails(void **state)
{
    static const struct {
        const char *key, *control, *said;
    } rows[] = {
        {"ftps-rsa", "corrupt C_Sign",
         "signing with rsa_pss_rsae_sha512 failed: the signature does not verify"},
        {"ftps-rsa", "fail C_Sign 1 CKR_DEVICE_ERROR",
         "signing with rsa_pkcs1_sha256 failed: C_Sign: CKR_DEVICE_ERROR"},
        {"ftps-rsa", "fail C_SignInit 9 CKR_MECHANISM_INVALID",
         "rsa_pss_rsae_sha256 failed: C_SignInit: CKR_MECHANISM_INVALID"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        start_fake(rows[i].key, rows[i].control);
        start.check = true;
        running_start(&running, &start, FIXTURE_PIN);
        assert_int_equal(running_end(&running), 1);
        assert_int_equal(running.fault_code, 1);
        if (!strstr(running.fault, rows[i].said))
            fail_msg("\"%s\" is not in \"%s\"", rows[i].said, running.fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_fault_ends_the_process),
        cmocka_unit_test(an_idle_signer_finds_its_token_gone),
        cmocka_unit_test(what_is_no_fault_is_survived),
        cmocka_unit_test(pss_as_the_token_can),
        cmocka_unit_test(ec_keys_need_ecdsa),
        cmocka_unit_test(no_login_is_tried_twice),
        cmocka_unit_test(force_login_goes_on),
        cmocka_unit_test(faults_before_it_is_ready),
        cmocka_unit_test(an_ec_key_that_signs_wrongly_does_not_start),
        cmocka_unit_test(a_hung_signature_is_seen_and_killed),
        cmocka_unit_test(a_hung_proof_is_seen_and_killed),
        cmocka_unit_test(one_at_a_time_over_two_signers),
        cmocka_unit_test(a_check_signs_with_everything_and_ends),
        cmocka_unit_test(a_check_tells_what_fails),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
