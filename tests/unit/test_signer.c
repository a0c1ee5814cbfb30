/* The real p11gate-signer with a SoftHSM2 token: what it signs and what it refuses. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "signer_requests.h"

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

struct use {
    size_t key;
    enum fixture_key fixture_key;
    uint32_t scheme;
    bool tls13;
};

static const struct use uses[] = {
    {0, FIXTURE_RSA, 0x0401, false},  {0, FIXTURE_RSA, 0x0501, false},  {0, FIXTURE_RSA, 0x0601, false},
    {0, FIXTURE_RSA, 0x0804, true},   {0, FIXTURE_RSA, 0x0805, true},   {0, FIXTURE_RSA, 0x0806, true},
    {0, FIXTURE_RSA, 0x0804, false},  {1, FIXTURE_EC, 0x0403, true},    {1, FIXTURE_EC, 0x0403, false},
    {1, FIXTURE_EC, 0x0503, false},   {1, FIXTURE_EC, 0x0603, false},   {2, FIXTURE_P384, 0x0503, true},
    {2, FIXTURE_P384, 0x0403, false}, {2, FIXTURE_P384, 0x0603, false}, {3, FIXTURE_P521, 0x0603, true},
    {3, FIXTURE_P521, 0x0403, false}, {4, FIXTURE_ED, 0x0807, true},    {4, FIXTURE_ED, 0x0807, false},
};

static void expect_inventory(void)
{
    static const uint32_t schemes[] = {INVENTORY_RSA_PKCS1 | INVENTORY_RSA_PSS, INVENTORY_ECDSA,
                                       INVENTORY_ECDSA, INVENTORY_ECDSA, INVENTORY_ED25519};

    static const enum fixture_key of[] = {FIXTURE_RSA, FIXTURE_EC, FIXTURE_P384, FIXTURE_P521, FIXTURE_ED};

    assert_int_equal(running.key_count, ROWS(schemes));
    for (size_t i = 0; i < ROWS(schemes); i++) {
        const unsigned char *der = running.keys[i].chain[0].der;
        X509 *leaf = d2i_X509(NULL, &der, (long)running.keys[i].chain[0].len);

        assert_int_equal(running.keys[i].wanted, i);
        assert_int_equal(running.keys[i].schemes, schemes[i]);
        assert_int_equal(running.keys[i].chain_len, 2); /* the root is left out */
        assert_int_equal(X509_cmp(leaf, fixture.certificates[of[i]]), 0);
        X509_free(leaf);
    }
}

static void signs_with_every_key_and_scheme(void **state)
{
    char *pems[3];

    (void)state;
    fixture_start(&start, "ftps-rsa");
    start.wanted[1] = start.wanted[0];
    start.wanted[1].name = "pkcs11:token=edge;object=ftps-ec;type=private";
    start.wanted_count = 2;
    pems[0] = fixture_want(&start, "p384", fixture.certificates[FIXTURE_P384]);
    pems[1] = fixture_want(&start, "pkcs11:id=%04", fixture.certificates[FIXTURE_P521]);
    pems[2] = fixture_want(&start, "ed", fixture.certificates[FIXTURE_ED]);
    running_start(&running, &start, FIXTURE_PIN "\n");
    if (!running.ready)
        fail_msg("not ready: %s %s", running.fault, running.last_state_text);
    expect_inventory();
    for (size_t i = 0; i < ROWS(uses); i++) {
        enum sign_form form = uses[i].tls13 ? SIGN_FORM_TLS13_SERVER : SIGN_FORM_TLS12_SERVER;
        uint8_t bytes[MESSAGE_BYTES];
        size_t len = message_bytes(form, bytes);
        struct reply reply;

        assert_int_equal(request_status(&running, uses[i].key, form, uses[i].scheme, bytes, len, &reply),
                         SIGN_DONE);
        if (!signature_good(fixture.keys[uses[i].fixture_key], uses[i].scheme, bytes, len, &reply))
            fail_msg("scheme %04x with key %zu does not verify", uses[i].scheme, uses[i].key);
    }
    assert_int_equal(counter_get(&running.page->signatures), ROWS(uses));
    assert_int_equal(counter_get(&running.page->busy_since_ms), 0);
    assert_non_null(strstr(running_log(&running), "event=signer-ready keystore=edge token=edge"));
    running_stop(&running);
    assert_true(running_saw(&running, SIGNER_STARTING) && running_saw(&running, SIGNER_LOGGING_IN));
    free(pems[0]);
    free(pems[1]);
    free(pems[2]);
}

static void start_with_rsa(void)
{
    fixture_start(&start, "ftps-rsa");
    running_start(&running, &start, FIXTURE_PIN);
    assert_true(running.ready);
}

/* A worker that was taken over asks for everything else. */
static void refuses_what_is_no_handshake(void **state)
{
    static const struct {
        enum sign_form form;
        uint32_t scheme;
        enum sign_form bytes_of;
        enum sign_status expected;
    } rows[] = {
        {SIGN_FORM_TLS13_SERVER, 0x0804, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED},
        {SIGN_FORM_TLS12_SERVER, 0x0804, SIGN_FORM_TLS13_SERVER, SIGN_NOT_ALLOWED},
        {SIGN_FORM_TLS13_CLIENT, 0x0804, SIGN_FORM_TLS13_SERVER, SIGN_NOT_ALLOWED},
        {SIGN_FORM_TLS12_CLIENT, 0x0401, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED},
        {(enum sign_form)0, 0x0401, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED},
        {(enum sign_form)9, 0x0401, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED},
        {SIGN_FORM_TLS12_SERVER, 0x0201, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED}, /* SHA-1 */
        {SIGN_FORM_TLS12_SERVER, 0x0101, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED}, /* MD5 */
        {SIGN_FORM_TLS12_SERVER, 0x0000, SIGN_FORM_TLS12_SERVER, SIGN_NOT_ALLOWED},
        {SIGN_FORM_TLS13_SERVER, 0x0401, SIGN_FORM_TLS13_SERVER, SIGN_NO_SCHEME}, /* PKCS#1 in TLS 1.3 */
        {SIGN_FORM_TLS13_SERVER, 0x0403, SIGN_FORM_TLS13_SERVER, SIGN_NO_SCHEME}, /* ECDSA of an RSA key */
    };
    struct reply reply;

    (void)state;
    start_with_rsa();
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint8_t bytes[MESSAGE_BYTES];
        size_t len = message_bytes(rows[i].bytes_of, bytes);

        assert_int_equal(request_status(&running, 0, rows[i].form, rows[i].scheme, bytes, len, &reply),
                         rows[i].expected);
    }
    assert_int_equal(counter_get(&running.page->refused), ROWS(rows));
    assert_int_equal(counter_get(&running.page->signatures), 0);
    assert_non_null(strstr(running_log(&running), "event=sign-refused"));
    running_stop(&running);
}

static void unknown_key(void **state)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    struct sign_request head;
    struct reply reply;

    (void)state;
    start_with_rsa();
    request_fill(&head, &running, 0, SIGN_FORM_TLS13_SERVER, 0x0804, len);
    head.key[31] ^= 1;
    reply_take(request_send(&running, &head, bytes, len), &reply);
    assert_int_equal(reply.answer.status, SIGN_NO_KEY);
    running_stop(&running);
}

static void expect_alive(void)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    struct reply reply;

    assert_int_equal(request_status(&running, 0, SIGN_FORM_TLS13_SERVER, 0x0804, bytes, len, &reply),
                     SIGN_DONE);
}

static void broken_requests_are_answered_and_survived(void **state)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    struct sign_request good, head;
    struct reply reply;

    (void)state;
    start_with_rsa();
    request_fill(&good, &running, 0, SIGN_FORM_TLS13_SERVER, 0x0804, len);
    for (int row = 0; row < 6; row++) {
        head = good;
        head.magic += row == 0;
        head.version += row == 1;
        head.bytes_len += row == 2;
        head.bytes_len -= row == 3;
        head.bytes_len = row == 4 ? 0xffffffff : head.bytes_len;
        reply_take(request_send(&running, &head, bytes, row == 5 ? len - 1 : len), &reply);
        assert_int_equal(reply.answer.status, SIGN_NOT_ALLOWED);
    }
    expect_alive();
    running_stop(&running);
}

/* As somebody with the queue's descriptor can: any bytes, any number of descriptors. */
static void send_raw(const void *data, size_t len, int fd_count)
{
    int fds[4] = {0, 0, 0, 0};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fds)];
    } control = {.bytes = {0}};
    char copy[256];
    struct iovec part = {copy, len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    memcpy(copy, data, len);
    if (fd_count) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)fd_count * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN((size_t)fd_count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, (size_t)fd_count * sizeof(int));
    }
    assert_int_equal(sendmsg(running.queue, &message, MSG_NOSIGNAL), len);
}

static int open_fds(void)
{
    char command[128];
    FILE *output;
    int count = -1;

    (void)snprintf(command, sizeof command, "ls /proc/%d/fd 2>/dev/null | wc -l", (int)running.pid);
    output = popen(command, "re");
    assert_non_null(output);
    assert_int_equal(fscanf(output, "%d", &count), 1);
    pclose(output);
    return count;
}

static void hostile_datagrams_end_nothing_and_leak_nothing(void **state)
{
    int before;

    (void)state;
    start_with_rsa();
    expect_alive();
    before = open_fds();
    send_raw("", 0, 0); /* reads as 0, like the end of the queue */
    send_raw("", 0, 1);
    send_raw("", 0, 4);
    send_raw("x", 1, 0);
    send_raw("x", 1, 2);
    send_raw("x", 1, 4);
    expect_alive();
    assert_int_equal(open_fds(), before);
    running_stop(&running);
}

static void nobody_waits_nobody_signs(void **state)
{
    uint8_t bytes[MESSAGE_BYTES];
    size_t len = message_bytes(SIGN_FORM_TLS13_SERVER, bytes);
    struct sign_request head;
    struct reply reply;
    int fd;

    (void)state;
    start_with_rsa();
    assert_int_equal(kill(running.pid, SIGSTOP), 0);
    request_fill(&head, &running, 0, SIGN_FORM_TLS13_SERVER, 0x0804, len);
    for (int i = 0; i < 5; i++)
        assert_int_equal(close(request_send(&running, &head, bytes, len)), 0); /* the requester is gone */
    head.deadline_ms = clock_monotonic_ms();
    fd = request_send(&running, &head, bytes, len);
    assert_int_equal(kill(running.pid, SIGCONT), 0);
    reply_take(fd, &reply);
    assert_false(reply.came); /* too late: end-of-file */
    expect_alive();
    assert_int_equal(counter_get(&running.page->signatures), 1);
    running_stop(&running);
}

static void ends_when_the_last_sender_is_gone(void **state)
{
    (void)state;
    start_with_rsa();
    assert_int_equal(close(running.queue), 0);
    running.queue = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(running_end(&running), 0);
}

/* Only root may look into a process that is not dumpable; another user proves that it may not. */
static void the_pin_is_gone_and_nobody_may_look(void **state)
{
    char path[64];

    (void)state;
    start_with_rsa();
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)running.pid);
    if (geteuid() == 0) {
        assert_true(memory_has(running.pid, "ftps-rsa"));
        assert_false(memory_has(running.pid, FIXTURE_PIN));
    } else {
        assert_int_equal(open(path, O_RDONLY | O_CLOEXEC), -1);
        assert_int_equal(errno, EACCES);
    }
    running_stop(&running);
}

static void a_directory_signs_too(void **state)
{
    static const struct use rows[] = {{0, FIXTURE_RSA, 0x0401, false},
                                      {0, FIXTURE_RSA, 0x0806, true},
                                      {1, FIXTURE_EC, 0x0403, true},
                                      {2, FIXTURE_ED, 0x0807, true},
                                      {2, FIXTURE_ED, 0x0807, false}};

    (void)state;
    fixture_start_directory(&start);
    start.wanted[1] = start.wanted[0];
    start.wanted[1].name = "ec";
    start.wanted[2] = start.wanted[0];
    start.wanted[2].name = "ed";
    start.wanted_count = 3;
    running_start(&running, &start, NULL);
    assert_true(running.ready);
    assert_false(running_saw(&running, SIGNER_LOGGING_IN));
    assert_int_equal(running.keys[0].chain_len, 2);
    assert_int_equal(running.keys[2].schemes, INVENTORY_ED25519);
    for (size_t i = 0; i < ROWS(rows); i++) {
        enum sign_form form = rows[i].tls13 ? SIGN_FORM_TLS13_SERVER : SIGN_FORM_TLS12_SERVER;
        uint8_t bytes[MESSAGE_BYTES];
        size_t len = message_bytes(form, bytes);
        struct reply reply;

        assert_int_equal(request_status(&running, rows[i].key, form, rows[i].scheme, bytes, len, &reply),
                         SIGN_DONE);
        assert_true(signature_good(fixture.keys[rows[i].fixture_key], rows[i].scheme, bytes, len, &reply));
    }
    running_stop(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_with_every_key_and_scheme),
        cmocka_unit_test(refuses_what_is_no_handshake),
        cmocka_unit_test(unknown_key),
        cmocka_unit_test(broken_requests_are_answered_and_survived),
        cmocka_unit_test(hostile_datagrams_end_nothing_and_leak_nothing),
        cmocka_unit_test(nobody_waits_nobody_signs),
        cmocka_unit_test(ends_when_the_last_sender_is_gone),
        cmocka_unit_test(the_pin_is_gone_and_nobody_may_look),
        cmocka_unit_test(a_directory_signs_too),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
