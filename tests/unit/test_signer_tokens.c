/* The real p11gate-signer with tokens that are not like SoftHSM2 out of the box: keys that want the PIN each
 * time, keys without a label, thousands of objects, few sessions, other mechanisms. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "signer_requests.h"
#include "token_objects.h"

#include "clock.h"

#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ID_ALWAYS = 0x21, ID_BARE = 0x22, ID_DEEP = 0x23, OBJECTS = 2000 };

static struct signer_start start;
static struct running running;

/* Keys and certificates that only this program needs. */
static struct {
    EVP_PKEY *always, *bare, *deep;
    X509 *always_certificate, *bare_certificate;
} extra;

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    extra.always = EVP_EC_gen("P-256");
    extra.bare = EVP_EC_gen("P-256");
    extra.always_certificate =
        fixture_certificate("always", extra.always, fixture.intermediate, fixture.intermediate_key);
    extra.bare_certificate =
        fixture_certificate("bare", extra.bare, fixture.intermediate, fixture.intermediate_key);
    token_objects_add_key(&(struct token_object_key){extra.always, "always", ID_ALWAYS, true});
    token_objects_add_key(&(struct token_object_key){extra.bare, NULL, ID_BARE, false});
    token_objects_add_certificates(&extra.always_certificate, 1, ID_ALWAYS);
    token_objects_add_certificates(&extra.bare_certificate, 1, ID_BARE);
    return 0;
}

static int teardown(void **state)
{
    X509_free(extra.always_certificate);
    X509_free(extra.bare_certificate);
    EVP_PKEY_free(extra.always);
    EVP_PKEY_free(extra.bare);
    return fixture_teardown(state);
}

static void run(const char *key, const char *control)
{
    fixture_control(control);
    fixture_start(&start, key);
    start.module = FAKE_MODULE;
    running_start(&running, &start, FIXTURE_PIN);
    if (!running.ready)
        fail_msg("not ready: %s %s", running.fault, running.last_state_text);
}

static uint32_t sign_ec(size_t key, EVP_PKEY *public, struct reply *reply)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    uint32_t status = request_status(&running, key, SIGN_FORM_TLS13_SERVER, 0x0403, bytes, len, reply);

    if (status == SIGN_DONE)
        assert_true(signature_good(public, 0x0403, bytes, len, reply));
    return status;
}

/* SoftHSM2 refuses C_Sign without C_Login(CKU_CONTEXT_SPECIFIC) before it. The PIN is there meanwhile, and
 * only then: with an ordinary key a test beside this one looks for it in vain. */
static void a_key_that_wants_the_pin_each_time_signs(void **state)
{
    struct reply reply;

    (void)state;
    run("always", "");
    for (int i = 0; i < 3; i++)
        assert_int_equal(sign_ec(0, extra.always, &reply), SIGN_DONE);
    if (geteuid() == 0)
        assert_true(memory_has(running.pid, FIXTURE_PIN));
    running_stop(&running);
}

static void beside_it_an_ordinary_key_needs_none(void **state)
{
    struct reply reply;

    (void)state;
    fixture_control("");
    fixture_start(&start, "always");
    start.wanted[1] = start.wanted[0];
    start.wanted[1].name = "ftps-ec";
    start.wanted_count = 2;
    start.module = FAKE_MODULE;
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    fixture_control("fail C_Login 9 CKR_GENERAL_ERROR");
    assert_int_equal(sign_ec(1, fixture.keys[FIXTURE_EC], &reply), SIGN_DONE);
    assert_int_equal(sign_ec(0, extra.always, &reply), SIGN_AGAIN);
    assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
    assert_string_equal(running.last_state_text, "C_Login(CKU_CONTEXT_SPECIFIC): CKR_GENERAL_ERROR");
}

/* "Again" would have the next signer try the PIN, and the one behind it, until the token is locked. */
static void a_pin_that_is_refused_later_is_tried_once_too(void **state)
{
    static const struct {
        const char *control, *said;
    } rows[] = {
        {"fail C_Login 9 CKR_PIN_INCORRECT", "C_Login(CKU_CONTEXT_SPECIFIC): CKR_PIN_INCORRECT"},
        {"fail C_Login 9 CKR_PIN_LOCKED", "C_Login(CKU_CONTEXT_SPECIFIC): CKR_PIN_LOCKED"},
        {"flag COUNT_LOW\nfail C_Login 9 CKR_GENERAL_ERROR", "the token warns of its last tries of the PIN"},
        {"flag FINAL_TRY\nfail C_Login 9 CKR_GENERAL_ERROR", "the token warns of its last tries of the PIN"},
    };
    struct reply reply;

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        run("always", "");
        fixture_control(rows[i].control);
        assert_int_equal(sign_ec(0, extra.always, &reply), SIGN_FAILED);
        assert_int_equal(running_end(&running), CHILD_EXIT_PIN);
        assert_int_equal(running.fault_code, CHILD_EXIT_PIN);
        if (!strstr(running.fault, rows[i].said))
            fail_msg("\"%s\" is not in \"%s\"", rows[i].said, running.fault);
    }
}

static void a_key_without_a_label_is_found_by_its_id(void **state)
{
    struct reply reply;

    (void)state;
    run("pkcs11:id=%22", "");
    assert_int_equal(sign_ec(0, extra.bare, &reply), SIGN_DONE);
    running_stop(&running);
}

/* The token is searched at the start, once: afterwards no search would be answered. */
static void thousands_of_objects_cost_nothing_per_signature(void **state)
{
    uint64_t begun_ms, start_ms[2], sign_us[2];
    struct reply reply;

    (void)state;
    for (int with = 0; with < 2; with++) {
        if (with) {
            token_objects_add_data("one of thousands");
            token_objects_copy("one of thousands", OBJECTS);
        }
        begun_ms = clock_monotonic_ms();
        run("ftps-ec", "");
        start_ms[with] = clock_monotonic_ms() - begun_ms;
        fixture_control("fail C_FindObjectsInit 999 CKR_DEVICE_ERROR\n"
                        "fail C_GetAttributeValue 999 CKR_DEVICE_ERROR\n");
        begun_ms = clock_monotonic_us();
        for (int i = 0; i < 100; i++)
            assert_int_equal(sign_ec(0, fixture.keys[FIXTURE_EC], &reply), SIGN_DONE);
        sign_us[with] = (clock_monotonic_us() - begun_ms) / 100;
        running_stop(&running);
    }
    print_message(
        "start with %d objects more: %lu ms instead of %lu ms; a signature: %lu us instead of %lu us\n",
        OBJECTS, (unsigned long)start_ms[1], (unsigned long)start_ms[0], (unsigned long)sign_us[1],
        (unsigned long)sign_us[0]);
}

/* The chain is found by its subjects, wherever among many certificates it lies. */
static void a_chain_is_found_among_hundreds_of_certificates(void **state)
{
    EVP_PKEY *issuer_key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
    X509 *issuer = fixture_certificate("deep issuer", issuer_key, fixture.root, fixture.root_key);
    X509 *other = fixture_certificate("one of hundreds", other_key, NULL, NULL), *leaf;

    (void)state;
    extra.deep = EVP_EC_gen("P-256");
    leaf = fixture_certificate("deep", extra.deep, issuer, issuer_key);
    token_objects_add_certificates(&other, 1, 0x77);
    token_objects_copy("one of hundreds", 1000);
    token_objects_add_key(&(struct token_object_key){extra.deep, "deep", ID_DEEP, false});
    token_objects_add_certificates(&issuer, 1, 0x78);
    token_objects_add_certificates(&leaf, 1, ID_DEEP);
    run("deep", "");
    assert_int_equal(running.keys[0].chain_len, 2);
    running_stop(&running);
    X509_free(other);
    X509_free(leaf);
    X509_free(issuer);
    EVP_PKEY_free(extra.deep);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(other_key);
}

/* One word behind another word of what a command prints. */
static void word_after(const char *command, const char *before, char out[64])
{
    char text[8192];
    FILE *output = popen(command, "re");
    size_t len;
    char *at;

    assert_non_null(output);
    len = fread(text, 1, sizeof text - 1, output);
    text[len] = 0;
    pclose(output);
    at = strstr(text, before);
    assert_non_null(at);
    at += strlen(before);
    at += strspn(at, " :");
    (void)snprintf(out, 64, "%.*s", (int)strcspn(at, " \n"), at);
}

/* RFC 7512: each attribute narrows, a wrong one matches nothing (P3), an unknown query attribute is ignored.
 */
static void a_key_is_found_by_every_kind_of_uri(void **state)
{
    enum { NOTHING, SERIAL, SLOT };
    static const struct {
        const char *before; /* then the token's serial number or slot, then: */
        const char *after;
        int what;
        bool found;
    } rows[] = {
        {"ftps-ec", "", NOTHING, true},
        {"pkcs11:object=ftps-ec", "", NOTHING, true},
        {"pkcs11:id=%02", "", NOTHING, true},
        {"pkcs11:id=%02;object=ftps-ec;type=private", "", NOTHING, true},
        {"pkcs11:token=edge;object=ftps-ec", "", NOTHING, true},
        {"pkcs11:manufacturer=SoftHSM%20project;model=SoftHSM%20v2;object=ftps-ec", "", NOTHING, true},
        {"pkcs11:serial=", ";token=edge;object=ftps-ec", SERIAL, true},
        {"pkcs11:slot-id=", ";object=ftps-ec", SLOT, true},
        {"pkcs11:library-manufacturer=SoftHSM;object=ftps-ec", "", NOTHING, true},
        {"pkcs11:object=ftps-ec?module-name=softhsm2&colour=red", "", NOTHING, true},
        {"pkcs11:object=%66%74%70s-ec", "", NOTHING, true},
        {"pkcs11:serial=0", ";object=ftps-ec", SERIAL, false},
        {"pkcs11:slot-id=1", ";object=ftps-ec", SLOT, false},
        {"pkcs11:manufacturer=Somebody;object=ftps-ec", "", NOTHING, false},
        {"pkcs11:model=Other;object=ftps-ec", "", NOTHING, false},
        {"pkcs11:token=other;object=ftps-ec", "", NOTHING, false},
        {"pkcs11:library-manufacturer=Other;object=ftps-ec", "", NOTHING, false},
        {"pkcs11:object=ftps-ec;colour=red", "", NOTHING, false},
        {"pkcs11:object=ftps-ec?pin-source=/etc/pin", "", NOTHING, false},
        {"pkcs11:object=ftps-ec?pin-value=1234", "", NOTHING, false},
    };
    static char names[ROWS(rows)][160];
    char values[3][64] = {""};

    (void)state;
    word_after("pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so -L | grep -A9 ': edge$'", "serial num",
               values[SERIAL]);
    word_after("softhsm2-util --show-slots | grep -B20 'Label: *edge *$' | grep ^Slot | tail -1", "Slot",
               values[SLOT]);
    for (size_t i = 0; i < ROWS(rows); i++) {
        (void)snprintf(names[i], sizeof names[i], "%s%s%s", rows[i].before, values[rows[i].what],
                       rows[i].after);
        fixture_start(&start, names[i]);
        running_start(&running, &start, FIXTURE_PIN);
        if (running.ready != rows[i].found)
            fail_msg("%s: %s", names[i], running.fault);
        if (running.ready)
            running_stop(&running);
        else
            assert_int_equal(running_end(&running), CHILD_EXIT_CONFIGURATION);
    }
}

/* Some tokens do nothing but PSS. */
static void a_token_with_pss_only(void **state)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS12_SERVER, bytes);
    struct reply reply;

    (void)state;
    run("ftps-rsa", "hide CKM_RSA_PKCS\nhide CKM_RSA_X_509\n");
    assert_int_equal(running.keys[0].schemes, INVENTORY_RSA_PSS);
    assert_int_equal(request_status(&running, 0, SIGN_FORM_TLS12_SERVER, 0x0401, bytes, len, &reply),
                     SIGN_NO_SCHEME);
    assert_int_equal(request_status(&running, 0, SIGN_FORM_TLS12_SERVER, 0x0804, bytes, len, &reply),
                     SIGN_DONE);
    running_stop(&running);
}

static void few_sessions_serve_as_many_signers(void **state)
{
    static struct running second;

    (void)state;
    run("ftps-ec", "sessions 1\n");
    running_start_beside(&second, &running, &start, FIXTURE_PIN);
    assert_false(second.ready);
    assert_int_equal(running_end(&second), CHILD_EXIT_FULL);
    assert_string_equal(second.last_state_text, "C_OpenSession: CKR_SESSION_COUNT");
    running_stop(&running);
    run("ftps-ec", "sessions 1\n"); /* the place is free again */
    running_stop(&running);
}

static void sessions_that_the_token_forgot(void **state)
{
    struct reply reply;

    (void)state;
    run("ftps-ec", "");
    fixture_control("forget\n");
    assert_int_equal(sign_ec(0, fixture.keys[FIXTURE_EC], &reply), SIGN_AGAIN);
    assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
    assert_string_equal(running.last_state_text, "C_SignInit: CKR_SESSION_HANDLE_INVALID");
    run("ftps-ec", "forget\n");
    assert_int_equal(sign_ec(0, fixture.keys[FIXTURE_EC], &reply), SIGN_DONE);
    running_stop(&running);
}

static void a_module_that_crashes(void **state)
{
    struct reply reply;
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    struct sign_request head;

    (void)state;
    run("ftps-ec", "");
    fixture_control("crash C_Sign\n");
    request_fill(&head, &running, 0, SIGN_FORM_TLS13_SERVER, 0x0403, len);
    reply_take(request_send(&running, &head, bytes, len), &reply);
    assert_false(reply.came); /* end-of-file: the worker asks another signer at once */
    assert_int_equal(running_end(&running), 256 + SIGSEGV);
    fixture_control("crash C_Initialize\n");
    running_start(&running, &start, FIXTURE_PIN);
    assert_int_equal(running_end(&running), 256 + SIGSEGV);
    assert_false(running.ready);
}

/* Another token in the slot, of the same name, with the same labels and other keys. */
static void a_token_that_comes_back_with_another_key_is_refused(void **state)
{
    struct reply reply;
    char line[400], conf[400];
    int len;

    (void)state;
    len = snprintf(conf, sizeof conf, "directories.tokendir = %s\nlog.level = ERROR\n",
                   fixture_path("changed"));
    fixture_command("mkdir %s", fixture_path("changed"));
    fixture_write("changed.conf", conf, (size_t)len);
    (void)snprintf(line, sizeof line, "SOFTHSM2_CONF=%s", fixture_path("changed.conf"));
    fixture_command("%s softhsm2-util --init-token --free --label edge --so-pin so-pin-1 --pin %s", line,
                    FIXTURE_PIN);
    fixture_command(
        "%s pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label edge --login --pin %s "
        "--keypairgen --key-type EC:prime256v1 --label ftps-ec --id 02",
        line, FIXTURE_PIN);
    fixture_control("");
    fixture_start(&start, NULL);
    start.module = FAKE_MODULE;
    char *pem = fixture_want(&start, "ftps-ec", fixture.certificates[FIXTURE_EC]);
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    (void)snprintf(line, sizeof line, "token %s\n", fixture_path("changed.conf"));
    fixture_control(line);
    assert_int_equal(sign_ec(0, fixture.keys[FIXTURE_EC], &reply), SIGN_AGAIN);
    assert_int_equal(running_end(&running), CHILD_EXIT_AGAIN);
    running_start(&running, &start, FIXTURE_PIN);
    assert_false(running.ready);
    assert_int_equal(running_end(&running), CHILD_EXIT_CONFIGURATION);
    assert_non_null(strstr(running.fault, "do not belong together"));
    fixture_control("");
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
    running_stop(&running);
    free(pem);
}

static void ed25519_needs_eddsa(void **state)
{
    (void)state;
    fixture_control("hide CKM_EDDSA\n");
    fixture_start(&start, "ed");
    start.module = FAKE_MODULE;
    running_start(&running, &start, FIXTURE_PIN);
    assert_int_equal(running_end(&running), CHILD_EXIT_CONFIGURATION);
    assert_non_null(strstr(running.fault, "the token does not offer CKM_EDDSA"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_wants_the_pin_each_time_signs),
        cmocka_unit_test(beside_it_an_ordinary_key_needs_none),
        cmocka_unit_test(a_pin_that_is_refused_later_is_tried_once_too),
        cmocka_unit_test(a_key_without_a_label_is_found_by_its_id),
        cmocka_unit_test(a_chain_is_found_among_hundreds_of_certificates),
        cmocka_unit_test(a_key_is_found_by_every_kind_of_uri),
        cmocka_unit_test(a_token_with_pss_only),
        cmocka_unit_test(few_sessions_serve_as_many_signers),
        cmocka_unit_test(sessions_that_the_token_forgot),
        cmocka_unit_test(a_module_that_crashes),
        cmocka_unit_test(a_token_that_comes_back_with_another_key_is_refused),
        cmocka_unit_test(ed25519_needs_eddsa),
        cmocka_unit_test(thousands_of_objects_cost_nothing_per_signature),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
