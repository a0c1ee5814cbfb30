/* TLS that ends before its connection does (F7: CCC and REIN): where what is in clear begins, and that
 * nothing is taken for it that is not. */
#include "net_pair.h"
#include "tls_kit.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    bool secure, ended, cut, failed;
    size_t got_len;
    char got[256];
} seen;

static struct {
    struct loop *loop;
    struct kit kit;
    struct stream *stream;
    SSL *ssl;
    int far;
} stage;

static size_t take_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    assert_true(seen.got_len + len < sizeof seen.got);
    memcpy(seen.got + seen.got_len, data, len);
    seen.got_len += len;
    return len;
}

static void take_event(void *owner, struct stream *stream, enum stream_event event)
{
    (void)owner;
    (void)stream;
    seen.secure |= event == STREAM_SECURE;
    seen.ended |= event == STREAM_ENDED;
    seen.cut |= event == STREAM_CUT;
    seen.failed |= event == STREAM_FAILED;
}

static const struct stream_user user = {.data = take_data, .event = take_event};

static bool is_secure(void *arg)
{
    bool done = SSL_do_handshake(stage.ssl) == 1;
    (void)arg;
    kit_signer_answer(&stage.kit.signer);
    return done && seen.secure;
}

static void secure(void)
{
    struct err err;
    struct tls *tls = tls_new(stage.kit.ctx, TLS_MAIN, NULL, &err);
    assert_non_null(tls);
    seen.secure = false;
    stage.ssl = SSL_new(stage.kit.client.ctx);
    SSL_set_fd(stage.ssl, stage.far);
    SSL_set_connect_state(stage.ssl);
    stream_start_tls(stage.stream, tls, false);
    assert_true(net_run_until(stage.loop, is_secure, NULL));
}

static void open_stage(int version)
{
    struct tls_policy policy = kit_policy();
    struct err err;
    memset(&seen, 0, sizeof seen);
    stage.loop = loop_new(&err);
    kit_open(&stage.kit, &policy, 1u << KIT_P256, version);
    stage.stream = net_pair(stage.loop, &stage.far);
    assert_int_equal(fcntl(stage.far, F_SETFL, O_NONBLOCK), 0);
    stream_set_user(stage.stream, &user, NULL);
    stream_resume(stage.stream);
    secure();
}

static void close_stage(void)
{
    SSL_free(stage.ssl);
    stream_abort(stage.stream);
    (void)close(stage.far);
    net_turns(stage.loop, 3);
    kit_close(&stage.kit);
    loop_free(stage.loop);
}

/* What the client's TLS would send for its end: nothing is sent. */
static size_t sealed_end(const char *before, char *out, size_t size)
{
    BIO *memory = BIO_new(BIO_s_mem());
    BIO_up_ref(memory);
    SSL_set0_wbio(stage.ssl, memory);
    if (*before)
        assert_true(SSL_write(stage.ssl, before, (int)strlen(before)) > 0);
    (void)SSL_shutdown(stage.ssl);
    int len = BIO_read(memory, out, (int)size);
    assert_true(len > 0);
    BIO_free(memory);
    return (size_t)len;
}

static bool has_all(void *arg)
{
    return seen.failed || seen.got_len == strlen(arg);
}

static bool is_over(void *arg)
{
    (void)arg;
    return seen.failed || seen.ended || seen.cut;
}

static void send_in_pieces(const char *data, size_t len, size_t piece)
{
    for (size_t at = 0; at < len; at += piece) {
        size_t size = len - at < piece ? len - at : piece;
        assert_int_equal(write(stage.far, data + at, size), size);
        net_turns(stage.loop, 2);
    }
}

/* The client gets what was written inside, then the end of TLS, and then the rest as it is. */
static void assert_client_reads(const char *inside, const char *outside)
{
    char got[64] = "";
    size_t len = strlen(inside);
    assert_int_equal(SSL_read(stage.ssl, got, sizeof got), len);
    assert_memory_equal(got, inside, len);
    assert_int_equal(SSL_read(stage.ssl, got, sizeof got), 0);
    assert_int_equal(SSL_get_error(stage.ssl, 0), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(read(stage.far, got, sizeof got), strlen(outside));
    assert_memory_equal(got, outside, strlen(outside));
}

static const size_t pieces[] = {1, 2, 7, 1000};
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void f7_clear_begins_behind_the_clients_close_notify(void **state)
{
    static char words[] = "PWD\r\nNOOP\r\n";
    (void)state;
    for (size_t i = 0; i < ROWS(pieces) * ROWS(versions); i++) {
        char bytes[512];
        open_stage(versions[i % ROWS(versions)]);
        stream_text(stage.stream, "200 ok\r\n");
        stream_stop_tls(stage.stream);
        stream_text(stage.stream, "in clear\r\n");
        assert_client_reads("200 ok\r\n", "in clear\r\n");
        size_t len = sealed_end("", bytes, sizeof bytes);
        memcpy(bytes + len, words, sizeof words);
        send_in_pieces(bytes, len + sizeof words - 1, pieces[i / ROWS(versions)]);
        assert_true(net_run_until(stage.loop, has_all, words));
        assert_memory_equal(seen.got, words, sizeof words - 1);
        assert_true(!seen.failed && !seen.ended && !seen.cut);
        assert_int_equal(shutdown(stage.far, SHUT_WR), 0);
        assert_true(net_run_until(stage.loop, is_over, NULL));
        assert_true(seen.ended && !seen.cut); /* FIN is an end now */
        close_stage();
    }
}

static void f7_a_client_may_leave_its_close_notify_out(void **state)
{
    static char words[] = "PWD\r\n";
    (void)state;
    open_stage(TLS1_3_VERSION);
    stream_stop_tls(stage.stream);
    send_in_pieces(words, sizeof words - 1, 1);
    assert_true(net_run_until(stage.loop, has_all, words));
    assert_memory_equal(seen.got, words, sizeof words - 1);
    close_stage();
}

static void f7_what_comes_inside_tls_behind_its_end_is_refused(void **state)
{
    char bytes[512];
    (void)state;
    open_stage(TLS1_3_VERSION);
    stream_stop_tls(stage.stream);
    size_t len = sealed_end("DELE x\r\n", bytes, sizeof bytes);
    send_in_pieces(bytes, len, sizeof bytes);
    assert_true(net_run_until(stage.loop, is_over, NULL));
    assert_true(seen.failed && seen.got_len == 0);
    close_stage();
}

static void f7_records_that_are_none_are_refused(void **state)
{
    static const char bytes[] = "\x17\x03\x03\x00\x20 this was never sealed by anybody";
    (void)state;
    open_stage(TLS1_2_VERSION);
    stream_stop_tls(stage.stream);
    send_in_pieces(bytes, sizeof bytes - 1, sizeof bytes);
    assert_true(net_run_until(stage.loop, is_over, NULL));
    assert_true(seen.failed && seen.got_len == 0);
    close_stage();
}

static void f7_tls_may_begin_again(void **state)
{
    static char words[] = "inside";
    char bytes[512];
    (void)state;
    open_stage(TLS1_3_VERSION);
    stream_stop_tls(stage.stream);
    stream_stop_tls(stage.stream); /* once is enough */
    size_t len = sealed_end("", bytes, sizeof bytes);
    send_in_pieces(bytes, len, sizeof bytes);
    while (read(stage.far, bytes, sizeof bytes) > 0)
        ; /* tickets and our close_notify */
    SSL_free(stage.ssl);
    secure();
    assert_int_equal(SSL_write(stage.ssl, words, sizeof words - 1), sizeof words - 1);
    assert_true(net_run_until(stage.loop, has_all, words));
    assert_false(seen.failed);
    close_stage();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f7_clear_begins_behind_the_clients_close_notify),
        cmocka_unit_test(f7_a_client_may_leave_its_close_notify_out),
        cmocka_unit_test(f7_what_comes_inside_tls_behind_its_end_is_refused),
        cmocka_unit_test(f7_records_that_are_none_are_refused),
        cmocka_unit_test(f7_tls_may_begin_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
