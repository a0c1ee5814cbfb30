#include "sign_client.h"

#include "clock.h"
#include "net_pair.h"
#include "sign_message.h"
#include "tls.h"
#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The signers' end of the queue, worked by hand: a request is taken, and its reply socket is answered,
 * closed (a signer that died) or forgotten. */
struct taken {
    struct sign_request header;
    uint8_t bytes[256];
    int reply;
};

static struct loop *loop;
static struct keystore_counters counters;
static struct sign_client *client;
static struct remote_signer *signer;
static int queue, broken_count;

static void queue_broken(void *owner)
{
    (void)owner;
    broken_count++;
}

static int new_queue(void)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    queue = pair[1];
    return pair[0];
}

static void start(unsigned in_flight, uint64_t timeout_ms)
{
    const struct sign_client_policy policy = {
        .keystore = "edge",
        .max_in_flight = in_flight,
        .timeout_ms = timeout_ms,
        .counters = &counters,
        .broken = queue_broken,
    };
    struct err err;

    memset(&counters, 0, sizeof counters);
    broken_count = 0;
    loop = loop_new(&err);
    client = sign_client_new(loop, &policy, &err);
    assert_non_null(client);
    sign_client_set_queue(client, new_queue());
    sign_client_set_up(client, true);
    signer = sign_client_signer(client);
}

static int stop(void **state)
{
    (void)state;
    sign_client_free(client);
    loop_free(loop);
    (void)close(queue);
    return 0;
}

static struct remote_signature signature_of(const char *bytes)
{
    return (struct remote_signature){.form = SIGN_FORM_TLS13_SERVER,
                                     .scheme = 0x0804,
                                     .bytes = (const uint8_t *)bytes,
                                     .bytes_len = strlen(bytes)};
}

static bool take(struct taken *out)
{
    struct iovec parts[2] = {{&out->header, sizeof out->header}, {out->bytes, sizeof out->bytes}};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    ssize_t got = recvmsg(queue, &message, MSG_DONTWAIT);

    if (got < (ssize_t)sizeof out->header)
        return false;
    assert_int_equal((size_t)got, sizeof out->header + out->header.bytes_len);
    memcpy(&out->reply, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof out->reply);
    return true;
}

static void answer(const struct taken *request, uint32_t status, const char *signature)
{
    struct {
        struct sign_answer header;
        char signature[64];
    } message = {.header = {.magic = SIGN_MAGIC,
                            .version = SIGN_VERSION,
                            .status = status,
                            .signature_len = (uint32_t)strlen(signature)}};

    memcpy(message.signature, signature, strlen(signature));
    (void)send(request->reply, &message, sizeof message.header + strlen(signature), MSG_NOSIGNAL);
    (void)close(request->reply);
}

static bool settled(void *arg)
{
    const struct remote_signature *signature = arg;

    return signature->done || signature->failed;
}

static void an_answer_reaches_its_signature(void **state)
{
    struct remote_signature signature = signature_of("to be signed");
    struct taken request;

    (void)state;
    start(4, 2000);
    signature.key[0] = 7;
    signer->ops->submit(signer, &signature);
    assert_true(take(&request));
    assert_int_equal(request.header.magic, SIGN_MAGIC);
    assert_int_equal(request.header.key[0], 7);
    assert_int_equal(request.header.scheme, 0x0804);
    assert_int_equal(request.header.attempt, 0);
    assert_true(request.header.deadline_ms > clock_monotonic_ms());
    assert_memory_equal(request.bytes, "to be signed", 12);
    answer(&request, SIGN_DONE, "SIGNATURE");
    assert_true(net_run_until(loop, settled, &signature));
    assert_true(signature.done && !signature.failed);
    assert_int_equal(signature.signature_len, 9);
    assert_memory_equal(signature.signature, "SIGNATURE", 9);
    assert_int_equal(counter_get(&counters.signatures), 1);
    assert_int_equal(counter_get(&counters.in_flight), 0);
}

/* A lost request is sent again at most twice, whether its signer died or asked for another to try. */
static void a_lost_request_is_sent_again_twice(void **state)
{
    struct remote_signature signature = signature_of("x");
    struct taken request;

    (void)state;
    start(4, 5000);
    signer->ops->submit(signer, &signature);
    for (uint32_t attempt = 0; attempt < 3; attempt++) {
        for (int i = 0; i < 1000 && !take(&request); i++)
            net_turns(loop, 1);
        assert_int_equal(request.header.attempt, attempt);
        if (attempt == 1)
            answer(&request, SIGN_AGAIN, "");
        else
            (void)close(request.reply);
    }
    assert_true(net_run_until(loop, settled, &signature));
    assert_true(signature.failed);
    assert_string_equal(signature.err.text, "keystore edge: the token failed three times");
    assert_false(take(&request));
    assert_int_equal(counter_get(&counters.resent), 2);
}

static void nobody_answers_and_the_deadline_ends_it(void **state)
{
    struct remote_signature signature = signature_of("x");
    struct taken request;

    (void)state;
    start(4, 60);
    signer->ops->submit(signer, &signature);
    assert_true(take(&request));
    assert_true(net_run_until(loop, settled, &signature));
    assert_string_equal(signature.err.text, "keystore edge: no signature within sign-timeout");
    answer(&request, SIGN_DONE, "LATE");
    net_turns(loop, 10);
    assert_int_equal(signature.signature_len, 0);
}

static void refusals_have_their_reasons(void **state)
{
    static const struct {
        uint32_t status;
        const char *reason;
    } rows[] = {
        {SIGN_NO_KEY, "keystore edge: the token has no key for this certificate"},
        {SIGN_NOT_ALLOWED, "keystore edge: the signer refused the form of the bytes"},
        {SIGN_NO_SCHEME, "keystore edge: the token cannot sign with this scheme"},
        {SIGN_FAILED, "keystore edge: the token refused to sign"},
        {12345, "keystore edge: the token refused to sign"},
    };
    struct taken request;

    (void)state;
    start(4, 2000);
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct remote_signature signature = signature_of("x");

        signer->ops->submit(signer, &signature);
        assert_true(take(&request));
        answer(&request, rows[i].status, "");
        assert_true(net_run_until(loop, settled, &signature));
        assert_string_equal(signature.err.text, rows[i].reason);
    }
}

static void a_malformed_answer_is_refused(void **state)
{
    static const struct {
        const char *name;
        struct sign_answer answer;
        size_t extra;
    } rows[] = {
        {"magic", {.magic = 1, .version = SIGN_VERSION, .status = SIGN_DONE}, 0},
        {"version", {.magic = SIGN_MAGIC, .version = 99, .status = SIGN_DONE}, 0},
        {"too short",
         {.magic = SIGN_MAGIC, .version = SIGN_VERSION, .status = SIGN_DONE, .signature_len = 8},
         4},
        {"too long",
         {.magic = SIGN_MAGIC, .version = SIGN_VERSION, .status = SIGN_DONE, .signature_len = 2},
         4},
        {"huge",
         {.magic = SIGN_MAGIC, .version = SIGN_VERSION, .status = SIGN_DONE, .signature_len = 1u << 31},
         9},
    };

    (void)state;
    start(4, 2000);
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct remote_signature signature = signature_of("x");
        uint8_t message[sizeof(struct sign_answer) + 16] = {0};
        struct taken request;

        memcpy(message, &rows[i].answer, sizeof rows[i].answer);
        signer->ops->submit(signer, &signature);
        assert_true(take(&request));
        (void)send(request.reply, message, sizeof rows[i].answer + rows[i].extra, MSG_NOSIGNAL);
        (void)close(request.reply);
        assert_true(net_run_until(loop, settled, &signature));
        if (!signature.failed)
            fail_msg("%s was taken", rows[i].name);
    }
}

/* The kernel's queue holds about ten: more wait here and are sent as room comes. */
static void a_full_queue_is_tried_again(void **state)
{
    enum { MANY = 40 };
    struct remote_signature signatures[MANY];
    struct taken request;
    int answered = 0;

    (void)state;
    start(MANY, 5000);
    for (int i = 0; i < MANY; i++) {
        signatures[i] = signature_of("x");
        signer->ops->submit(signer, &signatures[i]);
    }
    for (int i = 0; i < 100000 && answered < MANY; i++) {
        net_turns(loop, 1);
        while (take(&request)) {
            answer(&request, SIGN_DONE, "S");
            answered++;
        }
    }
    for (int i = 0; i < MANY; i++)
        assert_true(net_run_until(loop, settled, &signatures[i]) && !signatures[i].failed);
}

static void a_broken_queue_is_told_and_replaced(void **state)
{
    struct remote_signature signature = signature_of("x");
    struct taken request;

    (void)state;
    start(4, 5000);
    (void)close(queue);
    signer->ops->submit(signer, &signature);
    net_turns(loop, 5);
    assert_int_equal(broken_count, 1);
    sign_client_set_queue(client, new_queue());
    assert_true(take(&request));
    answer(&request, SIGN_DONE, "S");
    assert_true(net_run_until(loop, settled, &signature));
    assert_true(signature.done && !signature.failed);
}

static void a_cancelled_signature_is_never_touched(void **state)
{
    struct remote_signature signature = signature_of("x");
    struct taken request;

    (void)state;
    start(1, 2000);
    signer->ops->submit(signer, &signature);
    assert_true(take(&request));
    signer->ops->cancel(signer, &signature);
    memset(&signature, 0xee, sizeof signature);
    assert_int_equal(counter_get(&counters.in_flight), 1); /* the signer still works on it */
    answer(&request, SIGN_DONE, "S");
    for (int i = 0; i < 1000 && counter_get(&counters.in_flight); i++)
        net_turns(loop, 1);
    assert_int_equal(counter_get(&counters.in_flight), 0);
    assert_int_equal(signature.signature[0], 0xee);
}

static void without_a_token_nobody_waits_for_an_answer(void **state)
{
    struct remote_signature signature = signature_of("x");

    (void)state;
    start(4, 60000);
    signer->ops->submit(signer, &signature);
    sign_client_set_up(client, false);
    assert_true(signature.failed);
    assert_string_equal(signature.err.text, "keystore edge: its token is away");
    assert_int_equal(counter_get(&counters.in_flight), 0);
}

int main(void)
{
#define SIGN_TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        SIGN_TEST(an_answer_reaches_its_signature),
        SIGN_TEST(a_lost_request_is_sent_again_twice),
        SIGN_TEST(nobody_answers_and_the_deadline_ends_it),
        SIGN_TEST(refusals_have_their_reasons),
        SIGN_TEST(a_malformed_answer_is_refused),
        SIGN_TEST(a_full_queue_is_tried_again),
        SIGN_TEST(a_broken_queue_is_told_and_replaced),
        SIGN_TEST(without_a_token_nobody_waits_for_an_answer),
        SIGN_TEST(a_cancelled_signature_is_never_touched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
