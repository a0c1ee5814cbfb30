/* Places at the signers: who may ask for a signature, who waits, who is refused. */
#include "sign_client.h"

#include "net_pair.h"
#include "quotas.h"
#include "tls.h"
#include "unit.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 6 };

static struct loop *loop;
static struct keystore_counters counters;
static struct sign_client *client;
static struct remote_signer *signer;
static struct tls_ctx *ctx;
static struct tls *clients[CLIENTS];
static struct counters_page page; /* of the only worker */
static struct quotas *quotas;
static uint64_t timeout_ms = 5000;
static int far;

static int start(unsigned in_flight, uint32_t per_second, uint64_t patience_ms)
{
    static const struct keyed_hash_key hash;
    static const uint8_t secret[TLS_TICKET_SECRET_LEN];
    const struct tls_policy tls = {.name = "test",
                                   .versions = "1.2-1.3",
                                   .ciphers = "",
                                   .ciphersuites = "",
                                   .groups = "",
                                   .ticket_secret = secret,
                                   .session_lifetime_ms = 1000};
    const struct sign_client_policy policy = {.keystore = "edge",
                                              .max_in_flight = in_flight,
                                              .quotas = quotas = quotas_new(&page, &hash),
                                              .rate_key = 1,
                                              .per_second = per_second,
                                              .patience_ms = patience_ms,
                                              .timeout_ms = timeout_ms,
                                              .counters = &counters};
    struct err err;
    int pair[2];

    memset(&counters, 0, sizeof counters);
    memset((void *)&page, 0, sizeof page);
    loop = loop_new(&err);
    client = sign_client_new(loop, &policy, &err);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    far = pair[1];
    sign_client_set_queue(client, pair[0]);
    sign_client_set_up(client, true);
    signer = sign_client_signer(client);
    ctx = tls_ctx_new(&tls, &err);
    assert_non_null(ctx);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = tls_new(ctx, TLS_MAIN, NULL, &err);
        tls_set_source(clients[i], (uint64_t)i);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        signer->ops->leave(signer, clients[i]);
        tls_free(clients[i]);
    }
    tls_ctx_unref(ctx);
    sign_client_free(client);
    quotas_free(quotas);
    loop_free(loop);
    (void)close(far);
    return 0;
}

static enum remote_admission ask(int who, struct err *err)
{
    return signer->ops->admit(signer, clients[who], err);
}

static void the_next_gets_a_place_that_becomes_free(void **state)
{
    struct err err;

    (void)state;
    start(2, 0, 60000);
    assert_int_equal(ask(0, &err), REMOTE_GO);
    assert_int_equal(ask(1, &err), REMOTE_GO);
    assert_int_equal(ask(1, &err), REMOTE_GO); /* asked again after a HelloRetryRequest: one place */
    assert_int_equal(ask(2, &err), REMOTE_WAIT);
    assert_int_equal(ask(3, &err), REMOTE_WAIT);
    assert_int_equal(counter_get(&counters.waiting), 2);
    signer->ops->leave(signer, clients[0]);
    assert_int_equal(ask(2, &err), REMOTE_GO);
    assert_int_equal(ask(3, &err), REMOTE_WAIT);
    signer->ops->leave(signer, clients[3]); /* leaves the line, gives no place */
    assert_int_equal(ask(4, &err), REMOTE_WAIT);
    signer->ops->leave(signer, clients[1]);
    assert_int_equal(ask(4, &err), REMOTE_GO);
    assert_int_equal(counter_get(&counters.waiting), 0);
}

static void without_a_token_nobody_waits(void **state)
{
    struct err err;

    (void)state;
    start(1, 0, 60000);
    assert_int_equal(ask(0, &err), REMOTE_GO);
    assert_int_equal(ask(1, &err), REMOTE_WAIT);
    sign_client_set_up(client, false);
    assert_int_equal(ask(1, &err), REMOTE_REFUSE);
    assert_string_equal(err.text, "keystore edge cannot sign: its token is away");
    signer->ops->leave(signer, clients[1]);
    assert_int_equal(ask(2, &err), REMOTE_REFUSE);
    sign_client_set_up(client, true);
    assert_int_equal(ask(2, &err), REMOTE_WAIT);
}

static bool answered(void *arg)
{
    struct remote_signature *signature = arg;

    return signature->failed || signature->done;
}

/* One signature took its time; whoever would wait for several such is told at once. */
static void a_wait_beyond_patience_is_refused_at_once(void **state)
{
    static const uint8_t bytes[] = "x";
    struct remote_signature slow = {.bytes = bytes, .bytes_len = 1};
    struct err err;

    (void)state;
    start(1, 2, 400);
    signer->ops->submit(signer, &slow);
    assert_int_equal(ask(0, &err), REMOTE_WAIT);   /* nobody before it */
    assert_int_equal(ask(1, &err), REMOTE_REFUSE); /* one before it, at two a second */
    assert_string_equal(err.text, "keystore edge: the wait for a signature would be 0 s");
    assert_int_equal(counter_get(&counters.refused_early), 1);
    signer->ops->cancel(signer, &slow);
    assert_false(answered(&slow));
}

/* The only request ran into sign-timeout, which is longer than anybody's patience. */
static void who_finds_a_free_place_takes_it(void **state)
{
    static const uint8_t bytes[] = "x";
    struct remote_signature slow = {.bytes = bytes, .bytes_len = 1};
    struct err err;

    (void)state;
    timeout_ms = 300;
    start(1, 0, 100);
    timeout_ms = 5000;
    signer->ops->submit(signer, &slow);
    assert_true(net_run_until(loop, answered, &slow));
    assert_true(slow.failed);
    assert_int_equal(ask(0, &err), REMOTE_GO);     /* how long others took does not matter to it */
    assert_int_equal(ask(1, &err), REMOTE_WAIT);   /* nor is one bad answer worth more than its patience */
    assert_int_equal(ask(2, &err), REMOTE_REFUSE); /* a second one of these would be too long */
    signer->ops->leave(signer, clients[0]);
    assert_int_equal(ask(1, &err), REMOTE_GO);
    assert_int_equal(counter_get(&counters.refused_early), 1);
}

/* Others ask for the same two a second; what a page of theirs says counts. */
static void who_waits_in_other_workers_counts_in_the_wait(void **state)
{
    struct counters_page *other;
    struct err err;
    int fd = counters_new("test", sizeof *other, &err);

    (void)state;
    start(1, 2, 2900);
    other = counters_map(fd, sizeof *other, &err);
    assert_true(quotas_add_peer(quotas, 7, counters_view(fd, sizeof *other, &err)));
    assert_int_equal(ask(0, &err), REMOTE_GO);
    limit_table_set(&other->limits, 1, 5);
    assert_int_equal(ask(1, &err), REMOTE_WAIT);   /* five before it */
    assert_int_equal(ask(2, &err), REMOTE_REFUSE); /* six */
    assert_string_equal(err.text, "keystore edge: the wait for a signature would be 3 s");
    assert_int_equal(limit_table_count(&page.limits, 1), 1);
    limit_table_set(&other->limits, 1, 4);
    assert_int_equal(ask(2, &err), REMOTE_WAIT);
    assert_int_equal(limit_table_count(&page.limits, 1), 2);
    (void)munmap(other, sizeof *other);
    (void)close(fd);
}

static bool second_may_go(void *arg)
{
    struct err err;

    (void)arg;
    return ask(2, &err) == REMOTE_GO;
}

/* max-signatures-per-second: places are free, but the next is given only when the second allows it. */
static void the_rate_holds_places_back(void **state)
{
    struct err err;

    (void)state;
    start(100, 20, 60000);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ask(0, &err), REMOTE_GO);
        signer->ops->leave(signer, clients[0]);
    }
    assert_int_equal(ask(2, &err), REMOTE_WAIT);
    assert_true(net_run_until(loop, second_may_go, NULL)); /* by the loop's own timer */
}

int main(void)
{
#define PLACE_TEST(name) cmocka_unit_test_teardown(name, stop)
    const struct CMUnitTest tests[] = {
        PLACE_TEST(the_next_gets_a_place_that_becomes_free),
        PLACE_TEST(without_a_token_nobody_waits),
        PLACE_TEST(a_wait_beyond_patience_is_refused_at_once),
        PLACE_TEST(who_finds_a_free_place_takes_it),
        PLACE_TEST(who_waits_in_other_workers_counts_in_the_wait),
        PLACE_TEST(the_rate_holds_places_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
