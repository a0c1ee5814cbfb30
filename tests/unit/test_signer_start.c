/* The real p11gate-signer when it cannot start: every wrong key, certificate, token and PIN has its sentence.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "signer_fixture.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct signer_start start;
static struct running running;

static void expect_fault(uint32_t code, const char *part)
{
    assert_int_equal(running_end(&running), (int)code);
    assert_false(running.ready);
    assert_int_equal(running.fault_code, code);
    if (!strstr(running.fault, part))
        fail_msg("\"%s\" is not in \"%s\"", part, running.fault);
}

struct fault_row {
    const char *key;
    const char *said;
};

static const struct fault_row fault_rows[] = {
    {"ftp", "no such private key on token \"edge\"; there are: \""},
    {"", "it is empty"},
    {"ftps-rsa ", "no such private key"},
    {"FTPS-RSA", "no such private key"},
    {"twin", "2 private keys of token \"edge\" fit"},
    {"pkcs11:", "private keys of token \"edge\" fit"},
    {"pkcs11:object=twin", "2 private keys of token \"edge\" fit"},
    {"pkcs11:id=%99", "no such private key"},
    {"pkcs11:id=%01;object=ftps-ec", "no such private key"},
    {"pkcs11:token=other;object=ftps-rsa", "no such private key"},
    {"pkcs11:object=ftps-rsa;type=cert", "something else than a private key"},
    {"pkcs11:object=ftps-rsa;colour=red", "an attribute that RFC 7512 does not know"},
    {"pkcs11:object=%zz", "this pkcs11: URI cannot be used"},
    {"pkcs11:object=ftps-rs?pin-value=1234", "a PIN must not stand in a key's URI"},
    {"pkcs11:object=ftps-r?pin-source=/etc/pin", "a PIN must not stand in a key's URI"},
    {"p384", "token \"edge\" has no certificate with the key's id (%03)"},
    {"ed", "token \"edge\" has no certificate with the key's id (%07)"},
};

static void expect_problem(const struct fault_row *row)
{
    char line[200];
    const char *found;

    (void)snprintf(line, sizeof line,
                   "p11gate.conf:31: listener \"ftps-edge\": key \"%.*s\": ", (int)strcspn(row->key, "?"),
                   row->key);
    found = strstr(running.fault, line);
    if (!found || !strstr(found, row->said))
        fail_msg("%s%s: not in %s", line, row->said, running.fault);
}

static void every_wrong_key_is_named(void **state)
{
    const size_t count = ROWS(fault_rows);

    (void)state;
    for (size_t at = 0; at < count; at += 6) {
        fixture_start(&start, "ftps-rsa");
        for (start.wanted_count = 0; start.wanted_count < 6 && at + start.wanted_count < count;) {
            struct signer_wanted *wanted = &start.wanted[start.wanted_count];

            *wanted = start.wanted[0];
            wanted->name = fault_rows[at + start.wanted_count++].key;
        }
        running_start(&running, &start, FIXTURE_PIN);
        expect_fault(1, "p11gate.conf:31: ");
        for (size_t i = 0; i < start.wanted_count; i++)
            expect_problem(&fault_rows[at + i]);
        assert_null(strstr(running.fault, "1234"));
    }
}

static void more_problems_than_a_report_holds_are_counted(void **state)
{
    (void)state;
    fixture_start(&start, "no-such-key");
    for (start.wanted_count = 1; start.wanted_count < 100; start.wanted_count++)
        start.wanted[start.wanted_count] = start.wanted[0];
    running_start(&running, &start, FIXTURE_PIN);
    expect_fault(1, "more problems of this keystore's keys");
}

static void certificates_that_do_not_fit(void **state)
{
    static const struct {
        enum fixture_key certificate;
        const char *key;
        const char *said;
    } rows[] = {
        {FIXTURE_TWIN_1, "ftps-ec",
         "the private key (EC) and the certificate (CN=twin) do not belong together"},
        {FIXTURE_EC, "ftps-rsa",
         "the private key (RSA) and the certificate (CN=ftps-ec) do not belong together"},
        {FIXTURE_RSA, "ftps-ec", "do not belong together"},
        {FIXTURE_P384, "p521", "do not belong together"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *pem;

        fixture_start(&start, NULL);
        pem = fixture_want(&start, rows[i].key, fixture.certificates[rows[i].certificate]);
        running_start(&running, &start, FIXTURE_PIN);
        expect_fault(1, rows[i].said);
        free(pem);
    }
}

static void certificate_files_that_are_none(void **state)
{
    static const struct {
        const char *pem;
        const char *said;
    } rows[] = {
        {"hello", "certificate-file \"as2.pem\": no certificate in PEM form"},
        {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "certificate number 1 is broken"},
        {"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n", "certificate number 1 is broken"},
        {"-----BEGIN CERTIFICATE-----\nMIIB", "certificate number 1 is broken"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        fixture_start(&start, "ftps-rsa");
        start.wanted[0].certificates = (const uint8_t *)rows[i].pem;
        start.wanted[0].certificates_len = strlen(rows[i].pem);
        start.wanted[0].certificates_path = "as2.pem";
        running_start(&running, &start, FIXTURE_PIN);
        expect_fault(1, rows[i].said);
    }
}

static void tokens_that_are_not_there(void **state)
{
    static const char *const absent[] = {"pkcs11:token=elsewhere", "pkcs11:serial=0",
                                         "pkcs11:token=edge;slot-id=7"};

    (void)state;
    for (size_t i = 0; i < ROWS(absent); i++) {
        fixture_start(&start, "ftps-rsa");
        start.token = absent[i];
        running_start(&running, &start, FIXTURE_PIN);
        assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
        assert_true(running_saw(&running, SIGNER_ABSENT));
        assert_false(running_saw(&running, SIGNER_LOGGING_IN));
        assert_non_null(strstr(running.last_state_text, "there are: \""));
        assert_non_null(strstr(running.last_state_text, "\"edge\""));
    }
}

static void keystores_that_cannot_be(void **state)
{
    static const struct {
        const char *module, *token, *said;
    } rows[] = {
        {"/usr/lib/no-such-module.so", "pkcs11:token=edge", "the module cannot be loaded"},
        {"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "pkcs11:token=edge", "is no PKCS#11 module"},
        {"/etc/passwd", "pkcs11:token=edge", "the module cannot be loaded"},
        {"/usr/lib/softhsm/libsofthsm2.so", "token=edge", "is not a pkcs11: URI"},
        {"/usr/lib/softhsm/libsofthsm2.so", "pkcs11:tokn=edge", "an attribute that no token can have"},
        {"/usr/lib/softhsm/libsofthsm2.so", "pkcs11:manufacturer=SoftHSM%20project", "2 tokens fit"},
        {"/usr/lib/softhsm/libsofthsm2.so", "", "2 tokens fit"},
        {"/usr/lib/softhsm/libsofthsm2.so", "pkcs11:token=edge?pin-value=1234", "a PIN must not stand in"},
        {"/usr/lib/softhsm/libsofthsm2.so", "pkcs11:token=%zz?pin-value=1234", "is not a pkcs11: URI"},
        {"/usr/lib/softhsm/libsofthsm2.so", "pkcs11:tokn=edge?pin-value=1234", "an attribute that no token"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        fixture_start(&start, "ftps-rsa");
        start.module = rows[i].module;
        start.token = rows[i].token;
        running_start(&running, &start, FIXTURE_PIN);
        expect_fault(1, rows[i].said);
        assert_non_null(strstr(running.fault, "p11gate.conf:7: keystore \"edge\": "));
        assert_null(strstr(running.fault, "1234"));
    }
}

static void pins_that_cannot_be(void **state)
{
    char long_pin[300];

    (void)state;
    memset(long_pin, 'p', sizeof long_pin);
    long_pin[299] = 0;
    const struct {
        const char *pin, *said;
    } rows[] = {
        {NULL, "asks for a PIN: set pin-file or pin-credential"},
        {"", "the PIN is empty"},
        {"\r\n", "the PIN is empty"},
        {"two\nlines\n", "more than one line"},
        {long_pin, "longer than 255 bytes"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        fixture_start(&start, "ftps-rsa");
        running_start(&running, &start, rows[i].pin);
        expect_fault(1, rows[i].said);
        assert_false(running_saw(&running, SIGNER_LOGGING_IN) && rows[i].pin);
    }
}

/* SoftHSM2 says PIN_COUNT_LOW after one wrong try, until a right one. */
static void a_wrong_pin_is_tried_once(void **state)
{
    (void)state;
    fixture_start(&start, "ftps-rsa");
    running_start(&running, &start, "wrong-pin");
    expect_fault(77, "token \"edge\" refused the PIN (C_Login: CKR_PIN_INCORRECT). It was tried once");
    running_start(&running, &start, FIXTURE_PIN);
    expect_fault(77, "a wrong PIN was tried (CKF_USER_PIN_COUNT_LOW). No login was tried.");
    start.force_login = true;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    running_stop(&running);
    start.force_login = false;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    running_stop(&running);
}

static void files_that_are_no_keys(void **state)
{
    static const struct fault_row rows[] = {
        {"nothing", "nothing.key cannot be read: No such file or directory; keys here: \""},
        {"locked", "locked.key: no private key in PEM form without a pass phrase"},
        {"empty", "empty.key: no private key in PEM form"},
        {"lonely", "lonely.crt cannot be read"},
        {"wrong", "do not belong together"},
        {"../keys/rsa", "with no path"},
        {".hidden", "with no path"},
        {"pkcs11:object=rsa", "with no path"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        fixture_start_directory(&start);
        start.wanted[0].name = rows[i].key;
        running_start(&running, &start, NULL);
        expect_fault(1, rows[i].said);
    }
    fixture_start_directory(&start);
    start.directory = "/nonexistent";
    running_start(&running, &start, NULL);
    expect_fault(1, "directory = \"/nonexistent\" cannot be opened by the signers' user: No such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_key_is_named),
        cmocka_unit_test(more_problems_than_a_report_holds_are_counted),
        cmocka_unit_test(certificates_that_do_not_fit),
        cmocka_unit_test(certificate_files_that_are_none),
        cmocka_unit_test(tokens_that_are_not_there),
        cmocka_unit_test(keystores_that_cannot_be),
        cmocka_unit_test(pins_that_cannot_be),
        cmocka_unit_test(a_wrong_pin_is_tried_once),
        cmocka_unit_test(files_that_are_no_keys),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
