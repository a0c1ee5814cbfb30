#include "tls_kit.h"

#include <string.h>

struct garbage {
    const char *bytes;
    size_t len;
    const char *error; /* NULL: waits for more */
};

#define GARBAGE(text) text, sizeof text - 1

static const struct garbage garbage[] = {
    {GARBAGE(""), NULL},
    {GARBAGE("\x16\x03\x01"), NULL},
    {GARBAGE("\x16\x03\x01\x00\xff\x01"), NULL},
    {GARBAGE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "client speaks plain HTTP, not TLS"},
    {GARBAGE("POST /as2 HTTP/1.1\r\n"), "client speaks plain HTTP, not TLS"},
    {GARBAGE("CONNECT a:443 HTTP/1.1\r\n"), "client speaks plain HTTP, not TLS"},
    {GARBAGE("USER anonymous\r\n"), "client does not speak TLS"},
    {GARBAGE("SSH-2.0-OpenSSH_9\r\n"), "client does not speak TLS"},
    {GARBAGE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "client does not speak TLS"},
    {GARBAGE("\x16\x03\x01\xff\xff\x01\xff\xff\xff\xff\xff"), "packet length too long"},
    {GARBAGE("\x15\x03\x01\x00\x02\x02\x28"), "unexpected message"},
    {GARBAGE("\x17\x03\x03\x00\x05hello"), "unexpected message"},
    {GARBAGE("\x16\x03\x01\x00\x04\x01\xff\xff\xff"), "client sent a handshake message that is too long"},
    {GARBAGE("\x16\x03\x01\x00\x04\x0b\x00\x00\x00"), "unexpected message"},
};

static void garbage_row(struct kit *kit, const struct garbage *row)
{
    struct kit_pair pair;
    struct tls_io io;
    enum tls_status status;

    kit_connect(&pair, kit->ctx, TLS_MAIN, NULL, &kit->client, NULL);
    io = (struct tls_io){
        .in = (const uint8_t *)row->bytes, .in_len = row->len, .out = pair.out, .out_size = KIT_ROOM};
    status = tls_handshake(pair.server, &io);
    assert_int_equal(status, row->error ? TLS_FAILED : TLS_WANT_INPUT);
    assert_string_equal(tls_error(pair.server)->text, row->error ? row->error : "");
    kit_pair_free(&pair);
}

static void garbage_is_refused_with_a_reason(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    for (size_t i = 0; i < ROWS(garbage); i++)
        garbage_row(&kit, &garbage[i]);
    assert_int_equal(kit.signer.admits, 0);
    kit_close(&kit);
}

/* Every byte of a ClientHello changed once: whatever comes of it, it ends in a known state and leaks nothing.
 */
static void a_changed_hello_does_no_harm(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;
    unsigned failed = 0, waiting = 0;
    uint8_t hello[2048];
    size_t len;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    kit_connect(&pair, kit.ctx, TLS_MAIN, NULL, &kit.client, NULL);
    kit_client_step(&pair);
    len = kit_lend(&pair).in_len;
    assert_true(len > 100 && len < sizeof hello);
    memcpy(hello, kit_lend(&pair).in, len);
    for (size_t i = 0; i < len; i++) {
        struct err err;
        struct tls *tls = tls_new(kit.ctx, TLS_MAIN, NULL, &err);
        struct tls_io io = {.in = hello, .in_len = len, .out = pair.out, .out_size = KIT_ROOM};
        enum tls_status status;

        hello[i] ^= 0xff;
        status = tls_handshake(tls, &io);
        hello[i] ^= 0xff;
        assert_true(status == TLS_FAILED || status == TLS_WAITING || status == TLS_WANT_INPUT);
        failed += status == TLS_FAILED;
        waiting += status == TLS_WAITING;
        tls_free(tls);
    }
    assert_true(failed > 20);
    assert_true(waiting > 20); /* random, session id: these bytes mean nothing */
    assert_int_equal(kit.signer.submits, kit.signer.cancels);
    assert_int_equal(kit.signer.admits, kit.signer.submits + kit.signer.leaves);
    kit_pair_free(&pair);
    kit_close(&kit);
}

static void nothing_is_read_or_written_before_the_handshake_is_done(void **state)
{
    struct tls_policy policy = kit_policy();
    struct kit kit;
    struct kit_pair pair;

    (void)state;
    kit_open(&kit, &policy, 1U << KIT_P256, 0);
    assert_int_equal(kit_begin(&pair, &kit, NULL), TLS_WAITING);
    kit_server_close(&pair); /* no close_notify either */
    assert_int_equal(BIO_ctrl_pending(pair.to_client), 0);
    assert_int_equal(kit_server_write(&pair, "220 early\r\n", 11), TLS_FAILED);
    assert_int_equal(BIO_ctrl_pending(pair.to_client), 0);
    assert_string_equal(tls_error(pair.server)->text, "used before its handshake was done");
    assert_int_equal(kit.signer.cancels, 1);
    kit_pair_free(&pair);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_is_refused_with_a_reason),
        cmocka_unit_test(a_changed_hello_does_no_harm),
        cmocka_unit_test(nothing_is_read_or_written_before_the_handshake_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
