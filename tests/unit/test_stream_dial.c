/* Several addresses as one stream: which is tried, what it is sent first, who is told what. */
#include "net_pair.h"
#include "stream_dial.h"
#include "tls_kit.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 3, NOT_TRIED = -1 };

static struct {
    bool connected, failed, secure, drained;
    size_t got_len;
    char got[256];
} seen;

static struct {
    int outcome[ADDRESSES];
    struct err why[ADDRESSES];
    int over, factory_calls;
    struct tls_ctx *ctx;
} told;

static struct loop *loop;

static size_t take_data(void *owner, struct stream *stream, const uint8_t *data, size_t len)
{
    (void)owner;
    (void)stream;
    assert_true(seen.got_len + len <= sizeof seen.got);
    memcpy(seen.got + seen.got_len, data, len);
    seen.got_len += len;
    return len;
}

static void take_event(void *owner, struct stream *stream, enum stream_event event)
{
    (void)owner;
    (void)stream;
    assert_true(event == STREAM_FAILED || event == STREAM_CONNECTED || seen.connected);
    seen.connected |= event == STREAM_CONNECTED;
    seen.failed |= event == STREAM_FAILED;
    seen.secure |= event == STREAM_SECURE;
}

static const struct stream_user user = {.data = take_data, .event = take_event};

static void was_tried(void *owner, size_t index, enum stream_dial_outcome outcome, const struct err *why)
{
    (void)owner;
    assert_int_equal(told.outcome[index], NOT_TRIED);
    told.outcome[index] = (int)outcome;
    if (why)
        told.why[index] = *why;
    assert_int_equal(why == NULL, outcome == STREAM_DIAL_REACHED);
}

static void is_over(void *owner)
{
    (void)owner;
    told.over++;
}

/* Streams do not care which side a conversation is of: here the one that connects is the server. */
static struct tls *make_tls(void *owner, size_t index, struct err *err)
{
    (void)owner;
    (void)index;
    told.factory_calls++;
    if (told.ctx)
        return tls_new(told.ctx, TLS_MAIN, NULL, err);
    err_set(err, "no key");
    return NULL;
}

static const struct stream_dial_hooks clear_hooks = {.tried = was_tried, .over = is_over};
static const struct stream_dial_hooks tls_hooks = {.tried = was_tried, .tls = make_tls, .over = is_over};

static int setup(void **state)
{
    struct err err;

    (void)state;
    memset(&seen, 0, sizeof seen);
    memset(&told, 0, sizeof told);
    for (int i = 0; i < ADDRESSES; i++)
        told.outcome[i] = NOT_TRIED;
    loop = loop_new(&err);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

/* Nobody listens there. */
static void closed_port(struct addr *at)
{
    (void)close(net_listen(at));
}

/* Somebody listens, but his queue is full: the kernel answers nobody. */
struct full {
    int listening, filler[3];
};

static void full_port(struct full *full, struct addr *at)
{
    full->listening = net_listen(at);
    assert_int_equal(listen(full->listening, 0), 0);
    for (size_t i = 0; i < ROWS(full->filler); i++) {
        full->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(full->filler[i], &at->sa.any, at->len);
    }
}

static void full_close(struct full *full)
{
    for (size_t i = 0; i < ROWS(full->filler); i++)
        (void)close(full->filler[i]);
    (void)close(full->listening);
}

static struct stream *dial(const struct addr *to, size_t count, const struct stream_dial_hooks *hooks)
{
    const struct stream_dial wanted = {.to = to,
                                       .count = count,
                                       .timeout_ms = 100,
                                       .handshake_timeout_ms = 100,
                                       .prefix = "PROXY UNKNOWN\r\n",
                                       .prefix_len = 15,
                                       .hooks = hooks};
    struct err err;

    ev_now_update(loop_ev(loop)); /* making keys took its time */
    return stream_dial(loop, &wanted, &user, NULL, &err);
}

static bool is_settled(void *arg)
{
    (void)arg;
    return seen.connected || seen.failed;
}

static void assert_reads(int fd, const char *expected)
{
    char got[256] = "";
    size_t len = 0;

    while (len < strlen(expected)) {
        ssize_t count = read(fd, got + len, sizeof got - 1 - len);

        assert_true(count > 0);
        len += (size_t)count;
    }
    assert_string_equal(got, expected);
}

static void h5_the_first_that_takes_us_gets_the_prefix_and_then_what_was_written(void **state)
{
    struct addr to[ADDRESSES], peer;
    struct stream *stream;
    int listening, far;

    (void)state;
    closed_port(&to[0]);
    listening = net_listen(&to[1]);
    to[2] = to[0];
    stream = dial(to, ADDRESSES, &clear_hooks);
    assert_non_null(stream);
    stream_text(stream, "USER anna\r\n");
    assert_true(net_run_until(loop, is_settled, NULL));
    assert_true(seen.connected && !seen.failed);
    assert_int_equal(told.outcome[0], STREAM_DIAL_REFUSED);
    assert_int_equal(told.outcome[1], STREAM_DIAL_REACHED);
    assert_int_equal(told.outcome[2], NOT_TRIED);
    assert_int_equal(told.over, 1);
    stream_peer(stream, &peer);
    assert_int_equal(addr_port(&peer), addr_port(&to[1]));
    stream_text(stream, "PASS x\r\n");
    far = accept(listening, NULL, NULL);
    assert_reads(far, "PROXY UNKNOWN\r\nUSER anna\r\nPASS x\r\n");
    assert_int_equal(stream_bytes_out(stream), 19);
    stream_abort(stream);
    (void)close(far);
    (void)close(listening);
}

static void when_all_refuse_the_stream_fails_with_the_last_cause(void **state)
{
    struct addr to[2];
    char where[ADDR_TEXT_LEN];
    struct stream *stream;

    (void)state;
    closed_port(&to[0]);
    closed_port(&to[1]);
    stream = dial(to, 2, &clear_hooks);
    assert_non_null(stream);
    assert_true(net_run_until(loop, is_settled, NULL));
    assert_true(seen.failed && !seen.connected);
    assert_int_equal(told.outcome[0], STREAM_DIAL_REFUSED);
    assert_int_equal(told.outcome[1], STREAM_DIAL_REFUSED);
    assert_int_equal(told.over, 1);
    addr_text(&to[1], where);
    assert_non_null(strstr(stream_error(stream)->text, where));
    assert_non_null(strstr(stream_error(stream)->text, "refused"));
    stream_close(stream);
}

static void one_that_does_not_answer_is_left_after_its_time(void **state)
{
    struct addr to[2];
    struct full full;
    struct stream *stream;
    int listening;

    (void)state;
    full_port(&full, &to[0]);
    listening = net_listen(&to[1]);
    stream = dial(to, 2, &clear_hooks);
    assert_non_null(stream);
    assert_true(net_run_until(loop, is_settled, NULL));
    assert_true(seen.connected);
    assert_int_equal(told.outcome[0], STREAM_DIAL_TIMED_OUT);
    assert_int_equal(told.outcome[1], STREAM_DIAL_REACHED);
    stream_abort(stream);
    full_close(&full);
    (void)close(listening);
}

static void after_the_time_for_all_no_other_is_tried(void **state)
{
    struct addr to[2];
    struct full full;
    struct stream_dial wanted = {.to = to, .count = 2, .total_ms = 50, .hooks = &clear_hooks};
    struct stream *stream;
    struct err err;

    (void)state;
    full_port(&full, &to[0]);
    closed_port(&to[1]);
    stream = stream_dial(loop, &wanted, &user, NULL, &err);
    assert_non_null(stream);
    assert_true(net_run_until(loop, is_settled, NULL));
    assert_true(seen.failed);
    assert_int_equal(told.outcome[0], STREAM_DIAL_TIMED_OUT);
    assert_int_equal(told.outcome[1], NOT_TRIED);
    assert_int_equal(told.over, 1);
    stream_close(stream);
    full_close(&full);
}

static void an_address_without_a_way_is_passed_over_at_once(void **state)
{
    struct addr to[2];
    struct stream *stream;
    struct err err;
    int listening = net_listen(&to[1]);

    (void)state;
    assert_true(addr_parse("255.255.255.255:9", &to[0], &err)); /* TCP to the broadcast address: no way */
    stream = dial(to, 2, &clear_hooks);
    assert_non_null(stream);
    assert_int_equal(told.outcome[0], STREAM_DIAL_REFUSED);
    assert_true(net_run_until(loop, is_settled, NULL));
    assert_true(seen.connected);
    stream_abort(stream);
    memset(&seen, 0, sizeof seen);
    told.outcome[0] = NOT_TRIED;
    assert_null(dial(to, 1, &clear_hooks));
    assert_int_equal(told.over, 2);
    (void)close(listening);
}

static void our_own_lack_of_descriptors_is_not_the_addresses_fault(void **state)
{
    struct addr to;
    struct rlimit before, none;
    int listening = net_listen(&to), next = dup(listening);

    (void)state;
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_null(dial(&to, 1, &clear_hooks));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(told.outcome[0], STREAM_DIAL_NO_SOCKET);
    assert_int_equal(told.over, 1);
    (void)close(listening);
}

static void a_stream_that_is_closed_meanwhile_tells_nobody_and_ends_the_dial(void **state)
{
    struct addr to[2];
    struct stream *stream;

    (void)state;
    for (int turns = 0; turns < 4; turns++) {
        closed_port(&to[0]);
        closed_port(&to[1]);
        memset(&seen, 0, sizeof seen);
        told.over = 0;
        told.outcome[0] = told.outcome[1] = NOT_TRIED;
        stream = dial(to, 2, &clear_hooks);
        assert_non_null(stream);
        net_turns(loop, turns);
        if (turns & 1)
            stream_abort(stream);
        else
            stream_close(stream);
        assert_int_equal(told.over, 1);
        net_turns(loop, 5);
        assert_false(seen.connected);
        assert_int_equal(loop_streams(loop), 0);
    }
}

/* --- TLS --- */

static void what_does_not_speak_tls_is_left_for_the_next(void **state)
{
    struct addr to[ADDRESSES];
    struct stream *stream;
    struct tls_policy policy = kit_policy();
    struct kit_signer signer;
    int listening[2], far;

    (void)state;
    kit_signer_init(&signer);
    told.ctx = kit_ctx(&policy, &signer, 1u << KIT_P256);
    listening[0] = net_listen(&to[0]);
    closed_port(&to[1]);
    listening[1] = net_listen(&to[2]);
    stream = dial(to, ADDRESSES, &tls_hooks);
    assert_non_null(stream);
    stream_text(stream, "secret");
    far = accept(listening[0], NULL, NULL);
    assert_int_equal(write(far, "220 no TLS here\r\n", 17), 17);
    assert_true(net_run_until(loop, is_settled, NULL));
    /* the last one accepts (its kernel does) and says nothing */
    assert_true(seen.failed && !seen.connected);
    assert_int_equal(told.outcome[0], STREAM_DIAL_TLS_FAILED);
    assert_int_equal(told.outcome[1], STREAM_DIAL_REFUSED);
    assert_int_equal(told.outcome[2], STREAM_DIAL_TLS_FAILED);
    assert_non_null(strstr(stream_error(stream)->text, "timed out"));
    assert_int_equal(told.factory_calls, 2);
    assert_int_equal(told.over, 1);
    stream_close(stream);
    (void)close(far);
    (void)close(listening[0]);
    (void)close(listening[1]);
    tls_ctx_unref(told.ctx);
}

static void without_a_conversation_the_address_fails(void **state)
{
    struct addr to;
    struct stream *stream;
    int listening = net_listen(&to);

    (void)state;
    stream = dial(&to, 1, &tls_hooks);
    assert_non_null(stream);
    assert_true(net_run_until(loop, is_settled, NULL));
    assert_true(seen.failed);
    assert_int_equal(told.outcome[0], STREAM_DIAL_TLS_FAILED);
    assert_string_equal(stream_error(stream)->text, "no key");
    stream_close(stream);
    (void)close(listening);
}

struct far_side {
    struct kit_signer signer;
    SSL *ssl;
};

/* Both ends take their steps in one thread. */
static bool both_are_done(void *arg)
{
    struct far_side *side = arg;

    (void)SSL_do_handshake(side->ssl);
    kit_signer_answer(&side->signer);
    return seen.connected || seen.failed;
}

static bool has_answer(void *arg)
{
    (void)arg;
    return seen.got_len >= 3;
}

static void what_was_written_before_goes_inside_tls_behind_the_clear_prefix(void **state)
{
    struct addr to;
    struct tls_policy policy = kit_policy();
    struct kit_client client;
    struct far_side side;
    struct stream *stream;
    char got[16] = "";
    int listening = net_listen(&to), far;

    (void)state;
    kit_signer_init(&side.signer);
    told.ctx = kit_ctx(&policy, &side.signer, 1u << KIT_P256);
    kit_client_init(&client, TLS1_3_VERSION);
    stream = dial(&to, 1, &tls_hooks);
    assert_non_null(stream);
    stream_text(stream, "secret");
    far = accept(listening, NULL, NULL);
    net_turns(loop, 3);
    assert_reads(far, "PROXY UNKNOWN\r\n");
    assert_int_equal(fcntl(far, F_SETFL, O_NONBLOCK), 0);
    side.ssl = SSL_new(client.ctx);
    SSL_set_fd(side.ssl, far);
    SSL_set_connect_state(side.ssl);
    assert_true(net_run_until(loop, both_are_done, &side));
    assert_true(seen.connected && !seen.secure);
    assert_int_equal(told.outcome[0], STREAM_DIAL_REACHED);
    assert_int_equal(told.over, 1);
    net_turns(loop, 3);
    assert_int_equal(SSL_read(side.ssl, got, sizeof got), 6);
    assert_string_equal(got, "secret");
    assert_int_equal(SSL_write(side.ssl, "220", 3), 3);
    assert_true(net_run_until(loop, has_answer, NULL));
    assert_memory_equal(seen.got, "220", 3);
    stream_abort(stream);
    SSL_free(side.ssl);
    kit_client_free(&client);
    (void)close(far);
    (void)close(listening);
    net_turns(loop, 2);
    tls_ctx_unref(told.ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(h5_the_first_that_takes_us_gets_the_prefix_and_then_what_was_written,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(when_all_refuse_the_stream_fails_with_the_last_cause, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_does_not_answer_is_left_after_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(after_the_time_for_all_no_other_is_tried, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_without_a_way_is_passed_over_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(our_own_lack_of_descriptors_is_not_the_addresses_fault, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_stream_that_is_closed_meanwhile_tells_nobody_and_ends_the_dial,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_speak_tls_is_left_for_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_conversation_the_address_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_written_before_goes_inside_tls_behind_the_clear_prefix,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
